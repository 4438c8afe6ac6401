"""Models of another precision are rebuilt in float32, with the same answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.export.tflite import to_tflite
from convert.float32 import as_float32
from convert.keras_model import keras_logits, quiet_tensorflow
from edgeproof.errors import UsageError

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)


def network(policy: str, **head: Any) -> Any:
    """One with a model inside, a wrapper and statistics."""
    quiet_tensorflow()
    import keras

    layers = keras.layers
    keras.config.set_dtype_policy(policy)
    try:
        inner = keras.Sequential(
            [layers.Input((14, 14, 4)), layers.Conv2D(4, 3), layers.BatchNormalization()], name="inner"
        )
        image = layers.Input((28, 28, 1))
        x = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(layers.Rescaling(1 / 255)(image))
        x = layers.TimeDistributed(layers.Dense(6))(inner(x))
        model = keras.Model(image, layers.Dense(10, **head)(layers.GlobalAveragePooling2D()(x)), name="other")
    finally:
        keras.config.set_dtype_policy("float32")
    random = np.random.default_rng(1)
    model.set_weights([random.uniform(0.1, 1, weights.shape) for weights in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("policy", "head", "permitted"),
    [("mixed_float16", {}, 1e-2), ("mixed_float16", {"dtype": "float32"}, 1e-2), ("float64", {}, 1e-5), ("float16", {}, 2e-2),
     ("float32", {"dtype": "float64"}, 1e-5)],
)  # fmt: skip
def test_another_precision_becomes_float32(policy: str, head: dict[str, Any], permitted: float) -> None:
    """Permitted, of the largest answer: the rounding of the precision that it had."""
    model = network(policy, **head)
    rebuilt, cast = as_float32(model)
    assert cast
    assert {layer.compute_dtype for layer in rebuilt._flatten_layers()} == {"float32"}
    assert {weights.dtype for weights in rebuilt.weights} == {"float32"}
    named = [{layer.name for layer in each._flatten_layers() if layer.weights} for each in (model, rebuilt)]
    assert named[0] == named[1]
    expected, found = (keras_logits(each, IMAGES).astype(np.float64) for each in (model, rebuilt))
    assert np.abs(found - expected).max() <= permitted * np.abs(expected).max()
    assert keras_logits(rebuilt, IMAGES).dtype == np.float32


def test_a_model_of_float32_is_left_as_it_is() -> None:
    model = network("float32")
    assert as_float32(model) == (model, False)


def test_what_is_rebuilt_can_be_exported() -> None:
    assert to_tflite(as_float32(network("mixed_float16", dtype="float32"))[0], precision="fp32")


def test_a_model_that_cannot_be_rebuilt_is_refused_with_a_way_out() -> None:
    import keras

    class Bound(keras.layers.Layer):  # type: ignore[misc]
        """A layer that does not say how it was made."""

        def __init__(self, units: int) -> None:
            super().__init__(dtype="float64")
            self.units = units

        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError("no configuration")

        def call(self, values: Any) -> Any:
            return values

    model = keras.Sequential([keras.layers.Input((28, 28, 1)), Bound(3)])
    with pytest.raises(
        UsageError, match=r"computes in float64 and cannot be rebuilt in float32 \(no configuration\): save it"
    ):
        as_float32(model)
