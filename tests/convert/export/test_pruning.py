"""Channels: which are cut, and that the others answer as before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.export.pruning import cut, strongest
from convert.keras_model import keras_logits

pytestmark = pytest.mark.slow


def test_the_weakest_channels_are_found_and_removed_exactly(model: Any, images: NDArray[np.uint8]) -> None:
    """Half of the channels are made silent. Cutting half must find just these, so that no answer changes."""
    import keras

    half_silent = keras.models.clone_model(model)
    half_silent.set_weights(model.get_weights())
    for layer in half_silent.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable in (layer.gamma, layer.beta):
                variable.assign(variable.numpy() * (np.arange(len(variable.numpy())) % 2))
    pruned = cut(half_silent, 0.5)
    assert pruned.count_params() < 0.6 * half_silent.count_params()
    assert [layer.filters for layer in pruned.layers if isinstance(layer, keras.layers.Conv2D)] == [4, 8, 12]
    assert pruned.output_shape == model.output_shape
    difference = keras_logits(pruned, images) - keras_logits(half_silent, images)
    assert np.abs(difference).max() <= 1e-3, "float sums in another order"


def test_pruning_follows_channels_through_flatten(images: NDArray[np.uint8]) -> None:
    import keras

    layers = keras.layers
    whole = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Conv2D(8, 3, strides=4), layers.MaxPooling2D(2), layers.Flatten(),
         layers.Dense(16, activation="relu"), layers.Dense(3)]
    )  # fmt: skip
    kernel, bias = whole.layers[0].get_weights()
    whole.layers[0].set_weights([kernel * (np.arange(8) < 4), bias])
    kernel, bias = whole.layers[3].get_weights()
    whole.layers[3].set_weights([kernel * (np.arange(16) >= 8), bias])
    pruned = cut(whole, 0.5)
    assert [layer.units for layer in pruned.layers if isinstance(layer, layers.Dense)] == [8, 3]
    assert np.abs(keras_logits(pruned, images) - keras_logits(whole, images)).max() <= 1e-3


def test_channels_are_kept_by_fours() -> None:
    strength = np.array([5.0, 1, 4, 2, 3, 9, 9, 0])
    assert strongest(strength, 0.5).tolist() == [0, 2, 5, 6]
    assert strongest(strength, 0.3).tolist() == list(range(8)), "5.6 is rounded up to 8"
    assert strongest(strength, 0.9).tolist() == [0, 2, 5, 6]


def branched() -> Any:
    import keras

    image = x = keras.Input((28, 28, 1))
    x = keras.layers.Add()([x, keras.layers.ReLU()(x)])
    return keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(x)))


def separable() -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [layers.Input((28, 28, 1)), layers.SeparableConv2D(4, 3), layers.Flatten(), layers.Dense(10)]
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [(branched, "expected a chain of layers, found a branch"), (separable, "SeparableConv2D is not supported here")],
)
def test_what_cannot_be_pruned_is_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cut(make(), 0.5)
