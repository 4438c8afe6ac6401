"""What was measured on this very machine, kept in the user's cache. Read in this order: `fingerprint` (where a measurement
holds), `cache` (kept, found again, forgotten). `edgeproof.bench.tune` measures.

May import the contract and `edgeproof.support`. A bundle is never changed.
"""
