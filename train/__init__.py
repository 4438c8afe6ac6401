"""From data to a trained Keras model: `python -m train run RECIPE` writes the run folder that convert reads.

Read in this order: `recipe` (what is asked), `run` (the whole job, top to bottom), `models` (layer words → network) with
`applications` (ready networks for larger pictures) and `cost` (what one needs on a device), then the rooms as needed:
`data/` (data sets, own pictures, drawn images, the split), `fit/` (one training), `report/` (what a person sees), `tune/`
(the search for a better recipe), `scorer/` (what tells digits on a page from other things). `evaluate` counts what a trained
model is worth, `compare` shows recipes side by side, `export` writes a model alone.

May import edgeproof; never convert or benchmarks: stages talk through files.
"""
