"""From a recipe's layer list to a Keras model. The words:

    conv 32 3x3              convolution, 32 channels, same padding; batch normalization if the recipe says so; ReLU
    conv 16 5x5 stride 2     halving the picture
    conv 32 3x3 valid        no padding: two pixels less on each axis
    pool                     2×2 maximum
    average                  the mean of each channel over the picture (global average pooling)
    flatten · dense 128      a fully connected layer with ReLU
    dropout 0.25

Before the list stands `image`, float32 (N, H, W, channels) in 0..255, and its scaling to 0..1; after it the logits. A
function of one's own gives all of that: "package.module:function" is imported (from the working directory too) and
called with the number of classes.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import keras
import numpy as np
from keras import layers

from edgeproof.errors import UsageError
from edgeproof.input_contract import GLYPHS, InputContract
from train.recipe import ModelSettings

_PATTERNS = {
    "conv": r"conv (\d+) (\d+)x(\d+)(?: stride (\d+))?( valid)?",
    "pool": r"pool",
    "average": r"average",
    "flatten": r"flatten",
    "dense": r"dense (\d+)",
    "dropout": r"dropout (0?\.\d+)",
}


def build(settings: ModelSettings, classes: int, contract: InputContract = GLYPHS) -> keras.Model:
    """The model of `settings`: `image` float32 (N, H, W, channels) of `contract`, 0..255 → logits float32 (N, classes)."""
    if settings.model:
        return _own(settings.model, classes, contract.tensor_shape)
    image = x = keras.Input(contract.tensor_shape, name="image")
    x = layers.Rescaling(1 / 255)(x)
    for text in settings.layers:
        for layer in _layers(text, settings):
            x = layer(x)
    if len(x.shape) != 2:
        raise UsageError(
            f"[model] layers: expected 'average' or 'flatten' before the logits, found shape {x.shape[1:]}"
        )
    return keras.Model(image, layers.Dense(classes, name="logits")(x))


def _layers(text: str, settings: ModelSettings) -> list[Any]:
    """The Keras layers of one entry of the list."""
    word = text.partition(" ")[0]
    match = re.fullmatch(_PATTERNS.get(word, ""), text)
    if not word or match is None:
        raise UsageError(
            f"[model] layers: '{text}' is not understood; known: {', '.join(_PATTERNS)}, as in train/models.py"
        )
    match word:
        case "conv":
            *numbers, valid = match.groups()
            width, height_px, width_px, stride = (int(number or 1) for number in numbers)
            convolution = layers.Conv2D(
                width,
                (height_px, width_px),
                strides=stride,
                padding="valid" if valid else "same",
                use_bias=not settings.batch_norm,
            )
            normalization = [layers.BatchNormalization(momentum=settings.batch_norm_momentum)]
            return [convolution, *(normalization if settings.batch_norm else []), layers.ReLU()]
        case "pool":
            return [layers.MaxPooling2D(2)]
        case "average":
            return [layers.GlobalAveragePooling2D()]
        case "flatten":
            return [layers.Flatten()]
        case "dense":
            return [layers.Dense(int(match[1]), activation="relu")]
        case _:
            return [layers.Dropout(float(match[1]))]


def _own(name: str, classes: int, shape: tuple[int, ...]) -> keras.Model:
    """The model that the function `name` builds. Raises UsageError when it is not one that the stages can work with."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f'[model] model: expected "package.module:function", found "{name}": {error}') from None
    model = found(classes)
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
