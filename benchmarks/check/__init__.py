"""`python -m benchmarks check`: has anything become slower? `yardstick` (the model that all is held against), `machine_class`
(which machines share a reference), `check` (the verdict).
"""
