"""One training from samples to weights. Read in this order: `fit` (the input pipeline, the loop), `augment`, `distillation`,
`optimizers`, `callbacks` with `checkpoints` (what a killed training leaves), `transfer` (beginning with another run),
`temperature` (do the scores mean what they say), `throughput`; and `distribute` with `rendezvous` (several machines).

May import `train.recipe`, `train.data` and edgeproof's contract and support; nothing of `report` and `tune`.
"""
