"""Over-segmentation: digits that touch are cut at more places than needed, and the classifier tells which cuts were right.

Shape alone does not tell two digits that touch from a wide one, nor one broken character from two small ones. So every part
goes through the model, all of a frame together. The parts of one blob of ink form a lattice: cuts along the blob are its
nodes, each part leads from one cut to a later one, and the path from the first cut to the last with the best digits is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.glyph import Image
from edgeproof.page.geometry import Box
from edgeproof.page.numbers import words
from edgeproof.support.opencv import cv2

# Aspects are width over height; heights are the blob's own.
MIN_PAIR_ASPECT = 0.95  # of a blob that may be two digits; most single ones are narrower
MIN_DOUBTFUL_PAIR_ASPECT = 0.5  # of one that the model takes for no digit: two upright strokes that touch are this wide
MAX_PART_ASPECT = 1.35  # a wide 2 reaches 1.2
MIN_PART_WIDTH_HEIGHTS = 0.12  # an upright stroke
MIN_PART_HEIGHT_SHARE = 0.4  # of the blob's, or of a joined character's
MAX_CUTS = 7  # of one blob
MAX_CUTS_OF_WIDE_DIGIT = 3  # of one no wider than a wide digit
MAX_CUTS_OF_DOUBTFUL = 10  # of one that the model takes for no digit, and in which it saw none so far
MIN_CUT_SPACING_HEIGHTS = 0.14  # halfway up
MIN_SEAM_DISTANCE_HEIGHTS = 0.05  # mean over the rows: nearer seams are one
MAX_SEAM_HEIGHT_PX = 40  # a taller blob is shrunk before seams are looked for
MAX_SEAM_INK_SHARE = 0.8  # of the ink of the mean column: a cut runs through less
# What a step of a seam costs beside the ink that it runs through, in pixels of full ink. Each one, so that a cut gains nothing
# where there is next to no ink; one to the side more, so that seams are as straight as the ink lets them be.
STEP_COST_PX, SIDE_STEP_COST_PX = 0.01, 0.06
MAX_SCRAP_SHARE = 0.2  # of a part's ink: a smaller piece at the cut belongs to the neighbour
MIN_SURE_PROBABILITY = 0.7  # of a digit, as each part of a cut blob must be: a plus sign falls into halves like 1s too
CUT_PROBABILITY = 0.7  # counts for each cut of a path: of two paths nearly as good, the one with fewer cuts


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


def parts(box: Box, ink: Image, *, doubtful: bool = False) -> list[Candidate]:
    """`parts_of_each` of one blob."""
    return parts_of_each([(box, ink)], doubtful=doubtful)[0]


def parts_of_each(blobs: Sequence[tuple[Box, Image]], *, doubtful: bool = False) -> list[list[Candidate]]:
    """What of each blob may be a digit: the whole first, then what lies between two of its cuts.

    A blob is its box (working pixels) and its ink, uint8 (h, w). `doubtful`: the model takes the wholes for no digits, so
    narrower ones are cut too.
    """
    most = [_most_cuts(box, doubtful) for box, _ in blobs]
    cut = [i for i, cuts in enumerate(most) if cuts]
    found = [[Candidate(box, ink)] for box, ink in blobs]
    for i, seams in zip(cut, _seams([blobs[i][1] for i in cut], [most[i] for i in cut]), strict=True):
        found[i] = _lattice(*blobs[i], seams)
    return found


def _most_cuts(box: Box, doubtful: bool) -> int:
    """In how many places a blob is cut at most; 0 where it is one digit by its shape."""
    _, _, width, height = box
    if width <= (MIN_DOUBTFUL_PAIR_ASPECT if doubtful else MIN_PAIR_ASPECT) * height:
        return 0
    if doubtful:
        return MAX_CUTS_OF_DOUBTFUL
    return MAX_CUTS if width > MAX_PART_ASPECT * height else MAX_CUTS_OF_WIDE_DIGIT


def _lattice(box: Box, ink: Image, inner: Sequence[NDArray[np.int64]]) -> list[Candidate]:
    """The whole of a blob, and what lies between two of its seams, the `inner` ones and its edges."""
    x, y, width, height = box
    wide = width > MAX_PART_ASPECT * height
    seams = [np.zeros(height, np.int64), *inner, np.full(height, width)]
    # Per seam, what lies right of it, uint8 0/255 (h, w).
    right_of = [np.where(np.arange(width) >= seam[:, None], np.uint8(255), np.uint8(0)) for seam in seams]
    last = len(seams) - 1
    found = [Candidate(box, ink, end=last, last_cut=last)]
    for start, end in combinations(range(last + 1), 2):
        within = start > 0 and end < last
        if (start, end) == (0, last) or (within and not wide):  # three digits are wider
            continue
        between = _between(ink, seams[start], seams[end], cv2.subtract(right_of[start], right_of[end]))
        if between:
            (left, top, part_width, part_height), own = between
            found.append(Candidate((x + left, y + top, part_width, part_height), own, 0, start, end, last))
    return found


def parts_of_doubtful(
    candidates: Sequence[Candidate], digit_probability: NDArray[Any], room: int
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """A second look at blobs that stayed whole and are no digit: all candidates, those that have parts marked as such; and
    the parts.

    `candidates` are those on the best paths, `digit_probability` (N,) as for `best_paths`. There are no more parts than `room`.
    """
    marked: list[Candidate] = list(candidates)
    found: list[Candidate] = []
    for i in _doubtful(candidates, digit_probability >= scores.EVEN):
        whole = candidates[i]
        height, width = whole.ink.shape
        _, *of_it = parts((0, 0, width, height), whole.ink, doubtful=True)
        if len(found) + len(of_it) > room:
            break
        if of_it:
            # What is right of the last part, too small for one, is left out.
            last = max(part.end for part in of_it)
            marked[i] = replace(whole, end=last, last_cut=last)
            found += [replace(part, box=_in_frame(part.box, whole), blob=whole.blob, last_cut=last) for part in of_it]
    return tuple(marked), tuple(found)


def _doubtful(candidates: Sequence[Candidate], digit: NDArray[np.bool_]) -> list[int]:
    """Indices of whole blobs that are no `digit` (N,), but may be several.

    None where the page, or the rest of the blob's word, holds more shapes that are no digits than digits: a β falls into a 1
    and a 3, an n into a 1 and a 7.
    """
    found = [
        i
        for i in np.flatnonzero(~digit).tolist()
        if candidates[i].whole and candidates[i].box[2] > MIN_DOUBTFUL_PAIR_ASPECT * candidates[i].box[3]
    ]
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

    `digit_probability` (N,), 0..1, is how likely each is a digit. A blob stays whole unless all parts on a path are digits.
    """
    last_cuts = np.fromiter((candidate.last_cut for candidate in candidates), np.int64, len(candidates))
    chosen = np.flatnonzero(last_cuts == 1).tolist()
    lattices: dict[int, list[int]] = {}
    for i in np.flatnonzero(last_cuts > 1).tolist():
        lattices.setdefault(candidates[i].blob, []).append(i)
    for lattice in lattices.values():
        chosen += _best_path(candidates, lattice, digit_probability)
    return np.array(sorted(chosen), np.int64)


