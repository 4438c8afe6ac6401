"""`python -m benchmarks frontier`: several bundles of one data set beside each other, by accuracy, arithmetic and time.
`measure` (the verb), `report` (points, and which of them no other beats), `publish` (the table), `plot` (the picture).
"""
