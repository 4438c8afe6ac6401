"""What an HDF5 file may ask for at most: far more than the largest models that people have."""

from __future__ import annotations

MAX_CONFIG_BYTES = 8 << 20  # a ResNet of 152 layers has 0.3 MB
MAX_JSON_DEPTH = 100  # a model within a model within a model has 40
MAX_LAYERS = 2_000  # a DenseNet of 201 layers has 700
MAX_NESTING = 8  # models in models; people have two
MAX_CALLS = 5_000  # a layer may be called more than once
MAX_DIMENSIONS = 6  # of an input: batch, time, height, width, channels, and one to spare
MAX_NAME = 200  # characters
MAX_WEIGHTS = 10_000  # five of each layer
MAX_WEIGHT_BYTES = 600_000_000  # VGG19, the largest that is still common, has 575 MB
MAX_RATIO = 100  # of compression: trained weights shrink by a tenth, so that only zeros shrink by more
RATIO_FROM_BYTES = 1 << 20  # biases of a new layer are zeros too
MAX_PATH_PARTS = 32  # of a weight's name; Keras writes three to six
