"""Writing as lines: a digit's or a sign's centre line, which any pen can follow, and the ink that the pen leaves.

An MNIST image is thinned to its centre line, so that one and the same handwriting can be written with a ballpoint, a felt pen or
a marker, 8 or 800 pixels high. A line is kept as the field of distances from it: fields scale without staircases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Random = np.random.Generator

UNIT = 80  # field pixels per digit height: four to a pixel of MNIST, whose digits are 20 high
BORDER = 24  # field pixels around, wide enough for a marker
SMOOTH = 2.0  # field pixels; takes the staircase out of a thinned line


@dataclass(frozen=True)
class PenLine:
    """field: float32 (h, w), distance from the centre line in field pixels, smoothed. The digit's height is UNIT of them."""

    field: Floats


def digit_line(image: NDArray[np.uint8]) -> PenLine:
    """The centre line of an MNIST image, uint8 (28, 28)."""
    big = cv2.resize(image.astype(np.float32) / 255, (4 * 28, 4 * 28), interpolation=cv2.INTER_CUBIC)
    solid = cv2.GaussianBlur(big, (0, 0), 0.8) > 0.5
    return _line(_thinned(np.pad(solid, BORDER)))


def drawn_line(strokes: Sequence[Floats], size: tuple[float, float]) -> PenLine:
    """Strokes, each float32 (n, 2) in digit heights, x right, y down, within `size` (width, height)."""
    width, height = (math.ceil(UNIT * side) + 2 * BORDER for side in size)
    canvas = np.zeros((height, width), np.uint8)
    for stroke in strokes:
        points = np.round((stroke * UNIT + BORDER) * 16).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, 1, cv2.LINE_8, 4)
    return _line(canvas > 0)


def _line(centre: NDArray[np.bool_]) -> PenLine:
    rows, columns = np.flatnonzero(centre.any(axis=1)), np.flatnonzero(centre.any(axis=0))
    part = centre[
        max(0, rows[0] - BORDER) : rows[-1] + BORDER + 1, max(0, columns[0] - BORDER) : columns[-1] + BORDER + 1
    ]
    away = cv2.distanceTransform((~part).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    away = np.sqrt(np.rint(away**2))  # of whole pixels: OpenCV's last bit depends on where the array lies in memory
    return PenLine(np.asarray(cv2.GaussianBlur(away, (0, 0), SMOOTH), np.float32))


def ink(line: PenLine, height: float, width: float, turn: float = 0.0) -> Floats:
    """How much ink a pen leaves, float32 (h, w) in 0..1, trimmed to where there is some.

    height: of a digit, pixels. width: of the stroke, share of the height. turn: radians, clockwise.
    """
    scale = height / UNIT
    half = max(width * UNIT / 2, 0.5 / scale)  # no pen writes thinner than a pixel
    tall, wide = line.field.shape
    cosine, sine = abs(math.cos(turn)), abs(math.sin(turn))
    size = math.ceil(scale * (wide * cosine + tall * sine)) + 1, math.ceil(scale * (wide * sine + tall * cosine)) + 1
    c, s = scale * math.cos(turn), scale * math.sin(turn)
    matrix = np.array([[c, -s, 0.0], [s, c, 0.0]])
    matrix[:, 2] = np.array(size) / 2 - matrix[:, :2] @ (wide / 2, tall / 2)
    field: Any = line.field
    if scale < 1:  # what becomes smaller is averaged, not sampled
        field = cv2.GaussianBlur(field, (0, 0), 0.4 / scale)
    smooth = math.hypot(SMOOTH, 0.4 / scale if scale < 1 else 0)
    away = cv2.warpAffine(field, matrix, size, flags=cv2.INTER_CUBIC, borderValue=2.0 * BORDER)
    density = np.clip((_smoothed(half, smooth) - away) * scale + 0.5, 0, 1)
    rows, columns = np.flatnonzero(density.any(axis=1)), np.flatnonzero(density.any(axis=0))
    trimmed: Floats = density[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    return trimmed


def _smoothed(distance: float, sigma: float) -> float:
    """What a Gaussian blur makes of |x| at `distance`: the value at which a smoothed field has the stroke's true width."""
    return distance * math.erf(distance / (sigma * math.sqrt(2))) + sigma * math.sqrt(2 / math.pi) * math.exp(
        -(distance**2) / (2 * sigma**2)
    )


def _thinned(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The centre line, one pixel wide and in as many pieces as `solid` (Zhang and Suen's parallel thinning, 1984)."""
    image: Any = solid.astype(np.uint8)
    while True:
        before = cv2.countNonZero(image)
        for kept in _KEPT:
            # OpenCV correlates: each pixel gets the sum of its neighbours' powers of two.
            around = cv2.filter2D(image, -1, _NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)
            image = cv2.bitwise_and(image, cv2.LUT(around, kept))
        if cv2.countNonZero(image) == before:
            return np.asarray(image > 0, np.bool_)


#: Power of two per neighbour, clockwise from the north: one byte says which of the eight are ink.
_NEIGHBOURS = np.asarray([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)


def _kept(first: bool) -> NDArray[np.uint8]:
    """Per byte of neighbours 1 for a pixel that a pass keeps, 0 for one that it takes away, uint8 (256,)."""
    table = np.zeros(256, np.uint8)
    for code in range(256):
        ring = [code >> i & 1 for i in range(8)]
        north, east, south, west = ring[::2]
        edges = sum(a < b for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
        kept = (north & east & south | east & south & west) if first else (north & east & west | north & south & west)
        table[code] = not (2 <= sum(ring) <= 6 and edges == 1 and not kept)
    return table


_KEPT = (_kept(True), _kept(False))


def slant(image: NDArray[np.uint8]) -> float:
    """How far the writing leans: columns to the right per row upwards, of an image's ink."""
    mass = cv2.moments(image)
    return -mass["mu11"] / mass["mu02"] if mass["mu02"] else 0.0
