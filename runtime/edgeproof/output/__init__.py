"""Where readings go. Read in this order: `sinks` (JSON lines, table, window: each takes every reading), `draw` (a frame with
what was read in it), `places` (which file is written, and which never), `saved` (pictures, videos, crops, stages in folders),
`append_file` (whole pieces or none), `json_file` and `video_file` (what grows by them), `explain` (why it was read so).

May import `edgeproof.page`, `edgeproof.sources`, the contract and `edgeproof.support`.
"""
