"""Several ways to see the same ink: two digits that touch, or one wide digit; one broken character, or two small ones.

Shape alone does not tell which, the classifier does: every way goes through the model, all of a frame together,
and the way whose parts are the best digits is taken. The ways of one blob of ink form a small graph: places along the blob
are its nodes, candidates lead from one place to a later one, and a way is a path from the first place to the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.glyph import Image
from edgeproof.page.geometry import Box
from edgeproof.page.numbers import words
from edgeproof.support.opencv import cv2

SUSPECT = 0.95  # width over height from which one blob may be two digits; most single ones are narrower
NARROW = 0.5  # the same, of one that the model takes for no digit: two upright strokes that touch are this wide
WIDEST = 1.35  # of one digit: a wide 2 reaches 1.2
NARROWEST = 0.12  # of a digit within a blob, of the blob's height: an upright stroke
LOWEST = 0.4  # height of a digit within a blob or a joined character, of its height
PLACES = 7  # at most, where one blob may be cut
FEW_PLACES = 3  # where one no wider than a wide digit may be
MORE_PLACES = 10  # in one that the model takes for no digit, and in which it saw none so far
SPACING = 0.14  # of the height, between two places
SAME = 0.05  # of the height: seams that are nearer to each other on average are one
SEAM_HEIGHT = 40  # pixels: a taller blob is shrunk before the cheapest cuts are looked for
THIN = 0.8  # of the ink of the mean column: a cut runs through less
DOWN, ASIDE = 0.01, 0.06  # what a step of a cut costs, in pixels of full ink: short and straight ones are preferred
SCRAP = 0.2  # of a part's ink: a smaller piece at the cut belongs to the neighbour
SURE_PART = 0.7  # every digit of a cut blob must be at least this sure: a plus sign falls into halves like 1s too
PER_CUT = 0.7  # what a cut costs: of two ways nearly as good, the simpler one


@dataclass(frozen=True)
class Candidate:
    """Something written that could be one digit.

    box: x, y, width, height in pixels of the frame.
    ink: uint8 (h, w), 0 = paper, 255 = full ink; at the working resolution, which is the frame's up to 4 megapixels.
    blob: number of the blob of ink that it is of. start, end: the places on it that it leads from and to.
    places: how many places that blob has beside its first; 1 when there is only one way to see it.
    """

    box: Box
    ink: Image
    blob: int = 0
    start: int = 0
    end: int = 1
    places: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is all of its blob."""
        return (self.start, self.end) == (0, self.places)


