"""The way in for models in the older HDF5 form (.h5), which may carry code: they are read as data and built anew.

Read in this order: `child` (the process in which all of it happens, and what it may do), `reading` (what is taken from the
file, and what is refused of it), `config` (the layers it describes, in plain words), `layers` (which layers are known, and
how Keras 2 spelled them), `rebuild` (the same layers in Keras 3, with the weights). `limits`: what a file may ask for.

May import edgeproof's support and `convert.keras_model`.
"""
