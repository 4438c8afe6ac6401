"""What a model costs on a device before it has ever been there: its multiply-accumulates, an exact count."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers


def macs(model: keras.Model) -> int | None:
    """Multiply-accumulates for one image, null if those of a layer are not known; what is not in `layer_macs` is folded into
    these, or small."""
    total = 0
    for layer in flat_layers(model):
        found = layer_macs(layer)
        if found is None:
            return None
        total += found
    return total


def flat_layers(model: keras.Model) -> list[Any]:
    """The layers of `model` in their order, those of a model within it in its place."""
    parts = ([layer] if not isinstance(layer, keras.Model) else flat_layers(layer) for layer in model.layers)
    return [layer for part in parts for layer in part]


def layer_macs(layer: Any) -> int | None:
    """Multiply-accumulates of one convolution, dense or recurrent layer for one image, 0 for others; null if not known."""
    if not hasattr(layer, "output"):  # inside a model that does not say how its layers meet
        return None if layer.weights else 0
    match layer:
        case layers.DepthwiseConv2D():
            return _pixels(layer) * _size(layer.kernel)
        case layers.SeparableConv2D():
            return _pixels(layer) * (_size(layer.depthwise_kernel) + _size(layer.pointwise_kernel))
        case layers.Conv2DTranspose():  # each pixel that goes in is multiplied with the whole kernel
            *_, height, width, _ = layer.input.shape
            return int(height * width) * _size(layer.kernel)
        case layers.Conv2D():  # (height, width, input channels of one group, output channels)
            return _pixels(layer) * _size(layer.kernel)
        case layers.Dense():
            return math.prod(int(length) for length in layer.output.shape[1:-1]) * _size(layer.kernel)
        case layers.GRU() | layers.LSTM() | layers.SimpleRNN():
            return int(layer.input.shape[1]) * (_size(layer.cell.kernel) + _size(layer.cell.recurrent_kernel))
        case layers.BatchNormalization():  # folded
            return 0
    return None if any(len(weight.shape) > 1 for weight in layer.weights) else 0


def _pixels(layer: Any) -> int:
    _, height, width, _ = layer.output.shape
    return int(height * width)


def _size(kernel: Any) -> int:
    return math.prod(int(length) for length in kernel.shape)
