"""Strokes: writing as the paths that a pen follows, whatever the pen and the size.

A form's strokes are float64 (n, 2), x to the right, y down, in digit heights: y is −1 at a digit's top and 0 on the base line.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Strokes = tuple[Points, ...]
Mask = NDArray[np.uint8]

SCALE = 3
"""Pixels in which a glyph is thinned, per pixel of the image: enough that a loop of one pixel stays open."""
SPUR = 6
"""A branch shorter than this, in such pixels, is a thorn of the thinning and no stroke."""

_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def from_image(image: Mask) -> Strokes:
    """The strokes of a digit's image, uint8 (28, 28), ink bright: its top at y = −1, its foot at 0, its left at x = 0."""
    large = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    return normal(traced(thinned(cv2.GaussianBlur(large, (0, 0), 1.0) > 110)))


def normal(strokes: Strokes) -> Strokes:
    """The strokes scaled to one digit height, standing on the base line; lines lower than long keep their length."""
    if not strokes:
        return ()
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    size = max(high[1] - low[1], 0.3 * (high[0] - low[0]), 1.0)
    return tuple((stroke - (low[0], high[1])) / size for stroke in strokes)


def thinned(solid: NDArray[np.bool_]) -> Mask:
    """The centre lines, one pixel wide, of `solid` bool (H, W) that leaves the border free: uint8 (H, W), 0 and 1 (Zhang and
    Suen, 1984)."""
    thin = solid.astype(np.uint8)
    for _ in range(max(solid.shape)):
        before = int(thin.sum())
        for table in _TABLES:
            codes = cv2.filter2D(thin, cv2.CV_8U, _CODES, borderType=cv2.BORDER_CONSTANT)
            thin &= np.asarray(cv2.LUT(codes, table), np.uint8)
        if int(thin.sum()) == before:
            break
    return thin


def traced(thin: Mask) -> Strokes:
    """The lines of `thin` (H, W), one pixel wide, as smooth strokes in pixels: at a crossing the pen goes straight on."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(thin), strict=True)}
    every = frozenset(left)
    ends = sorted(place for place in left if sum((place[0] + a, place[1] + b) in every for a, b in _AROUND) == 1)
    strokes: list[Points] = []
    while left:
        start = next((place for place in ends if place in left), None) or min(left)
        path = _walk(start, left)
        for end in (0, -1):  # the line that it comes from, or runs into
            y, x = path[end]
            near = [(y + a, x + b) for a, b in _AROUND if (y + a, x + b) in every]
            own = path[:4] if end == 0 else path[-4:]
            joint = next((place for place in near if place not in left and place not in own), None)
            if joint is not None:
                path = [joint, *path] if end == 0 else [*path, joint]
        if len(path) > SPUR or not strokes:
            strokes.append(_smooth(np.array(path, np.float64)[:, ::-1]))
    return tuple(strokes)


def _walk(start: tuple[int, int], left: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """From `start` on, taking what it passes from `left`: of several ways on, the straightest."""
    path = [start]
    left.discard(start)
    while True:
        y, x = path[-1]
        ways = [(y + a, x + b) for a, b in _AROUND if (y + a, x + b) in left]
        if not ways:
            return path
        old_y, old_x = path[max(0, len(path) - 6)]
        ahead = (y - old_y, x - old_x)
        best = max(ways, key=lambda way: _along(ahead, (way[0] - y, way[1] - x)))
        path.append(best)
        left.discard(best)


def _along(ahead: tuple[int, int], step: tuple[int, int]) -> float:
    return (ahead[0] * step[0] + ahead[1] * step[1]) / math.hypot(*step)


def _smooth(path: Points) -> Points:
    """The path without staircases, every second point; its ends stay."""
    if len(path) < 4:
        return path
    padded = np.concatenate([2 * path[:1] - path[3:0:-1], path, 2 * path[-1:] - path[-2:-5:-1]])
    soft = sum(weight * padded[i : i + len(path)] for i, weight in enumerate(_WEIGHTS))
    return np.concatenate([path[:1], np.asarray(soft)[1:-1:2], path[-1:]])


_WEIGHTS = np.array([1, 6, 15, 20, 15, 6, 1]) / 64

_CODES = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)
"""The eight neighbours as one number: bit 0 is the one above, then clockwise."""


def _table(second: bool) -> Mask:
    """Per code of neighbours: 0 where the pixel between them goes in this half of a round, else 255."""
    table = np.full(256, 255, np.uint8)
    for code in range(256):
        n = [code >> i & 1 for i in range(8)]
        turns = sum(not n[i] and n[(i + 1) % 8] for i in range(8))
        up, right, down, left = n[0], n[2], n[4], n[6]
        corner = (
            (up and right and left) or (up and down and left)
            if second
            else (up and right and down) or (right and down and left)
        )
        if 2 <= sum(n) <= 6 and turns == 1 and not corner:
            table[code] = 0
    return table


_TABLES = (_table(False), _table(True))
