"""Picture files. One passes `header` (what it says of itself), then `raster` (its pixels, upright on white), in this process
or in `decoder_child`; `picture` conducts.
"""
