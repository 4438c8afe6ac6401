"""A page photographed at an angle, read as if it were level: the rows say how it is turned, and each crop is turned back."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, degrees
from statistics import median
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

    The median slope of pairs in a row (Theil, 1950): brackets and operators among the digits do not move it. Not all pairs are
    taken, for a row of a thousand has many: neighbours, those half a row apart, and the row's ends.
    """
    slopes = []
    for row in lines(boxes):
        middles = [(x + width / 2, y + height / 2) for x, y, width, height in (boxes[i] for i in row)]
        for apart in {1, len(row) // 2, len(row) - 1} - {0}:
            slopes += [
                degrees(atan2(y - y0, x - x0)) for (x0, y0), (x, y) in zip(middles, middles[apart:], strict=False)
            ]
    if len(slopes) < MIN_SAMPLE:
        return None
    skew = median(slopes)
    if median(abs(slope - skew) for slope in slopes) > MAX_SLOPE_DEVIATION_DEG:
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
