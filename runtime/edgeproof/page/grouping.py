"""Which connected pieces of ink are one character: the bar of a 5 and its belly, the two strokes of a 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.geometry import MIN_DIGIT_HEIGHT_PX, Boxes
from edgeproof.support.opencv import cv2

CHUNK = 32  # characters compared with their neighbours at once, from left to right
SPECK = 0.25  # of the size of a character beside it: a dot, a comma, dirt
DOT = 0.5  # share of its box that a dot fills
FRAGMENT = 0.6  # of the height of the character beside it: a smaller piece above or below may be the bar of its 5
FRAGMENT_GAP = 0.2  # of that character's height
ROOF = 0.3  # of that character's height: how low the bar of a 5 is, and how far down its middle may be
ALIKE = 1.5  # times as tall, at most, is the neighbour in a row
HALF = 0.8  # of the height of both together: two pieces, each lower, that all but touch are one character
ALL_BUT = 0.06  # of the height of both together, or of the page's typical height where that is less
LOOSE_GAP = 0.27  # the same, of pieces that only together are a character
GIANT = 8.0  # times the median height of what is written: beside such writing, that is small
FEWEST_SMALL = 8  # pieces that are small writing, and no dirt
TALLEST = 1.35  # of that height, or width: what pieces may add up to


def characters(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> tuple[list[list[int]], list[int]]:
    """Which pieces make up one character each, a character's own broken strokes joined; and which are specks beside one.

    `pieces` are contours, each an outline and its holes; `boxes` (N, 4) are theirs. Both results hold their indices. Giant
    writing and small writing have nothing to do with each other.
    """
    if len(boxes) == 0:
        return [], []
    giant = giants(pieces, boxes)
    if not giant.any():
        return _characters(pieces, boxes)
    groups: list[list[int]] = []
    specks: list[int] = []
    for part in (np.flatnonzero(giant).tolist(), np.flatnonzero(~giant).tolist()):
        own, dots = _characters([pieces[i] for i in part], boxes[part])
        groups += [[part[i] for i in group] for group in own]
        specks += [part[i] for i in dots]
    return groups, specks


def giants(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> NDArray[np.bool_]:
    """Which pieces, (N,), are writing many times the size of other writing, as a heading is beside a footnote; dirt is no
    writing."""
    heights = boxes[:, 3]
    none = np.zeros(len(boxes), np.bool_)
    ordered = np.sort(heights[heights >= MIN_DIGIT_HEIGHT_PX])
    if not ordered.size or ordered[-1] <= GIANT * ordered[ordered.size // 2]:
        return none  # as on most pages
    giant: NDArray[np.bool_] = heights > GIANT * ordered[ordered.size // 2]
    small = np.flatnonzero((heights >= MIN_DIGIT_HEIGHT_PX) & ~giant).tolist()
    return giant if sum(not _is_dot(pieces[i], boxes[i]) for i in small) >= FEWEST_SMALL else none


def _characters(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> tuple[list[list[int]], list[int]]:
    """`characters`, of writing of about one size."""
    order = np.argsort(boxes[:, 0])
    sides = boxes[order].T
    typical = _typical(sides[3])
    host = list(range(len(order)))  # the character that a piece belongs to, both as places in `order`
    speck = np.zeros(len(order), bool)
    for start in range(0, len(order), CHUNK):
        main, part = _near(sides, start, typical)
        if main.size == 0:
            continue
        # From here on one entry per near pair: m of the main, p of the part.
        (mx, my, mw, mh), (px, py, pw, ph) = (sides[:, main], sides[:, part])
        scale = np.minimum(mh, typical)  # a tall bracket says nothing about the digits beside it
        gap_x = np.maximum(px, mx) - np.minimum(px + pw, mx + mw)
        gap_y = np.maximum(py, my) - np.minimum(py + ph, my + mh)
        gap = np.maximum(gap_x, gap_y)
        tall, wide = ph + mh + gap_y, pw + mw + gap_x
        hosts = (mh >= 2 * MIN_DIGIT_HEIGHT_PX) & (np.maximum(tall, wide) <= TALLEST * typical)
        # The bar of a 5 lies over or under the rest of it.
        bar = hosts & (ph <= FRAGMENT * scale) & (-gap_x >= 0.4 * np.minimum(pw, mw)) & (gap_y <= FRAGMENT_GAP * scale)
        # Or it begins over the end of the rest, and runs on to the right: no dash does, and a fraction's bar is wider.
        roof = (ph <= ROOF * mh) & (2 * py + ph <= 2 * (my + ROOF * mh)) & (2 * px + pw >= 2 * mx + mw)
        roof &= (gap_x < 0) & (ph < pw) & (pw <= mw)
        # Two low pieces, one over the other, are together as tall as a character: a 3 or an 8 in two strokes.
        low = np.maximum(ph, mh) <= FRAGMENT * typical
        stacked = low & (tall >= typical / TALLEST) & (-gap_x >= 0.5 * np.minimum(pw, mw))
        for pair in np.flatnonzero(hosts & stacked).tolist():
            stacked[pair] = not (_in_row(sides, main[pair]) or _in_row(sides, part[pair]))
        loose = hosts & (roof | stacked) & (wide <= tall)
        # The two strokes of a 4, or of a broken 0, all but touch, and neither is as tall as both together.
        touch = ALL_BUT * np.minimum(tall, typical)
        halves = hosts & (np.maximum(ph, mh) <= HALF * tall) & (gap <= touch) & (wide <= tall)
        reach = np.maximum.reduce(
            [halves * touch, bar * FRAGMENT_GAP * scale, loose * LOOSE_GAP * np.minimum(tall, typical)]
        )
        for pair in np.flatnonzero(reach).tolist():
            one, other = int(main[pair]), int(part[pair])
            if host[other] != other or host[one] == other:
                continue
            if _distance(pieces[order[other]][0], pieces[order[one]][0]) <= reach[pair]:
                host[other] = host[one]
        beside = (mh >= 2 * MIN_DIGIT_HEIGHT_PX) & (np.maximum(pw, ph) < SPECK * scale) & (gap <= scale)
        for small in set(part[beside].tolist()):
            speck[small] = _is_dot(pieces[order[small]], boxes[order[small]])
    groups: dict[int, list[int]] = {}
    dots = []
    for place, belongs in enumerate(host):
        if belongs == place and speck[place]:
            dots.append(int(order[place]))
        else:
            groups.setdefault(belongs, []).append(int(order[place]))
    return list(groups.values()), dots


def _near(sides: Boxes, start: int, typical: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of a chunk of pieces and all others, the pairs that stand near enough to have to do with each other.

    `sides` (4, N): x, y, width, height, ordered by x. Returns two arrays of places in it, the one and the other of each pair.
    """
    x, y, width, height = sides
    right, bottom = x + width, y + height
    reach = np.where(height <= FRAGMENT * typical, LOOSE_GAP, ALL_BUT) * typical
    reach[np.maximum(width, height) < SPECK * typical] = typical
    mains = slice(start, start + CHUNK)
    first = int(np.searchsorted(x, x[start] - typical - width.max()))
    near = slice(first, int(np.searchsorted(x, right[mains].max() + typical)))
    gap_x = np.maximum(x[near], x[mains, None]) - np.minimum(right[near], right[mains, None])
    gap_y = np.maximum(y[near], y[mains, None]) - np.minimum(bottom[near], bottom[mains, None])
    found = np.maximum(gap_x, gap_y) <= reach[near]
    np.fill_diagonal(found[:, start - first :], False)  # itself
    main, part = np.nonzero(found)
    return main + start, part + first


