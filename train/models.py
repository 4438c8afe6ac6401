"""From a recipe's layer list to a Keras model. The words:

    conv 32 3x3              convolution, 32 channels, same padding
    conv 16 5x5 stride 2     halving the picture
    conv 32 3x3 valid        no padding: two pixels less on each axis
    depthwise 3x3 stride 2   one filter per channel; before a conv of 1x1 it is MobileNet's cheap convolution
    separable 64 3x3         both as one layer, with nothing between them
    pool                     2×2 maximum
    norm                     batch normalization here, where `batch_norm = false` leaves it out after each convolution
    average · max            the mean, or the largest value, of each channel over the picture (global pooling)
    save · add               a residual: `save` remembers what goes in, `add` sums it with what came out
    flatten · dense 128      a fully connected layer
    rows · gru 64 · lstm 64  the picture as a sequence of its rows, and a recurrent layer over them
    dropout 0.25

After a convolution comes batch normalization as the recipe says; it and a dense layer end in the recipe's `activation`, or in
one of their own, the last word: `conv 16 1x1 linear`, `dense 64 hard-swish`. `add` has none unless it says one: `add relu`.
Where the two parts of a sum differ in channels or size, the saved one goes through a linear 1×1 convolution. Residuals may
stand within each other.

Before the list stands `image`, float32 (N, H, W, channels) in 0..255, and its scaling to 0..1; after it the logits. A
function of one's own gives all of that: "package.module:function" is imported (from the working directory too) and
called with the number of classes, and with input_shape = (H, W, channels) where it has a parameter of that name.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers

from edgeproof.errors import UsageError
from edgeproof.input_contract import GLYPHS, InputContract
from edgeproof.support.tables import nearest
from train.recipe import ModelSettings

#: How each word is written: N a whole number, KxK two of them, what is in brackets may be left out.
FORMS = {
    "conv": "conv N KxK [stride S] [valid] [ACTIVATION]",
    "depthwise": "depthwise KxK [stride S] [ACTIVATION]",
    "separable": "separable N KxK [stride S] [ACTIVATION]",
    "pool": "pool",
    "norm": "norm",
    "average": "average",
    "max": "max",
    "save": "save",
    "add": "add [ACTIVATION]",
    "flatten": "flatten",
    "dense": "dense N [ACTIVATION]",
    "rows": "rows",
    "gru": "gru N",
    "lstm": "lstm N",
    "dropout": "dropout SHARE",
}
_PATTERNS = {
    " [ACTIVATION]": r"(?: (?P<activation>linear|relu|relu6|hard-swish))?",
    " [stride S]": r"(?: stride (?P<stride>\d+))?",
    " [valid]": r"(?P<valid> valid)?",
    "N": r"(?P<n>\d+)",
    "KxK": r"(?P<rows>\d+)x(?P<columns>\d+)",
    "SHARE": r"(?P<share>0?\.\d+)",
}
_KERAS = {"linear": None, "relu": "relu", "relu6": "relu6", "hard-swish": "hard_silu"}
_RECURRENT = {"gru": layers.GRU, "lstm": layers.LSTM}


def build(settings: ModelSettings, classes: int, contract: InputContract = GLYPHS) -> keras.Model:
    """The model of `settings`: `image` float32 (N, H, W, channels) of `contract`, 0..255 → logits float32 (N, classes)."""
    if settings.model:
        return _own(settings.model, classes, contract.tensor_shape)
    image = keras.Input(contract.tensor_shape, name="image")
    with _computing_in(settings.precision):
        x = _stacked(layers.Rescaling(1 / 255)(image), settings)
    if len(x.shape) != 2:
        raise UsageError(
            f"[model] layers: expected 'average' or 'flatten' before the logits, found shape {x.shape[1:]}"
        )
    return keras.Model(image, layers.Dense(classes, name="logits")(x))


@contextmanager
def _computing_in(precision: str) -> Iterator[None]:
    """Layers made within compute in `precision` and keep their weights in float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _stacked(x: Any, settings: ModelSettings) -> Any:
    """`x` after every layer of the list."""
    saved: list[Any] = []
    entries = [_understood(text) for text in settings.layers]
    following = [*(word for word, _ in entries[1:]), ""]
    for text, (word, options), then in zip(settings.layers, entries, following, strict=True):
        try:
            if word == "save":
                saved.append(x)
            elif word == "add":
                x = _sum(x, saved.pop() if saved else None, options, settings)
            else:
                for layer in _layers(word, options, settings, x.shape, sequence=then in _RECURRENT):
                    x = layer(x)
        except ValueError as error:  # Keras' own may be of several lines
            said = str(error).strip().splitlines()[0]
            raise UsageError(f"[model] layers: '{text}' after shape {x.shape[1:]}: {said}") from None
    if saved:
        raise UsageError(f"[model] layers: expected an 'add' for each 'save', found {len(saved)} more 'save'")
    return x


