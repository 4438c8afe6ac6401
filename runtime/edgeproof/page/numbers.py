"""From digits to numbers in reading order: lines first, level or slanted, then the gaps within a line.

All distances are measured in the digits' own height, so a photo scaled by any factor reads the same.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import median
from typing import Literal

from edgeproof.page.geometry import Box

# All lengths are in heights of a digit of the line.
MAX_STEP_HEIGHTS = 0.7  # how much higher or lower the next digit of a line may stand, at its side
MAX_LINE_SLOPE = 0.3  # rise over run, 17 degrees: how far a line may slope to a digit farther away
SLOPE_REACH_HEIGHTS = 3.5  # beyond, a slope would lead to the next line
MAX_LINE_GAP_HEIGHTS = 12.0  # between two digits that are still on one line
MIN_NUMBER_GAP_HEIGHTS = 0.5  # a smaller gap never parts two numbers
LONE_GAP_HEIGHTS = 1.2  # a gap without another to compare with parts two numbers from here on; no minus sign is wider
NUMBER_GAP_RATIO = 1.7  # to the next smaller gap of the line, of a gap that parts numbers: writers space digits alike
POINT_SIZE_HEIGHTS = (0.08, 0.35)  # of a decimal point, least and most; less is dirt
MINUS_MIN_WIDTH_HEIGHTS = 0.2  # less is a point
MINUS_MAX_GAP_HEIGHTS = 0.7  # to the number that it stands before
Mark = Literal["point", "minus"]


@dataclass(frozen=True)
class Number:
    """Digits that are read together.

    text: the names of the classes, from left to right, with a decimal point or a minus sign where one is written.
    score: the lowest of the digits' scores, 0..1: a number is as sure as its least sure digit.
    box: x, y, width, height around all. digits: their indices, from left to right.
    cell: row and column, from 0, of the table's cell that it stands in; None where it stands in none.
    """

    text: str
    score: float
    box: Box
    digits: tuple[int, ...]
    cell: tuple[int, int] | None = None


def read_numbers(
    names: Sequence[str],
    scores: Sequence[float],
    boxes: Sequence[Box],
    between: Sequence[Box] = (),
    marks: Sequence[tuple[Mark, Box]] = (),
) -> tuple[Number, ...]:
    """The numbers that digits form, in reading order: lines from top to bottom, each from left to right.

    `names`, `scores` and `boxes` are of the digits, in any order. `between` are boxes of what is written but no digit: a
    plus sign parts two numbers however close they stand. `marks` are dots and dashes, most of which mean nothing: one at
    the foot of a line between two digits is a decimal point, one before a number and after none is its minus sign.
    """
    numbers = []
    signs = _Things(between)
    dots, dashes = (_Things([box for kind, box in marks if kind == wanted]) for wanted in ("point", "minus"))
    for line in lines(boxes):
        height = median(boxes[i][3] for i in line)
        points = [_point(boxes[a], boxes[b], dots, height) for a, b in pairwise(line)]
        parted = [_parted(boxes[a], boxes[b], signs, dashes, height) for a, b in pairwise(line)]
        gaps = [_gap(boxes[a], boxes[b]) / height for a, b in pairwise(line)]
        limit = _limit([gap for gap, sign, point in zip(gaps, parted, points, strict=True) if not sign and not point])
        start = 0
        for i in range(1, len(line) + 1):
            last = i == len(line)
            if (
                last
                or parted[i - 1]
                or gaps[i - 1] > (LONE_GAP_HEIGHTS + POINT_SIZE_HEIGHTS[1] if points[i - 1] else limit)
            ):
                part = tuple(line[start:i])
                text = names[part[0]]
                for j in range(start + 1, i):
                    text += ("." if points[j - 1] else "") + names[line[j]]
                around = [boxes[j] for j in part]
                minus = _minus(around[0], boxes[line[start - 1]] if start else None, signs, dashes, height)
                if minus:
                    text, around = "-" + text, [minus, *around]
                numbers.append(Number(text, min(scores[j] for j in part), _union(around), part))
                start = i
    return tuple(numbers)


def _limit(gaps: Sequence[float]) -> float:
    """The gap (in heights) that parts numbers on a line with these gaps between neighbours.

    Digits of a number stand about evenly, however wide apart a hand writes them, and numbers stand clearly farther apart:
    so where the sorted gaps make a jump is the limit. Without a jump they are one number; a single gap has nothing to
    compare with.
    """
    if len(gaps) < 2:
        return LONE_GAP_HEIGHTS
    # Where not even a point has room, gaps count alike, or a touching pair would make all others large.
    ordered = sorted(max(gap, POINT_SIZE_HEIGHTS[0]) for gap in gaps)
    jumps = [(after / before, before, after) for before, after in pairwise(ordered) if after > MIN_NUMBER_GAP_HEIGHTS]
    jump, before, after = max(jumps, default=(0.0, 0.0, 0.0))
    return (before * after) ** 0.5 if jump > NUMBER_GAP_RATIO else math.inf


def words(boxes: Sequence[Box]) -> Iterator[tuple[int, ...]]:
    """Indices of the boxes of each word, whatever it is made of, from left to right: what stands close on a line."""
    for line in lines(boxes):
        height = median(boxes[i][3] for i in line)
        gaps = [_gap(boxes[a], boxes[b]) / height for a, b in pairwise(line)]
        limit = min(_limit(gaps), LONE_GAP_HEIGHTS)
        ends = [i + 1 for i, gap in enumerate(gaps) if gap > limit]
        yield from (line[start:end] for start, end in zip([0, *ends], [*ends, len(line)], strict=True))


def lines(boxes: Sequence[Box]) -> tuple[tuple[int, ...], ...]:
    """Indices of the boxes line by line: each box goes on from the nearest line end that stands level with it.

    Level allows for a slant: a digit farther away may stand higher or lower, up to about one line's distance.
    """
    return _lines(tuple(boxes))


# The turn of a page, the context of its digits and its numbers are all read along the lines, mostly of the very same boxes.
@lru_cache(maxsize=1)
def _lines(boxes: tuple[Box, ...]) -> tuple[tuple[int, ...], ...]:
    if not boxes:
        return ()
    found: list[list[int]] = []
    ends = _LineEnds()
    for i in sorted(range(len(boxes)), key=lambda i: _centre(boxes[i])):
        best, nearest = None, math.inf
        for line in ends.level_with(boxes[i]):
            end = boxes[line[-1]]
            height = max(end[3], boxes[i][3])
            gap, rise = _gap(end, boxes[i]), abs(_middle(boxes[i]) - _middle(end))
            away = min(_centre(boxes[i]) - _centre(end), SLOPE_REACH_HEIGHTS * height)
            if gap <= MAX_LINE_GAP_HEIGHTS * height and rise <= max(MAX_STEP_HEIGHTS * height, MAX_LINE_SLOPE * away):
                distance = max(gap, 0) + 2 * rise
                if distance < nearest:
                    best, nearest = line, distance
        if best is None:
            best = []
            found.append(best)
        else:
            ends.remove(best, boxes[best[-1]])
        best.append(i)
        ends.add(best, boxes[i])
    # A slanted line begins where its first digit stands; among lines that begin level, the left one comes first.
    found.sort(key=lambda line: (_middle(boxes[line[0]]), boxes[line[0]][0]))
    return tuple(map(tuple, found))


class _LineEnds:
    """Lines by how high their last box is, in powers of two, and by how far down the page: so a box is compared with the few
    that it could go on from, also beside one that is as tall as the page."""

    def __init__(self) -> None:
        self._shelves: dict[int, dict[int, list[list[int]]]] = {}

    @staticmethod
    def _reach(height: float) -> float:
        """How far from the middle of a box that of the next may be, pixels."""
        return max(MAX_STEP_HEIGHTS, MAX_LINE_SLOPE * SLOPE_REACH_HEIGHTS) * height

    def _shelf(self, box: Box) -> list[list[int]]:
        size = box[3].bit_length()
        place = int(_middle(box) // self._reach(2**size))
        return self._shelves.setdefault(size, {}).setdefault(place, [])

    def add(self, line: list[int], end: Box) -> None:
        self._shelf(end).append(line)

    def remove(self, line: list[int], end: Box) -> None:
        self._shelf(end).remove(line)

    def level_with(self, box: Box) -> Iterator[list[int]]:
        """Those whose ends are at most as far up or down as a line may go on to `box`, and a few more; from top to bottom."""
        for size, shelves in self._shelves.items():
            deep = self._reach(2**size)
            away = max(deep, self._reach(box[3]))
            first, last = ((_middle(box) + side) // deep for side in (-away, away))
            for place in range(int(first), int(last) + 1):
                yield from shelves.get(place, ())


def _gap(left: Box, right: Box) -> float:
    return right[0] - (left[0] + left[2])


def _centre(box: Box) -> float:
    return box[0] + box[2] / 2


def _middle(box: Box) -> float:
    return box[1] + box[3] / 2


class _Things:
    """Boxes by where their centres are across the page, so that each place is compared with the few that are near it."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._boxes = boxes
        self._order = sorted(range(len(boxes)), key=lambda i: _centre(boxes[i]))
        self._centres = [_centre(boxes[i]) for i in self._order]
        self.widest = max((box[2] for box in boxes), default=0)

    def within(self, left: float, right: float) -> list[Box]:
        """Those whose centres lie from `left` to `right`, in the order of the boxes."""
        places = self._order[bisect_left(self._centres, left) : bisect_right(self._centres, right)]
        return [self._boxes[i] for i in sorted(places)]


