"""The boxes of a form, each for one character: they stand alone, and what is written in one may touch it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from edgeproof.page.geometry import MIN_DIGIT_HEIGHT_PX, Boxes
from edgeproof.page.ink.lines import Flags, Floats, Lines, Ruling, followed
from edgeproof.support.opencv import cv2


def structure(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> tuple[list[Floats], Flags]:
    """The corners (4, 2), pixels, of each piece of ink that is a box, one after the other around it, whatever is written in
    it; and which pieces, (N,), are several boxes: a table.

    `pieces` are contours, each an outline and its holes; `boxes` (N, 4) are theirs. A box is mostly paper.
    """
    single, several = [], np.zeros(len(pieces), np.bool_)
    for i in np.flatnonzero((boxes[:, 2:] >= 2 * MIN_DIGIT_HEIGHT_PX).all(axis=1)).tolist():
        outline, *holes = pieces[i]
        if not holes or 2 * sum(map(cv2.contourArea, holes)) < cv2.contourArea(outline):
            continue
        several[i] = len([*islice(filter(_is_rectangular, _roomy(holes)), 2)]) > 1
        corners = None if several[i] else _corners(outline)
        if corners is not None:
            single.append(corners)
    return single, several


def _corners(outline: Any) -> Floats | None:
    """The corners of an outline; None where it is no rectangle: it fills the smallest one around it at least halfway from an
    ellipse, as a 0 is, to all of it."""
    around = cv2.minAreaRect(outline)
    if cv2.contourArea(outline) <= (1 + np.pi / 4) / 2 * around[1][0] * around[1][1]:
        return None
    points = outline[:, 0].astype(np.float64)
    # In perspective they lie a little beside the rectangle's.
    nearest = [int(((points - corner) ** 2).sum(axis=1).argmin()) for corner in cv2.boxPoints(around)]
    corners: Floats = points[nearest]
    return corners


def _roomy(holes: Sequence[Any]) -> list[Any]:
    """Those with room for a digit."""
    starts = np.cumsum([0, *map(len, holes)])[:-1]
    points = np.concatenate(holes)[:, 0]
    sides = np.maximum.reduceat(points, starts) - np.minimum.reduceat(points, starts) + 1
    return [holes[i] for i in np.flatnonzero((sides >= 2 * MIN_DIGIT_HEIGHT_PX).all(axis=1)).tolist()]


def _is_rectangular(hole: Any) -> bool:
    """Whether a hole is a rectangle, apart from strokes that reach into it."""
    return _corners(cv2.convexHull(hole)) is not None


def shortest_side(single: Sequence[Floats]) -> float:
    """Of boxes with these corners, pixels."""
    return min(float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).min()) for corners in single)


def sides(single: Sequence[Floats], mask: Any) -> Ruling:
    """The sides of boxes with these corners, in the middle of the strokes that they are drawn with. `mask`: the ink, uint8
    0/255 (H, W)."""
    first = np.concatenate(single)
    second = np.concatenate([np.roll(corners, -1, axis=0) for corners in single])
    middle = np.repeat([corners.mean(axis=0) for corners in single], 4, axis=0)
    level = np.abs(second - first)[:, 0] >= np.abs(second - first)[:, 1]
    across, down = (
        _lines(first[own][:, order], second[own][:, order], middle[own][:, order], picture)
        for own, order, picture in ((level, [0, 1], mask), (~level, [1, 0], cv2.transpose(mask)))
    )
    return Ruling(across, down)


def _lines(first: Floats, second: Floats, middle: Floats, mask: Any) -> Lines:
    """Lines along x between outer corners (N, 2) each, moved towards the boxes' middles by half of the strokes' thickness."""
    start, end = np.minimum(first[:, 0], second[:, 0]), np.maximum(first[:, 0], second[:, 0])
    rise = np.where(first[:, 0] <= second[:, 0], 1, -1) * (second[:, 1] - first[:, 1])
    across, flat = (first[:, 1] + second[:, 1]) / 2, np.zeros_like(rise)
    outer = Lines(start, end, np.stack([across, rise / 2, flat], axis=1), (end - start) / 4)
    _, _, thick = followed(outer, mask)
    inner = across + np.sign(middle[:, 1] - across) * (thick - 1) / 2
    return Lines(start, end, np.stack([inner, rise / 2, flat], axis=1), thick.astype(np.float64))
