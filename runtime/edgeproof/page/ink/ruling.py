"""Where the lines of a page run: ruling, squares, tables, boxes of forms.

They are told from strokes by what no writing has: they are thin and straight over a length that strokes do not reach, and either
go through the page or end at each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgeproof.page.geometry import MIN_DIGIT_HEIGHT_PX, MIN_SAMPLE, Boxes
from edgeproof.page.ink.lines import Flags, Floats, Lines, Ruling, meeting
from edgeproof.page.ink.tracks import reduced, tracks

LINE_SIDE_PX = 640  # longest side of the picture in which lines are looked for
MIN_LINE_SHARE = (
    0.15  # of the picture's longer side: a level stroke of this length, joined to nothing as tall, is a line
)


def find(masks: Sequence[Any], boxes: Boxes, shortest: float | None = None) -> Ruling | None:
    """The lines in masks uint8 0/255 (H, W) of one picture, its full ink and all that is darker than paper; None where there are
    none.

    boxes (N, 4): of pieces of ink that are lines or hang on them. shortest: side of the smallest box of a form on it, pixels.
    """
    shape = masks[0].shape
    reduction = max(
        1, min(-(-max(shape) // LINE_SIDE_PX), min(shape) // (2 * MIN_DIGIT_HEIGHT_PX))
    )  # a strip keeps its rows
    run = min(MIN_LINE_SHARE * max(shape) / 3, min(shape) / 2)
    side = max(int(run / 3 / reduction), MIN_DIGIT_HEIGHT_PX)
    if shortest is not None:
        run = min(run, 2 * shortest / 3)
    small = [reduced(mask, reduction) for mask in masks]
    possible = tracks(small, max(int(run / reduction), MIN_DIGIT_HEIGHT_PX), side)
    found = _lines(possible, small[0].shape, boxes / reduction)
    return found.scaled(reduction, reduction) if len(found.level) + len(found.upright) else None


def _lines(possible: Ruling, shape: tuple[int, ...], boxes: Floats) -> Ruling:
    """Which tracks in a picture of `shape` are lines: those too long for a stroke, those that cross most of the others, and those
    between two that meet others at an end, as the sides of boxes and tables are, and are drawn about as thick."""
    both = (possible.level, possible.upright)
    long = [2 * lines.length > max(shape) for lines in both]
    through = [(lines.start <= 1) & (lines.end >= side - 2) for lines, side in zip(both, shape[::-1], strict=True)]
    free = [lines.length >= MIN_LINE_SHARE * max(shape) for lines in both]
    sure = [long[0] | through[0] | (free[0] & _in_any(possible.level, boxes)), long[1] | through[1]]
    known = np.concatenate([lines.thick[own] for lines, own in zip(both, sure, strict=True)])
    thin = [lines.thick <= 2 * np.median(known) if len(known) else np.ones(len(lines), np.bool_) for lines in both]
    places = meeting(possible)
    kept = [np.ones(len(lines), np.bool_) for lines in both]
    while True:
        meets = places.meets & kept[0][:, None] & kept[1]
        closed: list[Flags] = [np.any((places.first[i] | places.last[i]) & meets, axis=1 - i) for i in (0, 1)]
        beside = meets & closed[1], meets & closed[0][:, None]
        now = []
        for i in (0, 1):
            framed = np.all([np.any(beside[i] & end[i], axis=1 - i) for end in (places.first, places.last)], axis=0)
            crosses = meets.sum(axis=1 - i)
            crossing = free[i] & (crosses >= MIN_SAMPLE) & (2 * crosses > kept[1 - i].sum())
            now.append(kept[i] & (sure[i] | (framed & thin[i]) | crossing))
        if sum(map(np.count_nonzero, now)) == sum(map(np.count_nonzero, kept)):
            return Ruling(possible.level.some(kept[0]), possible.upright.some(kept[1]))
        kept = now


def _in_any(lines: Lines, boxes: Floats) -> Flags:
    """Which level lines, (N,), lie in one of the boxes, but for the rounding of their ends."""
    x, y, width, height = boxes.T[..., None]
    near = lines.thick
    across = lines.at(lines.middle)
    inside: Flags = np.asarray(
        (x - near <= lines.start) & (lines.end <= x + width + near) & (y <= across) & (across < y + height)
    )
    return np.asarray(inside.any(axis=0))
