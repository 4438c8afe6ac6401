"""Which connected pieces of ink are one character: the bar of a 5 and its belly, the two strokes of a 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.geometry import MIN_DIGIT_HEIGHT_PX, Boxes
from edgeproof.support.opencv import cv2

PIECES_AT_ONCE = 32  # compared with all others in one step: more take memory, fewer take time
# Corners of outlines times their sides, compared on a page to tell how near pieces are: so many in any case, and per corner more.
FREE_COMPARISONS, COMPARISONS_PER_CORNER = 3_000_000, 64
MAX_SPECK_SIZE_SHARE = 0.25  # of the height of the character beside it: a dot, a comma, dirt
MIN_DOT_FILL = 0.5  # share of its box that is ink; a small digit has less
MIN_OVERLAP_SHARE = 0.2  # of the narrower of two pieces, by which one lies over the other
# Of the height of both, or of the page's typical height where that is less, between two pieces of a character:
MAX_GAP_OVER_SHARE = 0.27  # that lie one over the other: the bar of a 5, the halves of a broken 0
MAX_GAP_BESIDE_SHARE = 0.06  # that lie side by side: the two strokes of a 4 all but touch
MAX_HEIGHT_RATIO = 1.35  # of two characters of a row; and over the page's typical height, of what pieces add up to
LARGE_TEXT_HEIGHT_RATIO = 8.0  # over the median height of what is written
MIN_SMALL_TEXT_PIECES = 8  # beside large text; fewer are dirt


def characters(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> tuple[list[list[int]], list[int]]:
    """Which pieces make up one character each, its broken strokes joined; and which are specks beside one.

    `pieces` are contours, each an outline and its holes; `boxes` (N, 4) are theirs. Both results hold their indices.
    Large text and small text have nothing to do with each other.
    """
    if len(boxes) == 0:
        return [], []
    large = large_text(pieces, boxes)
    if not large.any():
        return _characters(pieces, boxes)
    groups: list[list[int]] = []
    specks: list[int] = []
    for part in (np.flatnonzero(large).tolist(), np.flatnonzero(~large).tolist()):
        own, dots = _characters([pieces[i] for i in part], boxes[part])
        groups += [[part[i] for i in group] for group in own]
        specks += [part[i] for i in dots]
    return groups, specks


def large_text(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> NDArray[np.bool_]:
    """Which pieces, (N,), are many times as high as other writing, as a heading is beside a footnote; dirt is no writing."""
    heights = boxes[:, 3]
    none = np.zeros(len(boxes), np.bool_)
    ordered = np.sort(heights[heights >= MIN_DIGIT_HEIGHT_PX])
    if not ordered.size or ordered[-1] <= LARGE_TEXT_HEIGHT_RATIO * ordered[ordered.size // 2]:
        return none  # as on most pages
    large: NDArray[np.bool_] = heights > LARGE_TEXT_HEIGHT_RATIO * ordered[ordered.size // 2]
    small = np.flatnonzero((heights >= MIN_DIGIT_HEIGHT_PX) & ~large).tolist()
    return large if sum(not _is_dot(pieces[i], boxes[i]) for i in small) >= MIN_SMALL_TEXT_PIECES else none


@dataclass(frozen=True)
class _Sides:
    """Boxes, one array per side, (N,) each, pixels."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    width: NDArray[np.int64]
    height: NDArray[np.int64]

    def at(self, places: NDArray[np.int64] | slice) -> _Sides:
        return _Sides(self.x[places], self.y[places], self.width[places], self.height[places])


@dataclass(frozen=True)
class _Pairs:
    """Pieces near each other, (P,) each: a main piece of a character, tall enough for one, and a part that may be its own.

    main_at, part_at: places in the page's order. main, part: their boxes. gap_x, gap_y: pixels between the two boxes,
    negative where they overlap. width, height: of both together, pixels.
    """

    main_at: NDArray[np.int64]
    part_at: NDArray[np.int64]
    main: _Sides
    part: _Sides
    gap_x: NDArray[np.int64]
    gap_y: NDArray[np.int64]
    width: NDArray[np.int64]
    height: NDArray[np.int64]

    @property
    def gap(self) -> NDArray[np.int64]:
        return np.maximum(self.gap_x, self.gap_y)

    @property
    def overlap(self) -> NDArray[np.float64]:
        """By how much of the narrower one they lie one over the other; negative where they are side by side."""
        overlap: NDArray[np.float64] = -self.gap_x / np.minimum(self.main.width, self.part.width)
        return overlap


