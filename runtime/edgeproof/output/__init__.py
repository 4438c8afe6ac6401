"""Where readings go. Read in this order: `shot` (a frame with what was read in it), `sinks` (JSON lines, table: each takes every
shot), `records` (the JSON of each), `draw` (a shot for a person), `window`, `files` (what is written into folders), `explain`
(why it was read so).

May import `edgeproof.tracking`, `edgeproof.page`, `edgeproof.sources`, the contract and `edgeproof.support`.
"""
