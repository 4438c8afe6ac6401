"""The ranges of pixel values that models are trained with: 0..1, -1..1 and what else is usual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.input_contract import with_channels

if TYPE_CHECKING:
    import keras

Floats = NDArray[np.float64]

CAFFE_MEANS = (103.939, 116.779, 123.68)  # of ImageNet: blue, green, red, in 0..255
TORCH_MEANS, TORCH_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet: red, green, blue, in 0..1


@dataclass(frozen=True)
class Pixels:
    """The model's input is pixel × scale + offset, for each channel or for all; blue_first: channels are then turned about."""

    name: str
    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)
    blue_first: bool = False

    def __call__(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Images uint8 (n, H, W) or RGB (n, H, W, 3) as what the model takes, float32 (n, H, W, C)."""
        taken: NDArray[np.float32] = with_channels(images) * _floats(self.scale) + _floats(self.offset)
        return taken[..., ::-1] if self.blue_first else taken

    def layers(self, channels: int) -> list[keras.Layer]:
        """The same as layers that every export knows; none where nothing is to be done."""
        import keras

        if self.blue_first:
            kernel = np.diag(_floats(self.scale))[:, ::-1]
            mixed = keras.layers.Conv2D(channels, 1, name="pixels")
            mixed.build((None, None, None, channels))
            mixed.set_weights([kernel[None, None], _floats(self.offset)[::-1]])
            return [mixed]
        if len(self.scale) > 1:
            return [keras.layers.Rescaling(list(self.scale), list(self.offset), name="pixels")]
        if (self.scale, self.offset) == ((1.0,), (0.0,)):
            return []
        return [keras.layers.Rescaling(self.scale[0], self.offset[0], name="pixels")]


def candidates(images: NDArray[np.uint8], channels: int) -> dict[str, Pixels]:
    """The ranges in use for a model of so many channels that was trained on such images, by name."""
    mean, deviation = _spread(images)
    found = [
        Pixels("0-255"),
        Pixels("0-1", (1 / 255,)),
        Pixels("minus1-1", (1 / 127.5,), (-1.0,)),
        Pixels("1-0", (-1 / 255,), (1.0,)),
        Pixels("255-0", (-1.0,), (255.0,)),
        Pixels("z-score", tuple(1 / deviation), tuple(-mean / deviation)),
    ]
    if channels == 3:
        scale = tuple(1 / (255 * deviation) for deviation in TORCH_DEVIATIONS)
        offset = tuple(-mean / deviation for mean, deviation in zip(TORCH_MEANS, TORCH_DEVIATIONS, strict=True))
        means = tuple(-mean for mean in CAFFE_MEANS[::-1])  # before the channels are turned about
        found += [Pixels("torch", scale, offset), Pixels("caffe", (1.0,) * 3, means, blue_first=True)]
    return {pixels.name: pixels for pixels in found}


def _spread(images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each channel, of what is too much to be had as floats at once."""
    values = np.arange(256)
    counts = [np.bincount(channel.ravel(), minlength=256) for channel in np.moveaxis(with_channels(images), -1, 0)]
    mean = np.array([np.average(values, weights=count) for count in counts])
    squares = np.array([np.average(np.square(values), weights=count) for count in counts])
    return mean, np.sqrt(np.maximum(squares - np.square(mean), 1e-6))


def _floats(values: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(values, np.float32)
