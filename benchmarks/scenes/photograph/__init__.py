"""From a written page to a photograph of it: `paper`, `texture`, `light`, `lens`, and `camera`, which puts them
together; `moves` are cameras elsewhere.
"""