def _in_row(sides: Boxes, piece: int) -> bool:
    """Whether a piece has a neighbour about as tall as itself, level with it: it stands in a row, and is no half of a character.

    `sides` (4, N): x, y, width, height.
    """
    x, y, width, height = sides
    own_x, own_y, own_width, own_height = sides[:, piece]
    gap = np.maximum(x, own_x) - np.minimum(x + width, own_x + own_width)
    level = np.abs(2 * y + height - 2 * own_y - own_height) < own_height
    alike = (height < ALIKE * own_height) & (own_height < ALIKE * height)
    return bool((level & alike & (gap > 0) & (gap <= own_height)).any())


def _typical(heights: NDArray[np.int64]) -> float:
    """The height of the page's characters: half of all ink height is in pieces at least this high, so specks do not count."""
    ordered = np.sort(heights)
    share = np.cumsum(ordered)
    return float(ordered[np.searchsorted(share, share[-1] / 2)])


def _is_dot(piece: Sequence[Any], box: NDArray[np.int64]) -> bool:
    """Whether a small piece is a filled dot, and no small digit: it has no hole and fills its box."""
    return len(piece) == 1 and cv2.contourArea(piece[0]) > DOT * (box[2] - 1) * (box[3] - 1)


def _distance(one: Any, other: Any) -> float:
    """The shortest way between two outlines, pixels: from the corners of either to the sides of the other."""
    return min(
        -cv2.pointPolygonTest(outline, (float(x), float(y)), True)
        for corners, outline in ((one, other), (other, one))
        for x, y in corners[:, 0]
    )
