"""The outputs of a model from elsewhere, made into logits (N, classes): softmax and its like are cut off.

8-bit probabilities cannot be told apart near 1, so that what a bundle holds ends in logits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convert.elsewhere.measured import ONE_HOT_GAIN
from convert.keras_model import keras_logits
from edgeproof.errors import UsageError

if TYPE_CHECKING:
    import keras

#: What may stand behind a softmax and computes nothing.
_SHAPES = ("Reshape", "Flatten", "Squeeze", "Dropout", "Identity")
_ENDS = {"softmax": "softmax", "log_softmax": "softmax", "Softmax": "softmax", "LogSoftmax": "softmax"} | {
    "sigmoid": "sigmoid",
    "Sigmoid": "sigmoid",
}
LEAST_PROBABILITY = 1e-7  # below it the logarithm is cut off


@dataclass(frozen=True)
class Outputs:
    """model: float32 (N, H, W, C) → logits (N, classes). sigmoids: each class was trained for itself. said: for the user."""

    model: keras.Model
    sigmoids: bool
    said: str


def with_logits(model: keras.Model, classes: int, file: object) -> Outputs:
    """`model`, Functional, with logits at its end. Raises UsageError when that cannot be, or for another number of classes."""
    import keras

    end, kind = _without_end(model.outputs[0])
    if len(end.shape) > 2 and math.prod(end.shape[1:]) in (classes, 1):
        end = keras.layers.Flatten(name="logits")(end)
    found = tuple(end.shape)
    if found == (None, 1) and classes == 2:
        return _two_classes(keras.Model(model.inputs[0], end), kind, file)
    if found != (None, classes):
        raise UsageError(f"{file}: {_other_outputs(found, classes)}")
    if kind is None and _gives_probabilities(keras.Model(model.inputs[0], end)):
        end = keras.ops.log(keras.ops.maximum(end, LEAST_PROBABILITY))
        said = "gives probabilities that no softmax ends: their logarithm is taken, which 8 bits do badly"
        return Outputs(keras.Model(model.inputs[0], end), False, said)
    told = {
        "softmax": "its softmax is cut off",
        "sigmoid": f"its {classes} sigmoids are cut off: scores divide an image among the classes; that none fits is not seen",
        None: "gives logits",
    }
    return Outputs(keras.Model(model.inputs[0], end), kind == "sigmoid", told[kind])


def enlarged(model: keras.Model) -> keras.Model:
    """A model whose outputs were trained to be one-hot, with logits at its end."""
    import keras

    gain = keras.layers.Rescaling(ONE_HOT_GAIN, name="logits")
    return keras.Model(model.inputs[0], gain(model.outputs[0]))


def check_outputs(model: keras.Model, file: object) -> None:
    """Raises UsageError for a model of more than one output."""
    if len(getattr(model, "outputs", None) or [0]) != 1:
        names = ", ".join(model.output_names)
        raise UsageError(
            f"{file}: expected one output, found {len(model.outputs)} ({names}): save the one that answers: "
            f"keras.Model(model.inputs, model.outputs[0]).save('one.keras')"
        )


def _without_end(tensor: Any) -> tuple[Any, str | None]:
    """What is computed before the softmax or sigmoid that gives `tensor`, and which it was; the tensor itself where none does."""
    import keras

    last, node, _ = tensor._keras_history
    given = last._inbound_nodes[node].input_tensors
    kind = type(last).__name__
    name = getattr(getattr(last, "activation", None), "__name__", "")
    if isinstance(last, keras.Model) and len(getattr(last, "inputs", ())) == 1 and len(last.outputs) == 1:
        end, found = _without_end(last.outputs[0])
        return (keras.Model(last.inputs[0], end)(given[0]), found) if found else (tensor, None)
    if kind in _SHAPES or (kind == "Activation" and name == "linear"):
        end, found = _without_end(given[0])
        return (last(end), found) if found else (tensor, None)
    if kind in _ENDS:
        return given[0], _ENDS[kind]
    if name in _ENDS and kind == "Activation":
        return given[0], _ENDS[name]
    if name in _ENDS:
        last.activation = keras.activations.linear
        return tensor, _ENDS[name]
    return tensor, None


def _two_classes(model: keras.Model, kind: str | None, file: object) -> Outputs:
    """Of one logit, of the second class, two: that of the first is 0, which gives the same probability."""
    import keras

    if kind == "softmax":
        raise UsageError(
            f"{file}: has a softmax over one output, which is always 1: end it in one sigmoid, or in two outputs"
        )
    both = keras.layers.Dense(2, use_bias=False, name="two_classes")
    both.build((None, 1))
    both.set_weights([np.array([[0, 1]], np.float32)])
    said = "its one " + ("sigmoid is cut off and" if kind else "logit") + " becomes two classes"
    return Outputs(keras.Model(model.inputs[0], both(model.outputs[0])), False, said)


def _gives_probabilities(model: keras.Model) -> bool:
    noise = np.random.default_rng(0).integers(0, 256, (16, *model.input_shape[1:]), np.uint8)
    answers = keras_logits(model, noise)
    return bool((answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-3))


def _other_outputs(found: tuple[int | None, ...], classes: int) -> str:
    expected = f"expected outputs (None, {classes}), as the data have labels 0..{classes - 1}, found {found}: "
    if found == (None, classes - 1):
        return expected + "do the labels count from 1? then subtract 1 from them"
    if len(found) == 2 and found[1] is not None and found[1] > classes:
        return expected + f"name all {found[1]} classes in an array 'classes' of the .npz, in the order of the outputs"
    return expected + "give the data that it was trained on"
