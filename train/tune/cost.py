"""What a model costs on a device before it has ever been there: its multiply-accumulates, an exact count."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from edgeproof.errors import UsageError


def macs(model: keras.Model) -> int:
    """Multiply-accumulates of the convolutions and dense layers for one image; the rest is folded into these, or small.

    Raises UsageError for a layer with a kernel that is not known here.
    """
    return sum(_macs(layer) for layer in model._flatten_layers(include_self=False))


def _macs(layer: Any) -> int:
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
        case layers.BatchNormalization() | keras.Model():  # folded; its layers are counted one by one
            return 0
    if any(len(weight.shape) > 1 for weight in layer.weights):
        raise UsageError(f"max_macs: how many a layer {type(layer).__name__} needs is not known; search without it")
    return 0


def _pixels(layer: Any) -> int:
    _, height, width, _ = layer.output.shape
    return int(height * width)


def _size(kernel: Any) -> int:
    return math.prod(int(length) for length in kernel.shape)
