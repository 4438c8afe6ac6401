"""A Keras 3 model rebuilt in tf_keras, which is what quantization-aware training is written for; for child processes only.

Neither reads the other's files, but the same layers in both take the same weights and give the same answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convert.export.layers import chain_error, graph_of

if TYPE_CHECKING:
    import keras
    import tf_keras

_CONV = ("kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
_POOL = ("pool_size", "strides", "padding")
#: What of a layer's settings makes it compute what it computes.
_SETTINGS: dict[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling2D": _POOL,
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv2D": ("filters", "groups", *_CONV),
    "Dense": ("units", "activation", "use_bias"),
    "DepthwiseConv2D": ("depth_multiplier", *_CONV),
    "Flatten": (),
    "GlobalAveragePooling2D": ("keepdims",),
    "GlobalMaxPooling2D": ("keepdims",),
    "MaxPooling2D": _POOL,
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Reshape": ("target_shape",),
    "SeparableConv2D": ("filters", "depth_multiplier", *_CONV),
    "ZeroPadding2D": ("padding",),
}
_DROPPED = ("Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout")  # nothing happens there but in training


def tf_keras_copy_of(model: keras.Model) -> tf_keras.Model:
    """The tf_keras model with the layers and weights of a Keras 3 model, without its scaling: it takes 0..1.

    Raises ValueError naming the layer that cannot be carried over.
    """
    import tf_keras

    source, steps, target = graph_of(model)
    image = tf_keras.Input(tuple(source.shape[1:]), name="image")
    tensors = {id(source): image}
    scaled = False
    copies = []
    for layer, inputs, output in steps:
        kind = type(layer).__name__
        values = [tensors[id(tensor)] for tensor in inputs]
        if kind == "Rescaling" and not scaled and values[0] is image:
            config = layer.get_config()
            if not np.isclose(config["scale"], 1 / 255) or config["offset"] != 0:
                raise ValueError(
                    f"layer {layer.name}: expected Rescaling(1/255), found scale {config['scale']}, offset {config['offset']}"
                )
            scaled = True
        elif kind not in _DROPPED:
            if kind not in _SETTINGS:
                raise chain_error(layer, _SETTINGS)
            config = layer.get_config()
            settings = {key: config[key] for key in _SETTINGS[kind] if key in config}
            copy = getattr(tf_keras.layers, kind)(name=layer.name, **settings)
            values = [copy(values if len(values) > 1 else values[0])]
            copies.append((copy, layer))
        tensors[id(output)] = values[0]
    if not scaled:
        raise ValueError("expected the model to begin with Rescaling(1/255), found none")
    rebuilt = tf_keras.Model(image, tensors[id(target)])
    for copy, layer in copies:
        copy.set_weights(layer.get_weights())
    return rebuilt
