"""Where frames come from. Read in this order: `source` (what a source and a frame are), `parse` (which string names
which) and `redact` (what of it may be shown), `pictures`, `video` and `live` (one kind each), `frames` (any of them).
A video passes `container` (how long it says that it is). `cameras` lists those that are there.

May import `edgeproof.support` and `edgeproof.errors`; knows nothing of digits.
"""
