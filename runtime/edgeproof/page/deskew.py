"""A page photographed at an angle, read as if it were level: the rows say how it is turned, and each crop is turned back."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, degrees
from statistics import median
from typing import Any

import numpy as np

from edgeproof.glyph import Image
from edgeproof.page.geometry import FEW, Box
from edgeproof.page.numbers import lines
from edgeproof.support.opencv import cv2

APART = 1.5  # of the larger height: two neighbours of a row that are nearer say little about its direction
AGREE = 6.0  # degrees by which the pairs may differ (median): chance rows in a texture agree on nothing
LEVEL = 4.0  # degrees: handwriting climbs as much, and the model takes it
NEIGHBOURS = 8  # of a row that are compared with each other: the cost stays linear


def page_turn(boxes: Sequence[Box]) -> float | None:
    """Degrees, clockwise, by which the rows of these boxes run down to the right; 0 when they are level, None when unclear.

    The median slope of all pairs in a row (Theil, 1950): brackets and operators among the digits do not move it.
    """
    slopes = []
    for row in lines(boxes):
        middles = [(x + width / 2, y + height / 2, height) for x, y, width, height in (boxes[i] for i in row)]
        for place, (x, y, height) in enumerate(middles):
            for later_x, later_y, later_height in middles[place + 1 : place + NEIGHBOURS]:
                if later_x - x > APART * max(height, later_height):
                    slopes.append(degrees(atan2(later_y - y, later_x - x)))
    if len(slopes) < FEW:
        return None
    turn = median(slopes)
    if median(abs(slope - turn) for slope in slopes) > AGREE:
        return None
    return turn if abs(turn) > LEVEL else 0.0


def turned_back(ink: Image, turn: float) -> Image:
    """Ink of a page that is turned clockwise by `turn` degrees, as it would be on the level page; larger, to hold all of it."""
    height, width = ink.shape
    angle = np.radians(turn)
    cosine, sine = abs(np.cos(angle)), abs(np.sin(angle))
    size = (int(width * cosine + height * sine) + 2, int(height * cosine + width * sine) + 2)
    matrix: Any = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return cv2.warpAffine(ink, matrix, size, flags=cv2.INTER_LINEAR)  # type: ignore[return-value]
