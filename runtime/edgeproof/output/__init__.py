"""Where readings go. Read in this order: `sinks` (JSON lines, table, files, window: each takes every reading), `draw`
(a frame with what was read in it), `explain` (one picture, or a folder of stages, of why it was read so).

May import `edgeproof.page`, `edgeproof.sources`, the contract and `edgeproof.support`.
"""
