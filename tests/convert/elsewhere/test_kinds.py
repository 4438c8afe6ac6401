"""Other people's models by kind: each is taken, and answers as it did, or is refused with the one right reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.keras_model import keras_logits, load_model
from edgeproof import scores
from edgeproof.errors import EdgeproofError, GateError, UsageError

pytestmark = pytest.mark.slow

Body = Callable[[Any], Any]
SIZE = (28, 28, 1)


def keras() -> Any:
    import keras

    return keras


def scaled(scale: float, offset: float = 0.0) -> Any:
    """Undoes pixel × scale + offset, so that what comes behind it has 0..1 again."""
    return keras().layers.Rescaling(1 / (255 * scale), -offset / (255 * scale))


def model_of(inputs: Any, outputs: Any) -> Any:
    return keras().Model(inputs, outputs)


def image(shape: tuple[int | None, ...] = SIZE, **options: Any) -> Any:
    return keras().Input(shape, **options)


# ---- what is taken ---------------------------------------------------------------------------------------------------


def plain(body: Body) -> Any:
    x = image()
    return model_of(x, body(x))


def softmax(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Softmax()(body(x)))


def softmax_in_the_last_layer(body: Body) -> Any:
    x = image()
    last = keras().layers.Dense(10, activation="softmax")
    made = model_of(x, last(body(x)))
    last.set_weights([np.eye(10), np.zeros(10)])
    return made


def raw(body: Body) -> Any:
    x = image()
    return model_of(x, body(scaled(1)(x)))


def signed(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Softmax()(body(scaled(1 / 127.5, -1)(x))))


def inverted(body: Body) -> Any:
    x = image()
    return model_of(x, body(scaled(-1 / 255, 1)(x)))


def standardized(body: Body) -> Any:
    x = image()
    return model_of(x, body(scaled(1 / 50, -1.2)(x)))


def scaling_inside_that_is_not_all(body: Body) -> Any:
    """`Rescaling(2, offset=-1)`, trained on x/255."""
    x = image()
    return model_of(x, body(scaled(1 / 127.5, -1)(keras().layers.Rescaling(2, offset=-1)(x))))


def normalization_adapted_on_0_to_1(body: Body) -> Any:
    x = image()
    inner = keras().layers.Normalization(mean=0.13, variance=0.31**2)(x)
    return model_of(x, body(keras().layers.Rescaling(0.31, 0.13)(inner)))


def flattened(body: Body) -> Any:
    x = image((784,))
    return model_of(x, keras().layers.Softmax()(body(keras().layers.Reshape(SIZE)(x))))


def without_channels(body: Body) -> Any:
    x = image((28, 28))
    return model_of(x, body(keras().layers.Reshape(SIZE)(x)))


def channels_first(body: Body) -> Any:
    x = image((1, 28, 28))
    return model_of(x, body(keras().layers.Permute((2, 3, 1))(x)))


def fixed_batch(body: Body) -> Any:
    x = image(batch_size=32)
    return model_of(x, body(x))


def built_by_its_first_batch(body: Body) -> Any:
    sequential = keras().Sequential([keras().layers.Rescaling(1.0), keras().Sequential([image(), *layers_of(body)])])
    sequential(np.zeros((32, *SIZE), np.float32))
    return sequential


def layers_of(body: Body) -> list[Any]:
    return plain(body).layers[1:]


def any_size(body: Body) -> Any:
    x = image((None, None, 1))
    return model_of(x, body(x))


def bytes_in(body: Body) -> Any:
    x = image(dtype="uint8")
    return model_of(x, body(keras().layers.Rescaling(1 / 255)(x)))


def halves_in(body: Body) -> Any:
    x = image(dtype="float16")
    return model_of(x, body(keras().layers.Rescaling(1.0, dtype="float32")(x)))


def nested_softmax(body: Body) -> Any:
    x = image()
    return model_of(x, keras().Sequential([plain(body), keras().layers.Softmax()])(x))


def softmax_then_reshape(body: Body) -> Any:
    layers = keras().layers
    x = image()
    return model_of(x, layers.Flatten()(layers.Softmax()(layers.Reshape((1, 1, 10))(body(x)))))


def log_softmax(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Activation("log_softmax")(body(x)))


def softmax_of_the_ops(body: Body) -> Any:
    x = image()
    return model_of(x, keras().ops.softmax(body(x)))


def wide_outputs(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Reshape((1, 1, 10))(body(x)))


def averaged(body: Body) -> Any:
    layers = keras().layers
    x = image()
    logits = body(x)
    return model_of(x, layers.Average()([layers.Softmax()(logits), layers.Softmax()(layers.Rescaling(1.1)(logits))]))


def ten_sigmoids(body: Body) -> Any:
    x = image()
    return model_of(x, keras().layers.Activation("sigmoid")(keras().layers.Rescaling(2.0, -5.0)(body(x))))


def trained_on_squared_error(body: Body) -> Any:
    """What it gives is 1 for the class and 0 for others, nearly."""
    x = image()
    return model_of(x, keras().layers.Rescaling(1.0)(keras().layers.Softmax()(body(x))))


TAKEN = {
    plain: "takes pixels as 0-1: .*gives logits",
    softmax: "takes pixels as 0-1: .*its softmax is cut off",
    softmax_in_the_last_layer: "takes pixels as 0-1: .*its softmax is cut off",
    raw: "takes pixels as 0-255: ",
    signed: "takes pixels as minus1-1: ",
    inverted: "takes pixels as 1-0: ",
    scaling_inside_that_is_not_all: "takes pixels as 0-1: ",
    normalization_adapted_on_0_to_1: "takes pixels as 0-1: ",
    flattened: r"takes \(784,\): the picture is reshaped",
    without_channels: r"takes \(28, 28\): the picture is reshaped",
    channels_first: r"takes \(1, 28, 28\): the picture is reshaped",
    fixed_batch: "its batch of 32 may be any now",
    built_by_its_first_batch: "its batch of 32 may be any now",
    any_size: "takes pixels as 0-1",
    bytes_in: "takes pixels as 0-255",
    halves_in: "takes pixels as 0-1",
    nested_softmax: "its softmax is cut off",
    softmax_then_reshape: "its softmax is cut off",
    log_softmax: "its softmax is cut off",
    softmax_of_the_ops: "its softmax is cut off",
    wide_outputs: "gives logits",
    averaged: "gives probabilities .* their logarithm is taken",
    ten_sigmoids: "its 10 sigmoids are cut off",
}


@pytest.mark.parametrize("kind", TAKEN, ids=lambda kind: kind.__name__)
def test_a_kind_that_is_taken_answers_as_the_network_inside_it(
    kind: Callable[[Body], Any], body: Body, model: Any, foreign: Any
) -> None:
    import re

    run = foreign.run(kind(body))
    assert re.search(TAKEN[kind], foreign.said), foreign.said
    expected = keras_logits(model, run.test.images)
    assert (run.test.logits.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.99  # a tie may fall otherwise
    if kind not in (averaged, ten_sigmoids):
        found, wanted = scores.softmax(run.test.logits), scores.softmax(expected)
        assert np.abs(found - wanted).max() < 0.02  # of a range that is not its own: 0.5 and more
    load_model(run)  # what was written is what was read
