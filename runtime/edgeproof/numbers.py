"""From digits to numbers in reading order: lines first, level or slanted, then the gaps within a line.

All distances are measured in the digits' own height, so a photo scaled by any factor reads the same.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

Box = tuple[int, int, int, int]  # x, y, width, height, pixels

STEEPEST = 0.7  # of the digits' height: how much higher or lower the next digit of a line may stand, at its side
SLANT = 0.3  # rise over run, 17 degrees: how far a line may slope to a digit farther away
FARTHEST_SLANT = 3.5  # of the digits' height: beyond, a slope would lead to the next line
FARTHEST = 12.0  # of the digits' height: a gap across which two digits are still on one line
CLOSE, WIDE = 0.5, 1.2  # of the digits' height: a smaller gap never parts two numbers, a larger one always does
UNEVEN = 1.8  # times the line's median gap: where the gaps are even, the writer spaced digits, not numbers


@dataclass(frozen=True)
class Number:
    """Digits that are read together.

    text: the names of the classes, from left to right. score: the lowest of the digits' scores, 0..1: a number is as
    sure as its least sure digit. box: x, y, width, height around all. digits: their indices, from left to right.
    """

    text: str
    score: float
    box: Box
    digits: tuple[int, ...]


def read_numbers(
    names: Sequence[str], scores: Sequence[float], boxes: Sequence[Box], between: Sequence[Box] = ()
) -> tuple[Number, ...]:
    """The numbers that digits form, in reading order: lines from top to bottom, each from left to right.

    `names`, `scores` and `boxes` are of the digits, in any order. `between` are boxes of what is written but no digit: a
    plus sign parts two numbers however close they stand.
    """
    numbers = []
    for line in _lines(boxes):
        gaps = [_gap(boxes[a], boxes[b]) for a, b in pairwise(line)]
        height = median(boxes[i][3] for i in line)
        limit = min(max(UNEVEN * median(gaps) if len(gaps) > 1 else WIDE * height, CLOSE * height), WIDE * height)
        start = 0
        for i in range(1, len(line) + 1):
            if i == len(line) or gaps[i - 1] > limit or _parted(boxes[line[i - 1]], boxes[line[i]], between):
                part = tuple(line[start:i])
                text = "".join(names[j] for j in part)
                numbers.append(Number(text, min(scores[j] for j in part), _union([boxes[j] for j in part]), part))
                start = i
    return tuple(numbers)


def _lines(boxes: Sequence[Box]) -> list[list[int]]:
    """Indices of the boxes line by line: each box goes on from the nearest line end that stands level with it.

    Level allows for a slant: a digit farther away may stand higher or lower, up to about one line's distance.
    """
    if not boxes:
        return []
    lines: list[list[int]] = []
    # Line ends by height on the page, so that each box is compared with the few ends that it could go on from.
    reach = max(STEEPEST, SLANT * FARTHEST_SLANT) * max(box[3] for box in boxes)
    ends: dict[int, list[list[int]]] = defaultdict(list)
    for i in sorted(range(len(boxes)), key=lambda i: _centre(boxes[i])):
        shelf = int(_middle(boxes[i]) // reach)
        best, nearest = None, math.inf
        for line in [*ends[shelf - 1], *ends[shelf], *ends[shelf + 1]]:
            end = boxes[line[-1]]
            height = max(end[3], boxes[i][3])
            gap, rise = _gap(end, boxes[i]), abs(_middle(boxes[i]) - _middle(end))
            away = min(_centre(boxes[i]) - _centre(end), FARTHEST_SLANT * height)
            if gap <= FARTHEST * height and rise <= max(STEEPEST * height, SLANT * away):
                distance = max(gap, 0) + 2 * rise
                if distance < nearest:
                    best, nearest = line, distance
        if best is None:
            best = []
            lines.append(best)
        else:
            ends[int(_middle(boxes[best[-1]]) // reach)].remove(best)
        best.append(i)
        ends[shelf].append(best)
    # A slanted line begins where its first digit stands; among lines that begin level, the left one comes first.
    return sorted(lines, key=lambda line: (_middle(boxes[line[0]]), boxes[line[0]][0]))


def _gap(left: Box, right: Box) -> float:
    return right[0] - (left[0] + left[2])


def _centre(box: Box) -> float:
    return box[0] + box[2] / 2


def _middle(box: Box) -> float:
    return box[1] + box[3] / 2


def _parted(left: Box, right: Box, between: Sequence[Box]) -> bool:
    """Whether the middle of something else lies between two neighbours of a line."""
    x0, x1 = _centre(left), _centre(right)
    y0, y1 = min(left[1], right[1]), max(left[1] + left[3], right[1] + right[3])
    return any(x0 < x + width / 2 < x1 and y0 < y + height / 2 < y1 for x, y, width, height in between)


def _union(boxes: Sequence[Box]) -> Box:
    x, y = min(box[0] for box in boxes), min(box[1] for box in boxes)
    return x, y, max(box[0] + box[2] for box in boxes) - x, max(box[1] + box[3] for box in boxes) - y