def _best_path(candidates: Sequence[Candidate], lattice: Sequence[int], digit_probability: NDArray[Any]) -> list[int]:
    """Of the candidates of one blob, `lattice` (indices), those on the best path; the whole where no path is good enough."""
    last, tallest = candidates[lattice[0]].last_cut, max(candidates[i].box[3] for i in lattice)
    # Per cut: the logarithm of the best path's probability so far, and that path.
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    whole: list[int] = []
    for i in sorted(lattice, key=lambda i: (candidates[i].start, candidates[i].end)):
        part = candidates[i]
        if part.whole:
            whole = [i]
        if part.start not in best or (not part.whole and digit_probability[i] < MIN_SURE_PROBABILITY):
            continue
        before, path = best[part.start]
        probability = float(digit_probability[i]) * _shape_probability(part.box, tallest)
        so_far = before + math.log(max(probability * (CUT_PROBABILITY if path else 1), 1e-9))
        if part.end not in best or so_far > best[part.end][0]:
            best[part.end] = so_far, [*path, i]
    return best[last][1] if last in best else whole


def _shape_probability(box: Box, tallest: int) -> float:
    """How usual a digit of this shape is in a blob of that height, 0..1: digits that touch are about equally tall."""
    _, _, width, height = box
    return min(1.0, (MAX_PART_ASPECT * height / width) ** 4) * height / tallest


