"""What a press puts on paper: lines, and words in letters of a font.

The fonts are those that matplotlib carries, by their files: the same letters on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.scene import Mark

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]
Face = Literal["serif", "bold", "italic", "sans"]

FILES: dict[Face, str] = {
    "serif": "STIXGeneral.ttf", "bold": "STIXGeneralBol.ttf", "italic": "STIXGeneralItalic.ttf", "sans": "cmss10.ttf",
}  # fmt: skip
CAPITAL = 0.66  # height of a capital letter, share of the size that a font is asked for
BLACK: Colour = (0.07, 0.065, 0.065)
FINE = 4  # times: print is drawn larger, and each pixel gets its share of it
FRACTION = 4  # bits of a pixel that OpenCV draws by


@dataclass(frozen=True)
class Rule:
    """A printed line through `points`, x and y in picture pixels. width: pixels. colour: share of light (BGR) it lets through."""

    points: tuple[tuple[float, float], ...]
    width: float = 2.0
    colour: Colour = BLACK


@dataclass(frozen=True)
class Text:
    """Printed words. left, baseline: where they begin, picture pixels. height: of a capital letter, pixels."""

    text: str
    left: float
    baseline: float
    height: float
    face: Face = "serif"
    colour: Colour = BLACK


Printed = Rule | Text


def print_onto(page: Floats, printed: Sequence[Printed], corner: tuple[float, float], scale: float) -> tuple[Mark, ...]:
    """Print on `page`, float32 (H, W, 3) BGR, in place; returns a mark for each text, in page pixels, in no line of writing.

    corner: of the picture on the page, page pixels. scale: page pixels per picture pixel.
    """
    marks = []
    for one in printed:
        if isinstance(one, Rule):
            points = np.asarray(one.points, np.float32) * np.float32(scale) + np.asarray(corner, np.float32)
            _ink(page, [points], one.colour, one.width * scale)
            continue
        start = np.asarray((one.left, one.baseline), np.float32) * np.float32(scale) + np.asarray(corner, np.float32)
        outlines = [part + start for part in _letters(one.text, one.face, one.height * scale)]
        _ink(page, outlines, one.colour)
        hull = cv2.convexHull(np.concatenate(outlines)).reshape(-1, 2)
        marks.append(Mark(one.text, -1, -1, hull.astype(np.float32)))
    return tuple(marks)


def _ink(page: Floats, outlines: Sequence[Floats], colour: Colour, thick: float = 0) -> None:
    """Fill `outlines`, page pixels; with `thick`, draw along them."""
    every, reach = np.concatenate(outlines), math.ceil(thick / 2) + 1
    x0, y0 = np.maximum(np.floor(every.min(axis=0)).astype(int) - reach, 0).tolist()
    x1, y1 = (np.ceil(every.max(axis=0)).astype(int) + reach + 1).tolist()
    part = page[y0 : max(y0, y1), x0 : max(x0, x1)]
    if not part.size:
        return
    fine = np.zeros((FINE * part.shape[0], FINE * part.shape[1]), np.uint8)
    # The middle of a large pixel is that of its small ones; OpenCV counts from the middle of the first.
    places = [FINE * (one - (x0, y0)) - 0.5 for one in outlines]
    points: Any = [np.round(place * 2**FRACTION).astype(np.int32) for place in places]
    if thick:
        cv2.polylines(fine, points, False, 255, max(1, round(FINE * thick)), cv2.LINE_8, FRACTION)
    else:
        cv2.fillPoly(fine, points, 255, cv2.LINE_8, FRACTION)
    mask = cv2.resize(fine, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_AREA)
    part *= 1 - (mask.astype(np.float32) / 255)[..., None] * (1 - np.asarray(colour, np.float32))


def _letters(text: str, face: Face, height: float) -> list[Floats]:
    """The outlines of the letters, float32 (n, 2), pixels right of and below the start of the base line."""
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), text, size=height / CAPITAL, prop=_font(face))
    flip = np.asarray((1, -1), np.float32)
    return [np.asarray(part, np.float32) * flip for part in path.to_polygons()]


@cache
def _font(face: Face) -> Any:
    import matplotlib
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=Path(matplotlib.get_data_path()) / "fonts" / "ttf" / FILES[face])
