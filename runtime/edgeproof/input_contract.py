"""What a model takes: how large a picture, of how many channels, and how one is made of what a camera sees.

It stands in the run folder and in the bundle's manifest, and every stage reads sizes from there. Images are uint8 arrays
(N, H, W), grey, or (N, H, W, 3), red, green, blue, and always raw pixel values 0..255: scaling is inside the graph.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeproof.support import tables
from edgeproof.support.tables import Range

Resize = Literal["ink-1", "stretch", "fit", "crop"]
MAX_SIDE = 1024  # pixels: beyond it a model is no classifier of small pictures
INK: Resize = "ink-1"
#: What was called a glyph convention when every image was 28×28.
CONVENTIONS: dict[str, Resize] = {"ink-1": INK, "none": "stretch"}


@dataclass(frozen=True)
class InputContract:
    """size: height and width, pixels. channels: 1, grey, or 3: red, green, blue, in this order.

    resize: how a picture becomes that. "ink-1": the ink of one character by `edgeproof.glyph`. The others take the whole picture,
    by `edgeproof.resize`: "stretch" to the size, "fit" into it with padding, or "crop" its middle.
    """

    size: tuple[Annotated[int, Range(1, MAX_SIDE)], ...]
    channels: Literal[1, 3]
    resize: Resize

    def __post_init__(self) -> None:
        tables.require(len(self.size) == 2, "size", "height and width", self.size)
        if self.ink:
            tables.require(self.tensor_shape == (28, 28, 1), "size, channels", f"28×28×1 for {INK}", self.tensor_shape)

    @property
    def ink(self) -> bool:
        """Whether an image is the glyph of one character, bright ink on 0, and not a picture as it is."""
        return self.resize == INK

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: (H, W), or (H, W, 3)."""
        return self.size if self.channels == 1 else self.tensor_shape

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """What the graph takes of one image: (H, W, channels)."""
        return (*self.size, self.channels)

    def __str__(self) -> str:
        return f"{'×'.join(map(str, self.tensor_shape))} {self.resize}"


GLYPHS = InputContract((28, 28), 1, INK)


def at_once(shape: tuple[int, ...], most: int, values: int) -> int:
    """How many images of `shape` are worked on at a time: `most`, fewer where they have more than `values` pixel values; at
    least 1."""
    return max(1, min(most, values // math.prod(shape)))


def with_channels(images: NDArray[Any]) -> NDArray[Any]:
    """Images (N, H, W) or (N, H, W, 3) with their channels on an axis of their own: (N, H, W, 1) or (N, H, W, 3)."""
    return images if images.ndim == 4 else images[..., np.newaxis]


def laid_out(images: NDArray[Any], layout: str) -> NDArray[Any]:
    """Images (N, H, W) or (N, H, W, 3) in the order of a model's input tensor, "NHWC" or "NCHW"; contiguous."""
    tensor = with_channels(images)
    return np.ascontiguousarray(tensor.transpose(0, 3, 1, 2)) if layout == "NCHW" else tensor


def in_bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One image, (H, W) grey or RGB (H, W, 3), as OpenCV draws and writes it: BGR (H, W, 3)."""
    return np.ascontiguousarray(image[..., ::-1]) if image.ndim == 3 else np.repeat(image[..., np.newaxis], 3, axis=-1)


def as_seen(images: NDArray[np.uint8], contract: InputContract) -> NDArray[np.uint8]:
    """Images of `contract` as a person sees them: ink is dark on paper."""
    return 255 - images if contract.ink else images


def upgraded(table: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest or run.json of schema 1 as one of schema 2: it said only by which convention a 28×28 glyph was made."""
    convention = table.get("glyph")
    resize = CONVENTIONS.get(convention, convention) if isinstance(convention, str) else convention
    rest = {key: value for key, value in table.items() if key != "glyph"}
    return {**rest, "schema": 2, "input": {"size": list(GLYPHS.size), "channels": GLYPHS.channels, "resize": resize}}


def axes(contract: InputContract, layout: str) -> tuple[int | str, ...]:
    """The shape of a model's input tensor in `layout`, "NHWC" or "NCHW", with N for the batch."""
    height, width, channels = contract.tensor_shape
    return {"NHWC": ("N", height, width, channels), "NCHW": ("N", channels, height, width)}.get(layout, ())
