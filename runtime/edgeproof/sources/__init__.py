"""Where frames come from. Read in this order: `source` (what a source and a frame are), `parse` (which string names
which) and `redact` (what of it may be shown), `picture`, `video` and `live` (one kind each), `frames` (any of them).

A picture passes `header` (what it says of itself), then `raster` (its pixels, upright on white), in this process or in
`decoder_child`. A video passes `container` (how long it says that it is).

May import `edgeproof.support` and `edgeproof.errors`; knows nothing of digits.
"""
