"""A model file that this machine has not run yet is first opened and run in a child process: a bundle with right checksums may
still hold a model that ends, stops or fills the process that opens it. Read in this order: `probe` (what is asked and refused),
`child` (what is done there, under which limits), `process` (the child as its parent sees it), `verdicts` (what is kept).

May import `edgeproof.bundle`, `edgeproof.user_cache` and below.
"""
