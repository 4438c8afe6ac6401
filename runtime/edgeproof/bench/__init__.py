"""The measuring core. Read in this order: `timing` (from single times to figures that a stranger can believe), `report`
(what is measured and said), `measure` (every artifact on every backend, by turns), `audit` (are those the model's times?),
`opened` (what works here), `placement` (on which provider each node ran, in a run of its own), `child` (a process that measures),
`cold_start` (start-up and memory, in one), `compare` (is one faster than another?) with `instances` (its children), `table`.

May import the contract and `edgeproof.support`; nothing of `page`, `sources` or `output`.
"""
