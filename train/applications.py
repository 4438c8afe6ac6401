"""Small networks of `keras.applications` as a recipe takes them: `model = "train.applications:mobilenet_v2"`, for pictures of
32×32 and more, usually `input = [96, 96, 3]`.

Their weights begin at random. Who has a file of Keras' own weights (…_no_top.h5, with the same `alpha`) names it in a function
of one's own, and the recipe names that one:

    from train import applications

    def mine(classes, input_shape):
        return applications.mobilenet_v2(classes, input_shape, weights="mobilenet_v2_weights_…_0.35_96_no_top.h5")
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers


def mobilenet_v2(
    classes: int, input_shape: tuple[int, int, int], *, alpha: float = 0.35, weights: str | Path | None = None
) -> keras.Model:
    """MobileNetV2, `alpha` times as wide: 0.41 million parameters before the head with 0.35.

    `image` float32 (N, *input_shape), 0..255, scaled to -1..1 inside → logits float32 (N, classes). `weights` is a file for
    three channels.
    """
    image = keras.Input(input_shape, name="image")
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(image)
    network = keras.applications.MobileNetV2(
        input_tensor=scaled, alpha=alpha, include_top=False, weights=_file(weights), pooling="avg"
    )
    return keras.Model(image, layers.Dense(classes, name="logits")(network.output))


def mobilenet_v3_small(
    classes: int, input_shape: tuple[int, int, int], *, alpha: float = 0.75, weights: str | Path | None = None
) -> keras.Model:
    """MobileNetV3 small, `alpha` times as wide: 0.59 million parameters before the head with 0.75; else as `mobilenet_v2`."""
    image = keras.Input(input_shape, name="image")
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(image)
    network = keras.applications.MobileNetV3Small(
        input_tensor=scaled,
        alpha=alpha,
        include_top=False,
        weights=_file(weights),
        pooling="avg",
        include_preprocessing=False,
    )
    return keras.Model(image, layers.Dense(classes, name="logits")(network.output))


def _file(weights: str | Path | None) -> str | None:
    return None if weights is None else str(weights)