def _characters(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> tuple[list[list[int]], list[int]]:
    """`characters`, of writing of about one size."""
    order = np.argsort(boxes[:, 0])
    sides = _Sides(*boxes[order].T)
    typical = _typical(sides.height)
    host = list(range(len(order)))  # the main piece of the character that a piece belongs to, both as places in `order`
    speck = np.zeros(len(order), np.bool_)
    room = FREE_COMPARISONS + COMPARISONS_PER_CORNER * sum(len(piece[0]) for piece in pieces)
    mains = np.flatnonzero(sides.height >= 2 * MIN_DIGIT_HEIGHT_PX)
    for start in range(0, len(mains), PIECES_AT_ONCE):
        pairs = _near(sides, mains[start : start + PIECES_AT_ONCE], typical)
        if pairs is None:
            continue
        reach = _reach(pairs, sides, typical)
        for pair in np.flatnonzero((reach > 0) & (reach > pairs.gap)).tolist():
            main, part = int(pairs.main_at[pair]), int(pairs.part_at[pair])
            if host[part] != part or host[main] == part:
                continue
            near, comparisons = _are_near(pieces[order[part]][0], pieces[order[main]][0], reach[pair], room)
            room -= comparisons
            if near:
                host[part] = host[main]
        for small in set(pairs.part_at[_beside(pairs, typical)].tolist()):
            speck[small] = _is_dot(pieces[order[small]], boxes[order[small]])
    groups: dict[int, list[int]] = {}
    dots = []
    for place, (piece, belongs) in enumerate(zip(order.tolist(), host, strict=True)):
        if belongs == place and speck[place]:
            dots.append(piece)
        else:
            groups.setdefault(belongs, []).append(piece)
    return list(groups.values()), dots


def _near(sides: _Sides, mains: NDArray[np.int64], typical: float) -> _Pairs | None:
    """The pairs, near enough to have to do with each other, of main pieces (places in a row, from left to right) and all others;
    None where there are none.

    `sides` are ordered by x. What a main piece has to do with is beside it as the halves of a character are, above or below it
    as a fragment is, or a speck.
    """
    main = sides.at(mains[:, None])
    scale = np.minimum(main.height, typical)
    reach = max(MAX_GAP_BESIDE_SHARE * typical, scale.max())
    right, bottom = sides.x + sides.width, sides.y + sides.height
    near = np.flatnonzero((right >= main.x.min() - reach) & (sides.x <= right[mains].max() + reach))
    others = sides.at(near)
    gap_x = np.maximum(others.x, main.x) - np.minimum(right[near], right[mains, None])
    gap_y = np.maximum(others.y, main.y) - np.minimum(bottom[near], bottom[mains, None])
    gap = np.maximum(gap_x, gap_y)
    speck = np.maximum(others.width, others.height) < MAX_SPECK_SIZE_SHARE * scale
    over = (gap_x < 0) & (gap_y <= MAX_GAP_OVER_SHARE * typical)
    found = (gap <= MAX_GAP_BESIDE_SHARE * typical) | over | (speck & (gap <= scale))
    found[near == mains[:, None]] = False  # itself
    if not found.any():
        return None
    row, column = np.nonzero(found)
    gap_x, gap_y = gap_x[row, column], gap_y[row, column]
    main_at, part_at = mains[row], near[column]
    main, part = sides.at(main_at), sides.at(part_at)
    width, height = main.width + part.width + gap_x, main.height + part.height + gap_y
    return _Pairs(main_at, part_at, main, part, gap_x, gap_y, width, height)


def _reach(pairs: _Pairs, sides: _Sides, typical: float) -> NDArray[np.float64]:
    """How far from each other the two of each pair, (P,), may be as one character, pixels; 0 where they are none.

    Whether they are one is the model's to say, which sees pieces that may be digits apart as well. Only of characters of two
    rows it cannot tell: some make another together.
    """
    over = pairs.overlap >= MIN_OVERLAP_SHARE
    possible: NDArray[np.bool_] = np.maximum(pairs.width, pairs.height) <= MAX_HEIGHT_RATIO * typical
    possible &= ~_are_rows(pairs, sides, possible & over & (pairs.gap_y >= 0))
    gap: NDArray[np.float64] = np.where(over, MAX_GAP_OVER_SHARE, MAX_GAP_BESIDE_SHARE)
    reach: NDArray[np.float64] = possible * gap * np.minimum(pairs.height, typical)
    return reach


def _are_rows(pairs: _Pairs, sides: _Sides, stacked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the `stacked` pairs, (P,), are characters of two rows: both have a neighbour like themselves."""
    both = np.stack([pairs.main_at[stacked], pairs.part_at[stacked]])
    rows = stacked.copy()
    pieces, places = np.unique(both, return_inverse=True)
    in_row = np.array([_in_row(sides, piece) for piece in pieces.tolist()], np.bool_)
    rows[stacked] = in_row[places.reshape(both.shape)].all(axis=0)
    return rows


def _beside(pairs: _Pairs, typical: float) -> NDArray[np.bool_]:
    """Which parts, (P,), are small enough beside their main piece to be a speck."""
    scale = np.minimum(pairs.main.height, typical)
    size = np.maximum(pairs.part.width, pairs.part.height)
    small = size < MAX_SPECK_SIZE_SHARE * scale
    beside: NDArray[np.bool_] = small & (pairs.gap <= scale)
    return beside


def _in_row(sides: _Sides, piece: int) -> bool:
    """Whether a piece has a neighbour about as tall as itself, level with it."""
    x, y, width, height = sides.x[piece], sides.y[piece], sides.width[piece], sides.height[piece]
    ends = (x - height - sides.width.max(), x + width + height + 1)
    others = sides.at(slice(*np.searchsorted(sides.x, ends).tolist()))
    gap = np.maximum(others.x, x) - np.minimum(others.x + others.width, x + width)
    level = np.abs(2 * others.y + others.height - 2 * y - height) < height
    taller, lower = np.maximum(others.height, height), np.minimum(others.height, height)
    alike = taller < MAX_HEIGHT_RATIO * lower
    return bool((level & alike & (gap > 0) & (gap <= height)).any())


def _typical(heights: NDArray[np.int64]) -> float:
    """The height of the page's characters, pixels: half of all height is in pieces at least this high; specks do not count."""
    ordered = np.sort(heights)
    share = np.cumsum(ordered)
    return float(ordered[np.searchsorted(share, share[-1] / 2)])


def _is_dot(piece: Sequence[Any], box: NDArray[np.int64]) -> bool:
    """Whether a small piece is a filled dot, and no small digit: it has no hole and fills its box."""
    return len(piece) == 1 and cv2.contourArea(piece[0]) > MIN_DOT_FILL * (box[2] - 1) * (box[3] - 1)


def _are_near(one: Any, other: Any, reach: float, room: int) -> tuple[bool, int]:
    """Whether the shortest way between two outlines, from a corner of either to a side of the other, is at most `reach` pixels;
    and how many corners and sides were compared to tell, at most `room`: beyond they count as far apart."""
    comparisons = 0
    for corners, outline in ((one, other), (other, one)):
        points = _around(corners[:, 0], outline[:, 0], reach)
        comparisons += len(points) * len(outline)
        if comparisons > room:
            return False, 0
        if any(-cv2.pointPolygonTest(outline, point, True) <= reach for point in points.astype(float).tolist()):
            return True, comparisons
    return False, comparisons


def _around(points: NDArray[np.int32], others: NDArray[np.int32], reach: float) -> NDArray[np.int32]:
    """Those of the points (N, 2) that lie in the box of the others, or at most `reach` pixels beside it."""
    inside = (points >= others.min(axis=0) - reach) & (points <= others.max(axis=0) + reach)
    around: NDArray[np.int32] = points[inside.all(axis=1)]
    return around
