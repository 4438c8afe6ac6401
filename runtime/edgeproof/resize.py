"""From a picture to the image that a model takes, for classes that are pictures and not ink."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeproof.input_contract import InputContract, in_bgr
from edgeproof.support.opencv import cv2

Image = NDArray[np.uint8]


def make_input(picture: Image, contract: InputContract) -> Image:
    """`picture`, uint8 grey (h, w) or BGR (h, w, 3), as the image of `contract`: uint8 (H, W) grey, or RGB (H, W, 3).

    "stretch" changes its proportions; "fit" keeps them and puts black beside it; "crop" keeps them and takes its middle.
    """
    height, width = contract.size
    scales = height / picture.shape[0], width / picture.shape[1]
    if contract.resize == "crop":
        picture = _middle(picture, round(height / max(scales)), round(width / max(scales)))
    elif contract.resize == "fit":
        height, width = (max(1, round(side * min(scales))) for side in picture.shape[:2])
    return _padded(_in_channels(_resized(picture, height, width), contract.channels), *contract.size)


def make_inputs(images: Image, contract: InputContract) -> Image:
    """Images of a data set, uint8 (N, h, w) or RGB (N, h, w, 3), as those of `contract`; as they are where they fit already."""
    if images.shape[1:] == contract.shape:
        return images
    made = np.zeros((len(images), *contract.shape), np.uint8)
    for i, image in enumerate(images):
        made[i] = make_input(in_bgr(image) if image.ndim == 3 else image, contract)
    return made


def _resized(picture: Image, height: int, width: int) -> Image:
    shrinks = picture.shape[0] > height or picture.shape[1] > width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=how)  # type: ignore[return-value]


def _in_channels(picture: Image, channels: int) -> Image:
    """A grey or BGR picture as grey or RGB."""
    if picture.ndim == 3:
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if channels == 3 else picture  # type: ignore[return-value]


def _middle(picture: Image, height: int, width: int) -> Image:
    """The middle of `picture`, at most `height` × `width` pixels of it and at least one."""
    height, width = (min(max(1, wanted), side) for wanted, side in zip((height, width), picture.shape, strict=False))
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def _padded(picture: Image, height: int, width: int) -> Image:
    """`picture` in the middle of black."""
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    if (top, left) == (0, 0) and picture.shape[:2] == (height, width):
        return picture
    made = np.zeros((height, width, *picture.shape[2:]), np.uint8)
    made[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return made
