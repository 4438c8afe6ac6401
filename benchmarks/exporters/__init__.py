"""edgeproof beside other ways from a Keras model to a file for a device: the same run, in one run.

Read in this order: `exporters` (the ways), `child` (one of them in a process of its own), `faults` (what is given to them that
should not be exported), `products` (their files, executed), `measure` with `report` and `publish` (the tables).
"""
