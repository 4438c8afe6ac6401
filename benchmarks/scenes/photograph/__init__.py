"""From a written page to a photograph of it: `texture`, `paper`, `printing` and `camera`, which puts ink on it and looks at
it; then what is done to a finished picture: `light`, `lens`, `moves`.
"""
