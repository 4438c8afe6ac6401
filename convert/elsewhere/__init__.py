"""A Keras model from elsewhere, with data to prove it on: made into a run folder, so that it takes the same road as our own.

Read in this order: `keras_import` (the whole job), `data` with `pictures` and `labels` (what the .npz holds), `opened` (the
file, of whatever version of Keras), `inputs` and `outputs` (one picture in, logits out), `pixels` (what it was trained with).
"""
