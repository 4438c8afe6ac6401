"""Boxes, what size no digit has, and how many things are few: what several steps of reading a page share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]  # x, y, width, height, pixels
Boxes = NDArray[np.int64]  # (N, 4) of the same

MIN_DIGIT_HEIGHT_PX = 6  # working pixels; less tells no 3 from an 8
MAX_DIGIT_ASPECT = 2.5  # width over height: a minus sign, an underline, a row of digits that could not be cut are wider
MIN_SAMPLE = 3  # pieces, digits, or pairs of them: fewer say nothing about the page that they are on
