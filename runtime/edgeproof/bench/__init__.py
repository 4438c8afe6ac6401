"""The measuring core. Read in this order: `timing` (from single times to figures that a stranger can believe), `report`
(what is measured and said), `measure` (every artifact on every backend, by turns), `placement` (on which provider each node
ran, in a run of its own), `cold_start` (start-up and memory, in a child), `table`.

May import the contract and `edgeproof.support`; nothing of `page`, `sources` or `output`.
"""
