"""Which connected pieces of ink are one character: the bar of a 5 and its belly, the two strokes of a 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.int64]  # (N, 4): x, y, width, height

SMALLEST = 6  # height that a digit must have, working pixels: less tells no 3 from an 8
CHUNK = 32  # characters compared with their neighbours at once, from left to right
SPECK = 0.25  # of the size of a character beside it: a dot, a comma, dirt
DOT = 0.5  # share of its box that a dot fills
FRAGMENT = 0.6  # of the height of the character beside it: a smaller piece above or below may be the bar of its 5
FRAGMENT_GAP = 0.2  # of that character's height
HALF = 0.8  # of the height of both together: two pieces, each lower, that all but touch are one character
ALL_BUT = 0.06  # of the page's typical height
TALLEST = 1.35  # of that height, or width: what pieces may add up to


def characters(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> tuple[list[list[int]], list[int]]:
    """Which pieces make up one character each, a character's own broken strokes joined; and which are specks beside one.

    `pieces` are contours, each an outline and its holes; `boxes` (N, 4) are theirs. Both results hold their indices.
    """
    if len(boxes) == 0:
        return [], []
    order = np.argsort(boxes[:, 0])
    x, y, width, height = boxes[order].T
    typical, widest = _typical(height), int(width.max())
    host = list(range(len(order)))  # the character that a piece belongs to, both as places in `order`
    speck = np.zeros(len(order), bool)
    for start in range(0, len(order), CHUNK):
        # All mains of a chunk against all pieces near it, as arrays (mains, parts).
        mains = slice(start, start + CHUNK)
        near = slice(
            int(np.searchsorted(x, x[start] - typical - widest)),
            int(np.searchsorted(x, (x[mains] + width[mains]).max() + typical)),
        )
        mx, my, mw, mh = (side[mains, None] for side in (x, y, width, height))
        px, py, pw, ph = (side[None, near] for side in (x, y, width, height))
        scale = np.minimum(mh, typical)  # a tall bracket says nothing about the digits beside it
        gap_x = np.maximum(px, mx) - np.minimum(px + pw, mx + mw)
        gap_y = np.maximum(py, my) - np.minimum(py + ph, my + mh)
        gap = np.maximum(gap_x, gap_y)
        tall, wide = ph + mh + gap_y, pw + mw + gap_x
        hosts = (mh >= 2 * SMALLEST) & (np.maximum(tall, wide) <= TALLEST * typical)
        # The bar of a 5 lies over or under the rest of it.
        bar = hosts & (ph <= FRAGMENT * scale) & (-gap_x >= 0.4 * np.minimum(pw, mw)) & (gap_y <= FRAGMENT_GAP * scale)
        # The two strokes of a 4, or of a broken 0, all but touch, and neither is as tall as both together.
        halves = hosts & (np.maximum(ph, mh) <= HALF * tall) & (gap <= ALL_BUT * typical) & (wide <= tall)
        for row, column in np.argwhere(bar | halves):
            main, part = start + int(row), near.start + int(column)
            reach = FRAGMENT_GAP * scale[row, 0] if bar[row, column] else ALL_BUT * typical
            if main == part or host[part] != part or host[main] == part:
                continue
            if _distance(pieces[order[part]][0], pieces[order[main]][0]) <= reach:
                host[part] = host[main]
        beside = (mh >= 2 * SMALLEST) & (np.maximum(pw, ph) < SPECK * scale) & (gap <= scale)
        for column in np.flatnonzero(beside.any(axis=0)):
            part = near.start + int(column)
            speck[part] = _is_dot(pieces[order[part]], boxes[order[part]])
    groups: dict[int, list[int]] = {}
    dots = []
    for part, main in enumerate(host):
        if main == part and speck[part]:
            dots.append(int(order[part]))
        else:
            groups.setdefault(main, []).append(int(order[part]))
    return list(groups.values()), dots


def _typical(heights: NDArray[np.int64]) -> float:
    """The height of the page's characters: half of all ink height is in pieces at least this high, so specks do not count."""
    ordered = np.sort(heights)
    share = np.cumsum(ordered)
    return float(ordered[np.searchsorted(share, share[-1] / 2)])


def _is_dot(piece: Sequence[Any], box: NDArray[np.int64]) -> bool:
    """Whether a small piece is a filled dot, and no small digit: it has no hole and fills its box."""
    import cv2

    return len(piece) == 1 and cv2.contourArea(piece[0]) > DOT * (box[2] - 1) * (box[3] - 1)


def _distance(one: Any, other: Any) -> float:
    """The shortest way between two outlines, pixels: from the corners of either to the sides of the other."""
    import cv2

    return min(
        -cv2.pointPolygonTest(outline, (float(x), float(y)), True)
        for corners, outline in ((one, other), (other, one))
        for x, y in corners[:, 0]
    )
