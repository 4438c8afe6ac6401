"""The input of a model from elsewhere, made into float32 (N, H, W, C): flattened, fixed batches, channels first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeproof.errors import UsageError, first_line
from edgeproof.input_contract import GLYPHS, INK, MAX_SIDE, InputContract, Resize
from edgeproof.support.tables import from_table

if TYPE_CHECKING:
    import keras

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class _Fit:
    """tensor_shape: of the pictures that the model takes, (H, W, C). shape: what it takes of one, in its own form.

    order: the axes of a picture, counted from 1, in the order in which the model takes them, where it is another.
    """

    tensor_shape: tuple[int, int, int]
    shape: tuple[int, ...]
    order: tuple[int, ...] | None = None


def as_functional(
    model: keras.Model, data: tuple[int, int, int], resize: Resize | None, file: object
) -> tuple[keras.Model, InputContract, list[str]]:
    """`model` as one that takes float32 (N, H, W, C), in its own range; its contract; what was changed, for the user.

    data: height, width and channels of the images there are; a model of any size takes this one, as does a subclassed one,
    which is traced. Raises UsageError when it takes something else than one picture.
    """
    import keras

    said: list[str] = []
    fit = _Fit(data, data)
    graph = bool(getattr(model, "inputs", None))  # a subclassed model has none
    if graph:
        fit = _fit(_input_shape(model, file), data, file)
        model = _renewed(model, fit.shape, said)
    contract = _contract(fit.tensor_shape, data, resize, file)
    image = inner = keras.Input(contract.tensor_shape, name="image")
    if fit.order:
        inner = keras.layers.Permute(fit.order)(inner)
        said.append("channels come first in it")
    elif fit.shape != fit.tensor_shape:
        inner = keras.layers.Reshape(fit.shape)(inner)
        said.append(f"takes {fit.shape}: the picture is reshaped to that")
    if contract.tensor_shape != data:
        others = "turned" if contract.size == data[1::-1] != data[:2] else "padded"
        said.append(
            f"pictures of {_times(data)} become {_times(contract.tensor_shape)} ({contract.resize}): if it was trained on others "
            f"({others}), put those into the .npz"
        )
    if inner is image and graph:
        return model, contract, said
    return _traced(model, image, inner, file), contract, said


def _input_shape(model: keras.Model, file: object) -> Shape:
    """What the model takes of one picture; None where any number will do."""
    if len(model.inputs) != 1:
        names = ", ".join(tensor.name for tensor in model.inputs)
        raise UsageError(
            f"{file}: expected one input, a picture, found {len(model.inputs)} ({names}): build a model with one"
        )
    return tuple(model.inputs[0].shape[1:])


def _fit(shape: Shape, data: tuple[int, int, int], file: object) -> _Fit:
    """How pictures get into a model that takes `shape` of one."""
    known = None not in shape
    if known and math.prod(s or 0 for s in shape) == math.prod(data) and (data[2] == 1 or len(shape) == 1):
        sides, own = _sides(shape), _sides(data[:2])
        if len(sides) < 2 or len(own) < 2 or sides == own:  # reshaped to other sides, a picture is scrambled
            return _Fit(data, _plain(shape))  # the same numbers in the same order
    if len(shape) == 3 and shape[2] in (1, 3, None):
        filled = _plain([found or own for found, own in zip(shape, data, strict=True)])
        return _Fit((filled[0], filled[1], filled[2]), filled)
    if len(shape) == 3 and shape[0] in (1, 3):
        channels, height, width = shape[0], shape[1] or data[0], shape[2] or data[1]
        return _Fit((height, width, channels), (channels, height, width), order=(3, 1, 2))
    if len(shape) == 2:
        height, width = shape[0] or data[0], shape[1] or data[1]
        return _Fit((height, width, 1), (height, width))
    if len(shape) == 1 and shape[0]:
        for channels in (1, 3):
            side = math.isqrt(shape[0] // channels)
            if channels * side**2 == shape[0]:
                return _Fit((side, side, channels), (shape[0],))
    raise UsageError(
        f"{file}: expected a model of one picture, grey or of three colours, (None, H, W, 1|3), found input {(None, *shape)}: "
        f"the data are {_times(data)}"
    )


def _renewed(model: keras.Model, shape: tuple[int, ...], said: list[str]) -> keras.Model:
    """The model behind an input float32 (None, *shape): any batch, no other type, the layers themselves."""
    import keras

    taken = model.inputs[0]
    if taken.shape[0] is not None:
        said.append(f"its batch of {taken.shape[0]} may be any now")
    image = keras.Input(shape, name="image")
    # Its own class, if it has one, is built with other arguments.
    flat = keras.Model(taken, model.outputs[0])
    return keras.models.clone_model(flat, input_tensors=image, clone_function=lambda layer: layer)


def _traced(model: keras.Model, image: Any, inner: Any, file: object) -> keras.Model:
    import keras

    try:
        return keras.Model(image, model(inner))
    except Exception as error:  # whatever the user's own `call` raises
        raise UsageError(f"{file}: does not take {(None, *inner.shape[1:])}: {first_line(error)}") from None


def _contract(
    shape: tuple[int, int, int], data: tuple[int, int, int], resize: Resize | None, file: object
) -> InputContract:
    """`data`: the shape of the images there are: those of another size are no glyphs."""
    height, width, channels = shape
    if max(height, width) > MAX_SIDE:
        raise UsageError(f"{file}: expected pictures of at most {MAX_SIDE}×{MAX_SIDE}, found {_times(shape)}")
    usual: Resize = INK if shape == data == GLYPHS.tensor_shape else "stretch"
    table = {"size": (height, width), "channels": channels, "resize": resize or usual}
    return from_table(InputContract, table, "--resize")


def _sides(shape: Shape) -> Shape:
    """Without axes of length 1: they are no side of a picture."""
    return tuple(side for side in shape if side != 1)


def _plain(shape: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(int(side or 0) for side in shape)


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def check_finite(model: keras.Model, file: object) -> None:
    """Raises UsageError for a model of which weights are no numbers."""
    import keras

    for variable in model.variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise UsageError(
                f"{file}: {variable.path}: weights that are not finite: its training diverged; train it again"
            )
