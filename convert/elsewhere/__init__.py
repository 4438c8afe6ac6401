"""A Keras model from elsewhere, with data to prove it on: made into a run folder, so that it takes the same road as our own.

Read in this order: `keras_import` (the whole job), `data` with `pictures` and `labels` (what the .npz holds), `opened` (the
file; `keras2`: one of Keras 2), `inputs` and `outputs` (one picture in, logits out), `pixel_choice` with `pixels` and `measured`
(what it was trained with).
"""