def _parted(left: Box, right: Box, signs: _Things, dashes: _Things, height: float) -> bool:
    """Whether the middle of something else lies between two neighbours of a line: a sign, or a dash halfway up."""
    x0, x1 = _centre(left), _centre(right)
    y0, y1 = min(left[1], right[1]), max(left[1] + left[3], right[1] + right[3])
    if any(x0 < _centre(box) < x1 and y0 < _middle(box) < y1 for box in signs.within(x0, x1)):
        return True
    return any(_is_minus(box, right, height) for box in dashes.within(left[0] + left[2], right[0]))


def _point(left: Box, right: Box, dots: _Things, height: float) -> bool:
    """Whether a decimal point stands between two neighbours of a line, at their foot."""
    foot = (left[1] + left[3] + right[1] + right[3]) / 2
    x0, x1 = left[0] + 0.7 * left[2], right[0] + 0.3 * right[2]
    return any(
        POINT_SIZE_HEIGHTS[0] * height <= max(box[2:]) <= POINT_SIZE_HEIGHTS[1] * height
        and x0 < _centre(box) < x1
        and abs(_middle(box) - foot) <= POINT_SIZE_HEIGHTS[1] * height
        for box in dots.within(x0, x1)
    )


def _minus(first: Box, before: Box | None, signs: _Things, dashes: _Things, height: float) -> Box | None:
    """The box of the minus sign of the number that begins with `first`, `before` being the digit before it on the line.

    After a digit or a closing bracket a dash is the operator of a sum; what stands clearly farther off than the number
    does not count.
    """
    for dash in dashes.within(first[0] - (MINUS_MAX_GAP_HEIGHTS + LONE_GAP_HEIGHTS) * height, first[0] + height):
        gap = _gap(dash, first)
        if not -0.1 * height <= gap <= MINUS_MAX_GAP_HEIGHTS * height or not _is_minus(dash, first, height):
            continue
        clear = max(2 * gap, LONE_GAP_HEIGHTS * height)
        ahead = [before] if before else []
        ahead += signs.within(dash[0] - clear - signs.widest, _centre(dash))
        if all(
            _gap(other, dash) > clear
            for other in ahead
            if _level(other, dash, height) and _centre(other) < _centre(dash)
        ):
            return dash
    return None


def _is_minus(dash: Box, digit: Box, height: float) -> bool:
    """Whether a dash is as wide as a minus sign and stands halfway up the digit."""
    return (
        MINUS_MIN_WIDTH_HEIGHTS * height <= dash[2] <= LONE_GAP_HEIGHTS * height
        and digit[1] + 0.2 * digit[3] < _middle(dash) < digit[1] + 0.85 * digit[3]
    )


def _level(other: Box, dash: Box, height: float) -> bool:
    return abs(_middle(other) - _middle(dash)) <= height


def _union(boxes: Sequence[Box]) -> Box:
    x, y = min(box[0] for box in boxes), min(box[1] for box in boxes)
    return x, y, max(box[0] + box[2] for box in boxes) - x, max(box[1] + box[3] for box in boxes) - y
