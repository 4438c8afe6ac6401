"""Where frames come from. Read in this order: `source` (what a source and a frame are), `parse` (which string names
which), `picture`, `video` and `live` (one kind each), `frames` (any of them).

May import `edgeproof.support` and `edgeproof.errors`; knows nothing of digits.
"""
