"""Over-segmentation: digits that touch are cut at more places than needed, and the classifier tells which cuts were right.

Shape alone does not tell two digits that touch from a wide one, nor one broken character from two small ones. So what is no
digit as a whole, or is wider than one, goes through the model in parts. The parts of one blob of ink form a lattice: cuts along
the blob are its nodes, each part leads from one cut to a later one, and the path from the first cut to the last with the best
digits is taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph, scores
from edgeproof.glyph import Image
from edgeproof.page.geometry import Box
from edgeproof.page.numbers import words
from edgeproof.support.opencv import cv2

# Aspects are width over height; heights are the blob's own.
MAX_PART_ASPECT = 1.35  # a wide 2 reaches 1.2
MIN_PART_WIDTH_HEIGHTS = 0.14  # an upright stroke
MIN_PART_HEIGHT_SHARE = 0.4  # of the blob's, or of a joined character's
MAX_CUTS_PER_HEIGHT = 4  # that a blob is wide
SIDE_STEP_COST_PX = 0.06  # of full ink, what a step to the side costs a seam: it is as straight as the ink lets it be
SURE_PROBABILITY = (
    0.999  # of a digit that is taken from a blob that also holds other things: letters fall into digits like 1s too
)


@dataclass(frozen=True)
class Candidate:
    """Something written that could be one digit.

    box: x, y, width, height in pixels of the frame.
    ink: uint8 (h, w), 0 = paper, 255 = full ink; at the working resolution, which is the frame's up to 4 megapixels.
    blob: number of the blob of ink that it is of.
    start, end: the cuts of that blob that it lies between: 0 is the blob's left edge, `last_cut` (≥ 1) its right edge.
    last_cut is 1 where the whole blob is the only candidate.
    """

    box: Box
    ink: Image
    blob: int = 0
    start: int = 0
    end: int = 1
    last_cut: int = 1

    @property
    def whole(self) -> bool:
        """Whether it is all of its blob."""
        return (self.start, self.end) == (0, self.last_cut)


def parts(
    candidates: Sequence[Candidate], digit_probability: NDArray[Any], room: int, pixels: int
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """A second look at blobs that stayed whole and may be several digits: all candidates, those that have parts marked as such;
    and the parts, each what lies between two cuts of a blob.

    `candidates` are those on the best paths, `digit_probability` (N,) as for `best_paths`. There are no more parts than `room`,
    and they cover no more than about so many `pixels`.
    """
    marked, found = list(candidates), list[Candidate]()
    cut = _to_cut(candidates, digit_probability, room, pixels)
    for i, seams in zip(cut, _seams([candidates[i].ink for i in cut]), strict=True):
        of_it = _lattice(candidates[i], seams)
        if of_it and len(found) + len(of_it) <= room:
            marked[i] = replace(candidates[i], end=of_it[0].last_cut, last_cut=of_it[0].last_cut)
            found += of_it
    return tuple(marked), tuple(found)


def _to_cut(candidates: Sequence[Candidate], digit_probability: NDArray[Any], room: int, pixels: int) -> list[int]:
    """Indices of the blobs that are cut: what is wider than a digit, and what is none but stands among digits."""
    digit = digit_probability >= scores.EVEN
    wide = [i for i, each in enumerate(candidates) if each.whole and each.box[2] > MAX_PART_ASPECT * each.box[3]]
    cut = []
    for i in sorted({*wide, *_doubtful(candidates, digit)}):
        cuts = _most_cuts(candidates[i].ink)
        # At least one part begins at each cut, and as many lie one over the other as cuts lie in a digit's width.
        room -= cuts
        pixels -= candidates[i].ink.size * min(cuts, MAX_CUTS_PER_HEIGHT)
        if room >= 0 and pixels >= 0:
            cut.append(i)
    return cut


def _most_cuts(ink: Image) -> int:
    height, width = ink.shape
    return -(-MAX_CUTS_PER_HEIGHT * int(width) // int(height))


def _lattice(whole: Candidate, inner: Sequence[NDArray[np.int64]]) -> list[Candidate]:
    """What lies between two of the seams of a blob, the `inner` ones and its edges."""
    height, width = whole.ink.shape
    seams = [np.zeros(height, np.int64), *inner, np.full(height, width)]
    last = len(seams) - 1
    found = []
    for start, end in combinations(range(last + 1), 2):
        within = start > 0 and end < last
        if (start, end) == (0, last) or (within and width <= MAX_PART_ASPECT * height):  # three digits are wider
            continue
        between = _between(whole.ink, seams[start], seams[end])
        if between:
            box, own = between
            found.append(Candidate(_in_frame(box, whole), own, whole.blob, start, end, last))
    return found


def _doubtful(candidates: Sequence[Candidate], digit: NDArray[np.bool_]) -> list[int]:
    """Indices of whole blobs that are no `digit` (N,), but may be several.

    None where the page, or the rest of the blob's word, holds more shapes that are no digits than digits: a β falls into a 1
    and a 3, an n into a 1 and a 7.
    """
    found = [i for i in np.flatnonzero(~digit).tolist() if candidates[i].whole]
    if not found or len(found) > digit.sum():
        return []
    in_word = {i: digit[list(word)] for word in words([candidate.box for candidate in candidates]) for i in word}
    return [i for i in found if (~in_word[i]).sum() - 1 <= in_word[i].sum()]


def _in_frame(box: Box, whole: Candidate) -> Box:
    """A box in the ink of `whole`, in pixels of the frame."""
    x, y, width, height = whole.box
    across, down = width / whole.ink.shape[1], height / whole.ink.shape[0]
    left, top, wide, tall = box
    return x + round(left * across), y + round(top * down), max(1, round(wide * across)), max(1, round(tall * down))


def best_paths(candidates: Sequence[Candidate], digit_probability: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the candidates on the best path through each blob, in their order.

    `digit_probability` (N,), 0..1, is how likely each is a digit. A blob stays whole unless all parts on a path are digits, or
    some surely are, and the whole is none.
    """
    last_cuts = np.fromiter((candidate.last_cut for candidate in candidates), np.int64, len(candidates))
    chosen = np.flatnonzero(last_cuts == 1).tolist()
    lattices: dict[int, list[int]] = {}
    for i in np.flatnonzero(last_cuts > 1).tolist():
        lattices.setdefault(candidates[i].blob, []).append(i)
    for lattice in lattices.values():
        decided = not any(candidates[i].whole for i in lattice)  # when it was looked at before
        chosen += lattice if decided else _best_path(candidates, lattice, digit_probability)
    return np.array(sorted(chosen), np.int64)


