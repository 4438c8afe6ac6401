"""Where frames come from. Read in this order: `source` (what a source and a frame are), `parse` (which string names
which), `picture`, `video` and `live` (one kind each), `frames` (any of them).

A picture passes `header` (what it says of itself), then `raster` (its pixels, upright on white), in this process or in
`decoder_child`.

May import `edgeproof.support` and `edgeproof.errors`; knows nothing of digits.
"""
