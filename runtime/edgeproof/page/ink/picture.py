"""What several steps do with pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.glyph import Image
from edgeproof.support.opencv import cv2

SMALL_PICTURE_SIDE_PX = 160  # longest side of the picture on which paper and light are estimated
PAPER_LEVEL = 224  # where paper is put on the scale of reflectance: 31 levels of headroom keep its noise unclipped
MIN_INK_LEVEL = 12  # of PAPER_LEVEL; hard pencil is about 40


def smaller(picture: Any) -> Any:
    """A picture, grey or of colours, averaged down to at most SMALL_PICTURE_SIDE_PX.

    By halves as far as they go, at which OpenCV is 7 times as fast.
    """
    height, width = picture.shape[:2]
    reduction = max(1, -(-max(height, width) // SMALL_PICTURE_SIDE_PX))
    size = max(1, width // reduction), max(1, height // reduction)
    while picture.shape[1] >= 2 * size[0] and picture.shape[0] >= 2 * size[1]:
        even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        picture = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return picture if picture.shape[1::-1] == size else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def paper_window(small: Image) -> int:
    """The side, odd, of a window in a small picture that holds more paper than writing: a quarter of its shorter side."""
    height, width = small.shape[:2]
    side: int = max(3, min(height, width) // 4) | 1
    return side


def nearest_inside(picture: Any, outside: Any) -> Any:
    """A picture uint8, (h, w) or (h, w, 3), in which each pixel that is `outside`, uint8 (h, w), is as the nearest other."""
    _, nearest = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    levels = np.zeros((int(nearest.max()) + 1, *picture.shape[2:]), np.uint8)  # by the number of the pixel
    levels[nearest[outside == 0]] = picture[outside == 0]
    return levels[nearest]


def square(side: int) -> NDArray[np.uint8]:
    """A structuring element."""
    return np.ones((side, side), np.uint8)


def scalar(value: float) -> Any:
    """One number for every pixel, which OpenCV takes and its type stubs do not know."""
    return float(value)