def _best_path(candidates: Sequence[Candidate], lattice: Sequence[int], digit_probability: NDArray[Any]) -> list[int]:
    """Of the candidates of one blob, `lattice` (indices), those on the best path; the whole where no path is good enough."""
    digit = {i: float(digit_probability[i]) for i in lattice}
    whole = next(i for i in lattice if candidates[i].whole)
    path = _path(candidates, {i: own for i, own in digit.items() if i == whole or own >= scores.EVEN})
    if path == [whole] and digit[whole] < scores.EVEN:
        # A digit that touches a letter, a sign, or a digit that cannot be read.
        sure = {i: own for i, own in digit.items() if own >= SURE_PROBABILITY}
        rest = {i: (1 - SURE_PROBABILITY) * (1 - own) for i, own in digit.items() if own < scores.EVEN and i != whole}
        mixed = _path(candidates, sure | rest)
        if not sure.keys().isdisjoint(mixed):
            return mixed
    return path


def _path(candidates: Sequence[Candidate], probability: Mapping[int, float]) -> list[int]:
    """The likeliest way from the first to the last cut of a blob over candidates with these probabilities; empty where there
    is none."""
    last = max((candidates[i].last_cut for i in probability), default=0)
    tallest = max((candidates[i].box[3] for i in probability), default=0)
    # Per cut: the logarithm of the best path's probability so far, and that path.
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for i in sorted(probability, key=lambda i: (candidates[i].start, candidates[i].end)):
        part = candidates[i]
        if part.start not in best:
            continue
        before, path = best[part.start]
        own = probability[i] * _shape_probability(part.box, tallest)
        # Each cut counts for an even chance: of two paths nearly as good, the one with fewer is taken.
        so_far = before + math.log(max(own * (scores.EVEN if path else 1), 1e-9))
        if part.end not in best or so_far > best[part.end][0]:
            best[part.end] = so_far, [*path, i]
    return best[last][1] if last in best else []


def _shape_probability(box: Box, tallest: int) -> float:
    """How usual a digit of this shape is in a blob of that height, 0..1: digits that touch are about equally tall."""
    _, _, width, height = box
    return min(1.0, (MAX_PART_ASPECT * height / width) ** 4) * height / tallest


def _between(ink: Image, left: NDArray[np.int64], right: NDArray[np.int64]) -> tuple[Box, Image] | None:
    """What lies between two seams, columns per row (h,), of a blob's ink (h, w): its box in it, and its own ink. None where it
    has not the size of a digit."""
    height = len(ink)
    if not MIN_PART_WIDTH_HEIGHTS * height <= np.median(right - left) <= MAX_PART_ASPECT * height:
        return None
    first, past = int(left.min()), int(right.max())
    columns = np.arange(first, past)
    inside = (columns >= left[:, None]) & (columns < right[:, None])
    own = ink[:, first:past] * inside
    if np.count_nonzero(own.any(axis=1)) < MIN_PART_HEIGHT_SHARE * height:
        return None
    x, y, width, tall = cv2.boundingRect(own)
    return (first + x, y, width, tall), own[y : y + tall, x : x + width]


