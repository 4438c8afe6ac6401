"""edgeproof beside other ways to read digits from a photograph: same pictures, same process rules, one run.

Read in this order: `readers` and `hog_svm` (the peers), `child` (one of them in a process of its own) with `sizes`,
`pictures` (what they read), `measure` with `report` and `publish` (the table).
"""
