"""`python -m benchmarks run` and `table`: `results` (measured figures, kept per machine), `plot`, `table` (the results
table), `keras_rows` (the model before it was converted, beside it).
"""