def _understood(text: str) -> tuple[str, dict[str, str]]:
    """The word of one entry of the list, and what stands behind it by the names of _PATTERNS. Raises UsageError."""
    word = text.partition(" ")[0]
    if word not in FORMS:
        raise UsageError(f"[model] layers: '{text}' is not understood{nearest(word, FORMS)} (see train/models.py)")
    parts = "|".join(map(re.escape, _PATTERNS))
    match = re.fullmatch(re.sub(parts, lambda part: _PATTERNS[part[0]], FORMS[word]), text)
    if match is None:
        raise UsageError(f"[model] layers: '{text}' is not understood: expected '{FORMS[word]}' (see train/models.py)")
    return word, {name: value for name, value in match.groupdict().items() if value}


def _layers(
    word: str, options: dict[str, str], settings: ModelSettings, shape: tuple[int, ...], *, sequence: bool
) -> list[Any]:
    """The Keras layers of one entry, which take `shape`. sequence: a recurrent one answers after every row, not at the end."""
    match word:
        case "conv" | "depthwise" | "separable":
            return _convolution(word, options, settings)
        case "pool":
            return [layers.MaxPooling2D(2)]
        case "norm":
            return [layers.BatchNormalization(momentum=settings.batch_norm_momentum)]
        case "average":
            return [layers.GlobalAveragePooling2D()]
        case "max":
            return [layers.GlobalMaxPooling2D()]
        case "flatten":
            return [layers.Flatten()]
        case "dense":
            return [layers.Dense(int(options["n"]), activation=_KERAS[options.get("activation", settings.activation)])]
        case "rows":
            return [layers.Reshape((shape[1], -1))]
        case "dropout":
            return [layers.Dropout(float(options["share"]))]
    if len(shape) != 3:
        raise ValueError("expected 'rows' before it")
    # Unrolled it is made of plain matrix products, which every format and runtime has.
    return [_RECURRENT[word](int(options["n"]), unroll=True, return_sequences=sequence)]


def _convolution(word: str, options: dict[str, str], settings: ModelSettings) -> list[Any]:
    """A convolution with its normalization and its activation."""
    kinds = {"conv": layers.Conv2D, "depthwise": layers.DepthwiseConv2D, "separable": layers.SeparableConv2D}
    convolution = kinds[word](
        *([int(options["n"])] if "n" in options else []),
        kernel_size=(int(options["rows"]), int(options["columns"])),
        strides=int(options.get("stride", 1)),
        padding="valid" if "valid" in options else "same",
        use_bias=settings.norm_placement != "before",  # there it has one of its own
    )
    activation = _activation(options.get("activation", settings.activation))
    normalization = _normalization(settings)
    if settings.norm_placement == "after":
        return [convolution, *activation, *normalization]
    return [convolution, *normalization, *activation]


def _normalization(settings: ModelSettings) -> list[Any]:
    return [layers.BatchNormalization(momentum=settings.batch_norm_momentum)] if settings.norm_placement else []


def _activation(name: str) -> list[Any]:
    match name:
        case "linear":
            return []
        case "relu":
            return [layers.ReLU()]
        case "relu6":
            return [layers.ReLU(6)]
    return [layers.Activation(_KERAS[name])]


def _sum(x: Any, saved: Any, options: dict[str, str], settings: ModelSettings) -> Any:
    """What was saved plus `x`, made alike by a 1×1 convolution where they are not. Raises ValueError."""
    if saved is None:
        raise ValueError("expected a 'save' before it, found none")
    if saved.shape != x.shape:
        stride = _stride(saved.shape[1:], x.shape[1:])
        use_bias = settings.norm_placement != "before"
        for layer in (layers.Conv2D(x.shape[-1], 1, strides=stride, use_bias=use_bias), *_normalization(settings)):
            saved = layer(saved)
    x = layers.Add()([saved, x])
    for layer in _activation(options.get("activation", "linear")):
        x = layer(x)
    return x


def _stride(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """By which a 1×1 convolution turns the size (H, W, C) `before` into that of `after`. Raises ValueError."""
    if len(before) == len(after) == 3:
        for stride in range(1, max(before[:2]) + 1):
            if tuple(-(-side // stride) for side in before[:2]) == after[:2]:
                return stride
    raise ValueError(f"expected the saved {before} to be as large, or a whole number of times larger")


def _own(name: str, classes: int, shape: tuple[int, ...]) -> keras.Model:
    """The model that the function `name` builds. Raises UsageError when it is not one that the stages can work with."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f'[model] model: expected "package.module:function", found "{name}": {error}') from None
    sized = "input_shape" in inspect.signature(found).parameters
    model = found(classes, input_shape=shape) if sized else found(classes)
    where = f"[model] model: {name}({classes})"
    if not isinstance(model, keras.Model):
        raise UsageError(f"{where}: expected a keras.Model, found {type(model).__name__}")
    taken, given = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if taken != (None, *shape) or given != (None, classes):
        raise UsageError(
            f"{where}: expected input {(None, *shape)} and output (None, {classes}), found {taken} and {given}"
        )
    if str(model.inputs[0].dtype) != "float32":
        raise UsageError(f"{where}: expected float32 input, 0..255, scaled inside; found {model.inputs[0].dtype}")
    noise = np.random.default_rng(0).uniform(0, 255, (8, *shape)).astype(np.float32)
    answers = np.asarray(model(noise, training=False))
    if answers.min() >= 0 and np.allclose(answers.sum(axis=1), 1, atol=1e-3):
        raise UsageError(f"{where}: expected logits, found probabilities: leave the softmax out")
    return model