def _seams(inks: Sequence[Image]) -> list[list[NDArray[np.int64]]]:
    """Per blob, seams from top to bottom through little ink (h, w), from left to right; each as its column in each row, (h,).

    A straight cut would take the foot of a 7 with the 2 that stands under its roof. The cheapest seam through each point
    halfway up is found from both ends (dynamic programming); of those the cheapest that are well apart are taken.
    """
    if not inks:
        return []
    costs = [_cost(ink) for ink in inks]
    return [
        _seams_of_one(ink.shape, cost, above, below, _most_cuts(ink))
        for ink, cost, (above, below) in zip(inks, costs, _cheapest(costs), strict=True)
    ]


def _cost(ink: Image) -> NDArray[np.float32]:
    """What a seam pays for each pixel of ink (h, w): of a tall blob fewer, so that there are no more than a few glyphs' rows."""
    shrink = min(1.0, 2 * glyph.BOX / len(ink))
    small: Any = cv2.resize(ink, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else ink
    return small.astype(np.float32) / 255  # type: ignore[no-any-return]


def _seams_of_one(
    shape: tuple[int, ...],
    cost: NDArray[np.float32],
    above: NDArray[np.float32],
    below: NDArray[np.float32],
    most: int,
) -> list[NDArray[np.int64]]:
    """The seams of a blob of `shape`, given per pixel what the cheapest from above and from below to it costs."""
    height, width = shape
    tall, wide = cost.shape
    up, down = _steps(above), _steps(below)
    through = above[tall // 2] + below[tall // 2] - cost[tall // 2]
    seams = [_seam(column, up, down) for column in _columns(through, cost, most)]
    rows = np.minimum((np.arange(height) * tall) // height, tall - 1)
    return [np.rint(seam[rows] * (width / wide)).astype(np.int64) for seam in seams]


def _columns(through: NDArray[np.float32], cost: NDArray[np.float32], most: int) -> list[int]:
    """Where seams cross the middle row, from left to right. through: what the cheapest seam through each column costs, (w,).
    cost: of each pixel, (h, w)."""
    tall, wide = cost.shape
    apart = max(1, round(MIN_PART_WIDTH_HEIGHTS * tall))
    order = np.argsort(through, kind="stable")
    cheap = through[order] < cost.sum() / wide
    columns: list[int] = []
    for column in order[(order >= apart) & (order < wide - apart) & cheap].tolist():
        if len(columns) < most and all(abs(column - other) > apart for other in columns):
            columns.append(column)
    return sorted(columns)


def _seam(column: int, up: list[list[int]], down: list[list[int]]) -> NDArray[np.int64]:
    """The column in each row, (h,), of the cheapest seam through `column` of the middle row, along the steps of `_steps`."""
    tall = len(up)
    seam = [column] * tall
    for row in range(tall // 2 - 1, -1, -1):
        seam[row] = seam[row + 1] + up[row][seam[row + 1]]
    for row in range(tall // 2 + 1, tall):
        seam[row] = seam[row - 1] + down[row][seam[row - 1]]
    return np.array(seam)


def _cheapest(costs: Sequence[NDArray[np.float32]]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Per blob and pixel (h, w), what the cheapest seam to it costs, from the first row and from the last; a step to the side
    costs SIDE_STEP_COST_PX more than a step straight on."""
    tall = max(len(cost) for cost in costs)
    ends = np.cumsum([0, *(cost.shape[1] + 1 for cost in costs)]).tolist()
    # All at once, side by side: [row, from first or last, column], with paper between the blobs that no seam crosses.
    total = np.full((tall, 2, ends[-1] + 1), np.inf, np.float32)
    for cost, start, end in zip(costs, ends, ends[1:], strict=False):
        total[: len(cost), 0, start + 1 : end], total[: len(cost), 1, start + 1 : end] = cost, cost[::-1]
    best = np.empty((2, ends[-1] - 1), np.float32)
    for before, here in pairwise(total):
        np.minimum(before[:, :-2], before[:, 2:], out=best)
        np.add(best, SIDE_STEP_COST_PX, out=best)
        np.minimum(best, before[:, 1:-1], out=best)
        here[:, 1:-1] += best
    return [
        (total[: len(cost), 0, start + 1 : end], total[: len(cost), 1, start + 1 : end][::-1])
        for cost, start, end in zip(costs, ends, ends[1:], strict=False)
    ]


def _steps(total: NDArray[np.float32]) -> list[list[int]]:
    """Per pixel, the step to the column (−1, 0, 1) in this row from which the cheapest seam reaches the next row."""
    tall, wide = total.shape
    aside = np.full((tall, wide + 2), np.inf, np.float32)
    aside[:, 1:-1] = total + SIDE_STEP_COST_PX
    options = np.stack([aside[:, :-2], aside[:, 1:-1] - SIDE_STEP_COST_PX, aside[:, 2:]])
    steps: list[list[int]] = (options.argmin(axis=0) - 1).tolist()
    return steps
