"""`python -m benchmarks run` and `table`: `results` (measured figures, kept per machine), `plot`, `table` (the results
table).
"""
