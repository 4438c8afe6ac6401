"""A page photographed at an angle, read as if it were level: the rows say how it is turned, and each crop is turned back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeproof.glyph import Image
from edgeproof.page.geometry import MIN_SAMPLE, Box
from edgeproof.page.numbers import lines
from edgeproof.support.opencv import cv2

MAX_SLOPE_DEVIATION_DEG = 6.0  # median over the pairs: chance rows in a texture agree on nothing
MAX_LEVEL_SKEW_DEG = 4.0  # handwriting climbs as much, and the model takes it


def page_skew(boxes: Sequence[Box]) -> float | None:
    """Degrees, clockwise, by which the rows of these boxes run down to the right; 0 when they are level, None when unclear.

    The median slope of all pairs in a row (Theil, 1950): brackets and operators among the digits do not move it.
    """
    rows = [np.array(row) for row in lines(boxes)]
    pairs = [row[np.stack(np.triu_indices(len(row), 1))] for row in rows]
    first, second = np.concatenate([np.zeros((2, 0), np.intp), *pairs], axis=1)
    if len(first) < MIN_SAMPLE:
        return None
    x, y, width, height = np.array(boxes, np.float64).T
    middle_x, middle_y = x + width / 2, y + height / 2
    slopes = np.degrees(np.arctan2(middle_y[second] - middle_y[first], middle_x[second] - middle_x[first]))
    skew = float(np.median(slopes))
    if np.median(np.abs(slopes - skew)) > MAX_SLOPE_DEVIATION_DEG:
        return None
    return skew if abs(skew) > MAX_LEVEL_SKEW_DEG else 0.0


def deskewed(ink: Image, skew: float) -> Image:
    """Ink, uint8 (h, w), of a page that is turned clockwise by `skew` degrees, as it would be on the level page; larger, to
    hold all of it."""
    height, width = ink.shape
    angle = np.radians(skew)
    cosine, sine = abs(np.cos(angle)), abs(np.sin(angle))
    size = (int(width * cosine + height * sine) + 2, int(height * cosine + width * sine) + 2)
    matrix: Any = cv2.getRotationMatrix2D((width / 2, height / 2), skew, 1)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return cv2.warpAffine(ink, matrix, size, flags=cv2.INTER_LINEAR)  # type: ignore[return-value]
