"""From data to a trained Keras model: `python -m train run RECIPE` writes the run folder that convert reads.

Read in this order: `recipe` (what is asked), `run` (the whole job, top to bottom), then `data`, `models`, `augment`,
`negatives`, `figures` as needed.
"""