def _between(ink: Image, left: NDArray[np.int64], right: NDArray[np.int64], inside: Any) -> tuple[Box, Image] | None:
    """What lies between two seams, columns per row (h,), of a blob's ink (h, w): its box in it, and its own ink. None where it
    has not the size of a digit. `inside`: uint8 0/255 (h, w), what lies between them."""
    height = len(ink)
    across = np.sort(right - left)
    median = (across[(height - 1) // 2] + across[height // 2]) / 2
    if not MIN_PART_WIDTH_HEIGHTS * height <= median <= MAX_PART_ASPECT * height:
        return None
    first, past = int(left.min()), int(right.max())
    own = _own_ink(cv2.bitwise_and(ink[:, first:past], inside[:, first:past]), left - first, right - first)  # type: ignore[arg-type]
    if np.count_nonzero(own.any(axis=1)) < MIN_PART_HEIGHT_SHARE * height:
        return None
    x, y, width, tall = cv2.boundingRect(own)
    return (first + x, y, width, tall), own[y : y + tall, x : x + width]


def _seams(inks: Sequence[Image], most: Sequence[int]) -> list[list[NDArray[np.int64]]]:
    """Per blob, at most `most` seams from top to bottom through little ink (h, w), from left to right; each as its column in
    each row, (h,).

    A straight cut would take the foot of a 7 with the 2 that stands under its roof. The cheapest seam through each point
    halfway up is found from both ends (dynamic programming); of those the cheapest that are well apart are taken.
    """
    costs = [_cost(ink) for ink in inks]
    return [
        _seams_of_one(ink.shape, cost, above, below, at_most)
        for ink, cost, (above, below), at_most in zip(inks, costs, _cheapest(costs), most, strict=True)
    ]


def _cost(ink: Image) -> NDArray[np.float32]:
    """What a seam pays for each pixel of ink (h, w), at most MAX_SEAM_HEIGHT_PX high."""
    shrink = min(1.0, MAX_SEAM_HEIGHT_PX / len(ink))
    small: Any = cv2.resize(ink, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else ink
    return small.astype(np.float32) / 255 + np.float32(STEP_COST_PX)  # type: ignore[no-any-return]


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
    seams: list[NDArray[np.int64]] = []
    for column in _columns(above[tall // 2] + below[tall // 2] - cost[tall // 2], cost, most):
        seam = _seam(column, up, down)
        # Two often run together from where they met.
        if not seams or float(np.abs(seam - seams[-1]).mean()) > MIN_SEAM_DISTANCE_HEIGHTS * tall:
            seams.append(seam)
    rows = np.minimum((np.arange(height) * tall) // height, tall - 1)
    return [np.rint(seam[rows] * (width / wide)).astype(np.int64) for seam in seams]


def _columns(through: NDArray[np.float32], cost: NDArray[np.float32], most: int) -> list[int]:
    """Where seams cross the middle row, from left to right. through: what the cheapest seam through each column costs, (w,).
    cost: of each pixel, (h, w)."""
    tall, wide = cost.shape
    margin, spacing = max(1, round(MIN_PART_WIDTH_HEIGHTS * tall)), max(2, round(MIN_CUT_SPACING_HEIGHTS * tall))
    order = np.argsort(through, kind="stable")
    cheap = through[order] < MAX_SEAM_INK_SHARE * cost.sum() / wide
    columns: list[int] = []
    for column in order[(order >= margin) & (order < wide - margin) & cheap].tolist():
        if len(columns) < most and all(abs(column - other) >= spacing for other in columns):
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
    tall = max((len(cost) for cost in costs), default=0)
    wide = max((cost.shape[1] for cost in costs), default=0)
    # All at once: [row, blob, from first or last, column], in paper that no seam crosses.
    total = np.full((tall, len(costs), 2, wide + 2), np.inf, np.float32)
    for i, cost in enumerate(costs):
        height, width = cost.shape
        total[:height, i, 0, 1 : width + 1], total[:height, i, 1, 1 : width + 1] = cost, cost[::-1]
    best = np.empty((len(costs), 2, wide), np.float32)
    for before, here in pairwise(total):
        np.minimum(before[..., :-2], before[..., 2:], out=best)
        np.add(best, SIDE_STEP_COST_PX, out=best)
        np.minimum(best, before[..., 1:-1], out=best)
        here[..., 1:-1] += best
    return [
        (total[: len(cost), i, 0, 1 : cost.shape[1] + 1], total[: len(cost), i, 1, 1 : cost.shape[1] + 1][::-1])
        for i, cost in enumerate(costs)
    ]


def _steps(total: NDArray[np.float32]) -> list[list[int]]:
    """Per pixel, the step to the column (−1, 0, 1) in this row from which the cheapest seam reaches the next row."""
    tall, wide = total.shape
    aside = np.full((tall, wide + 2), np.inf, np.float32)
    aside[:, 1:-1] = total + SIDE_STEP_COST_PX
    options = np.stack([aside[:, :-2], aside[:, 1:-1] - SIDE_STEP_COST_PX, aside[:, 2:]])
    steps: list[list[int]] = (options.argmin(axis=0) - 1).tolist()
    return steps


def _own_ink(part: Image, left: NDArray[np.int64], right: NDArray[np.int64]) -> Image:
    """`part` without scraps of its neighbours: small separate pieces at the seams that bound it (columns per row)."""
    count, pieces = cv2.connectedComponents((part >= 64).astype(np.uint8))
    if count <= 2:
        return part
    areas = np.bincount(pieces.ravel(), minlength=count)
    at = np.stack([left, left + 1, right - 1, right - 2])
    touches = np.zeros(count, np.bool_)
    touches[pieces[np.arange(len(part)), np.minimum(np.maximum(at, 0), part.shape[1] - 1)]] = True
    scraps = touches & (areas < MAX_SCRAP_SHARE * areas[1:].sum())
    scraps[0] = False
    if not scraps.any():
        return part
    rim: Any = cv2.dilate(scraps[pieces].astype(np.uint8), np.ones((3, 3), np.uint8))
    own: Image = np.where(rim > 0, 0, part).astype(np.uint8)
    return own