def cut(box: Box, ink: Image, *, doubtful: bool = False) -> list[tuple[Box, Image, int, int]]:
    """The parts (box, ink, start, end) that one blob may be cut into, the whole among them.

    What is as narrow as one digit stays whole; `doubtful`: the model takes it for none, so narrower blobs are cut too.
    """
    x, y, width, height = box
    if width <= (NARROW if doubtful else SUSPECT) * height:
        return [(box, ink, 0, 1)]
    most = MORE_PLACES if doubtful else PLACES if width > WIDEST * height else FEW_PLACES
    seams = [np.zeros(height, np.int64), *_seams(ink, most), np.full(height, width)]
    last = len(seams) - 1
    parts = [(box, ink, 0, last)]
    for start, end in combinations(range(last + 1), 2):
        left, right = seams[start], seams[end]
        across = np.sort(right - left)
        wide = (across[(height - 1) // 2] + across[height // 2]) / 2  # the median
        if width <= WIDEST * height and start > 0 and end < last:
            continue  # three digits are wider
        if (start, end) == (0, last) or not NARROWEST * height <= wide <= WIDEST * height:
            continue
        first, past = int(left.min()), int(right.max())
        columns = np.arange(first, past)
        inside = (columns >= left[:, None]) & (columns < right[:, None])
        part = _own_ink(ink[:, first:past] * inside, left - first, right - first)
        part_x, part_y, part_width, part_height = cv2.boundingRect(part)
        if int(part.any(axis=1).sum()) < LOWEST * height:
            continue
        part = part[part_y : part_y + part_height, part_x : part_x + part_width]
        parts.append(((x + first + part_x, y + part_y, part_width, part_height), part, start, end))
    return parts


def recut(
    candidates: Sequence[Candidate], goodness: NDArray[Any]
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """A second look at blobs that stayed whole and are no digit: all candidates, those marked as having parts; and their parts.

    `candidates` are what `choose` chose, `goodness` (N,) as for it. Most blobs are digits at first sight, and only the others
    are worth the search for more places to cut; none of them where the page, or the rest of its word, holds more shapes that
    are no digits than digits: a β falls into a 1 and a 3, an n into a 1 and a 7.
    """
    doubtful = [
        i
        for i in np.flatnonzero(goodness < scores.EVEN).tolist()
        if candidates[i].whole and candidates[i].box[2] > NARROW * candidates[i].box[3]
    ]
    if not doubtful or len(doubtful) > (goodness >= scores.EVEN).sum():
        return tuple(candidates), ()
    letters = goodness < scores.EVEN
    word_of = {i: word for word in words([candidate.box for candidate in candidates]) for i in word}
    marked, parts = list(candidates), []
    for i in doubtful:
        among = letters[list(word_of[i])]
        if among.sum() - 1 > (~among).sum():  # it is one of the letters
            continue
        whole = candidates[i]
        (x, y, width, height), ink = whole.box, whole.ink
        across, down = width / ink.shape[1], height / ink.shape[0]
        _, *found = cut((0, 0, ink.shape[1], ink.shape[0]), ink, doubtful=True)
        if not found:
            continue
        places = max(end for _, _, _, end in found)
        marked[i] = replace(whole, end=places, places=places)
        for (left, top, wide, tall), part, start, end in found:
            box = (
                x + round(left * across),
                y + round(top * down),
                max(1, round(wide * across)),
                max(1, round(tall * down)),
            )
            parts.append(Candidate(box, part, whole.blob, start, end, places))
    return tuple(marked), tuple(parts)


def choose(candidates: Sequence[Candidate], goodness: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the candidates that make up the best way to see each blob, in their order.

    `goodness` (N,) is how much each looks like a digit, 0..1. A blob stays whole unless all parts of a way are digits.
    """
    places = np.fromiter((candidate.places for candidate in candidates), np.int64, len(candidates))
    chosen = np.flatnonzero(places == 1).tolist()
    several: dict[int, list[int]] = {}
    for i in np.flatnonzero(places > 1).tolist():
        several.setdefault(candidates[i].blob, []).append(i)
    for edges in several.values():
        chosen += _best_way([candidates[i] for i in edges], edges, goodness)
    return np.array(sorted(chosen), np.int64)


def _best_way(edges: Sequence[Candidate], indices: Sequence[int], goodness: NDArray[Any]) -> list[int]:
    last, tallest = edges[0].places, max(edge.box[3] for edge in edges)
    # Per place: the logarithm of the best way's product so far, and that way.
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    whole: list[int] = []
    for candidate, i in sorted(zip(edges, indices, strict=True), key=lambda pair: (pair[0].start, pair[0].end)):
        part = (candidate.start, candidate.end) != (0, last)
        if not part:
            whole = [i]
        if candidate.start not in best or (part and goodness[i] < SURE_PART):
            continue
        before, way = best[candidate.start]
        likely = float(goodness[i]) * _likely(candidate.box, tallest) * (PER_CUT if way else 1)
        so_far = before + math.log(max(likely, 1e-9))
        if candidate.end not in best or so_far > best[candidate.end][0]:
            best[candidate.end] = so_far, [*way, i]
    return best[last][1] if last in best else whole


def _likely(box: Box, tallest: int) -> float:
    """How usual a digit of this shape is in a blob of that height, 0..1: digits that touch are about equally tall."""
    _, _, width, height = box
    return min(1.0, (WIDEST * height / width) ** 4) * height / tallest


def _seams(ink: Image, most: int) -> list[NDArray[np.int64]]:
    """At most `most` ways from top to bottom through little ink, from left to right; each as its column in each row, (height,).

    Straight cuts would take the foot of a 7 with the 2 that stands under its roof. The cheapest seam through each point
    halfway up is found from both ends (dynamic programming); the cheapest points that are well apart are taken.
    """
    height, width = ink.shape
    shrink = min(1.0, SEAM_HEIGHT / height)
    small: Any = cv2.resize(ink, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else ink
    cost = small.astype(np.float32) / 255 + np.float32(DOWN)
    above, below = _cheapest(cost)
    tall, wide = cost.shape
    middle = tall // 2
    through = above[middle] + below[middle] - cost[middle]
    margin, apart = max(1, round(NARROWEST * tall)), max(2, round(SPACING * tall))
    order = np.argsort(through, kind="stable")
    order = order[(order >= margin) & (order < wide - margin) & (through[order] < THIN * cost.sum() / wide)]
    places: list[int] = []
    for column in order.tolist():
        if all(abs(column - other) >= apart for other in places):
            places.append(column)
            if len(places) == most:
                break
    up, down = _steps(above), _steps(below)
    seams: list[NDArray[np.int64]] = []
    for place in sorted(places):
        way = [place] * tall
        for row in range(middle - 1, -1, -1):
            way[row] = way[row + 1] + up[row][way[row + 1]]
        for row in range(middle + 1, tall):
            way[row] = way[row - 1] + down[row][way[row - 1]]
        seam = np.array(way)
        # Two places often share one seam from where they met.
        if not seams or float(np.abs(seam - seams[-1]).mean()) > SAME * tall:
            seams.append(seam)
    rows = np.minimum((np.arange(height) * tall) // height, tall - 1)
    return [np.rint(seam[rows] * (width / wide)).astype(np.int64) for seam in seams]


def _cheapest(cost: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Per pixel, what the cheapest way to it costs, from the first row and from the last; a step aside costs ASIDE more than
    a step straight on."""
    # Both ways at once: [row, way, column].
    total = np.stack([cost, cost[::-1]], axis=1)
    for row in range(1, len(total)):
        before, here = total[row - 1], total[row]
        aside, best = before + ASIDE, before.copy()
        np.minimum(best[:, 1:], aside[:, :-1], out=best[:, 1:])
        np.minimum(best[:, :-1], aside[:, 1:], out=best[:, :-1])
        here += best
    return total[:, 0], total[::-1, 1]


def _steps(total: NDArray[np.float32]) -> list[list[int]]:
    """Per pixel, the step to the column (−1, 0, 1) in this row on which the cheapest way to the next row stands."""
    aside = np.pad(total + ASIDE, ((0, 0), (1, 1)), constant_values=np.inf)
    options = np.stack([aside[:, :-2], aside[:, 1:-1] - ASIDE, aside[:, 2:]])
    steps: list[list[int]] = (options.argmin(axis=0) - 1).tolist()
    return steps


def _own_ink(part: Image, left: NDArray[np.int64], right: NDArray[np.int64]) -> Image:
    """`part` without scraps of its neighbours: small separate pieces at the seams that bound it (columns per row)."""
    count, pieces, facts, _ = cv2.connectedComponentsWithStats((part >= 64).astype(np.uint8))
    if count <= 2:
        return part
    areas = facts[:, cv2.CC_STAT_AREA]
    rows, width = np.arange(len(part)), part.shape[1]
    beside = [pieces[rows, np.clip(at, 0, width - 1)] for at in (left, left + 1, right - 1, right - 2)]
    touches = np.isin(np.arange(count), np.concatenate(beside))
    scraps = touches & (areas < SCRAP * areas[1:].sum())
    scraps[0] = False
    if not scraps.any():
        return part
    rim: Any = cv2.dilate(scraps[pieces].astype(np.uint8), np.ones((3, 3), np.uint8))
    own: Image = np.where(rim > 0, 0, part).astype(np.uint8)
    return own
