"""Drawn pages, read as a device reads them: of each thing that was found, the scorer's numbers and whether the model is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.context.features import things
from edgeproof.page.geometry import Box
from edgeproof.page.reader import Reader
from train.data.pages.truth import DrawnPage

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

SAME = 0.3  # overlap, intersection over union, from which on what was found is what was drawn
NEITHER = -2  # a digit of which most is hidden: nobody could say


@dataclass(frozen=True)
class PageReading:
    """What was found on one page, N things in reading order.

    layout: of the page, by its name. numbers (N, features), the scorer's; right (N,), whether the model's digit is what is
    written; known (N,), False for what is neither right nor wrong.
    """

    layout: str
    numbers: Floats
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Readings:
    """What was found on several pages: as in `PageReading`, the things of all in one row.

    layout: of each page (pages,). page (N,): the number of each thing's page, from 0.
    """

    layout: NDArray[np.str_]
    numbers: Floats
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]
    page: NDArray[np.int64]


def read_page(reader: Reader, drawn: DrawnPage) -> PageReading | None:
    """None for a page that lies on its side, which is read when it was turned upright, and for one without anything on it."""
    if drawn.turn or (judged := reader.examine(drawn.picture).judged) is None:
        return None
    found = things(judged)
    truth = truths(judged.boxes, drawn)[found.order]
    right = judged.probabilities[found.order, :10].argmax(axis=1) == truth
    return PageReading(drawn.layout, found.numbers(), right, truth != NEITHER)


def together(pages: Iterable[PageReading | None]) -> Readings:
    """All that were read, in this order. Raises ValueError when there is none."""
    read = [page for page in pages if page is not None]
    return Readings(
        np.array([page.layout for page in read]),
        np.concatenate([page.numbers for page in read]),
        np.concatenate([page.right for page in read]),
        np.concatenate([page.known for page in read]),
        np.repeat(np.arange(len(read)), [len(page.right) for page in read]),
    )


def truths(boxes: Sequence[Box], drawn: DrawnPage) -> Whole:
    """Per box the digit, by hand or printed, that is written there; −1 for none, NEITHER where most of one is hidden."""
    digits = [thing for thing in drawn.things if thing.text.isascii() and thing.text.isdigit()]
    if not digits or not boxes:
        return np.full(len(boxes), -1)
    overlap = _overlaps(boxes, [thing.box for thing in digits])
    names = np.array([NEITHER if thing.kind == "scribble" else int(thing.text) for thing in digits])
    return np.where(overlap.max(axis=1) >= SAME, names[overlap.argmax(axis=1)], -1)


def _overlaps(boxes: Sequence[Box], others: Sequence[Box]) -> Floats:
    """Intersection over union of each with each of the others."""
    one, other = np.array(boxes, np.float64)[:, None], np.array(others, np.float64)[None]
    start = np.maximum(one[..., :2], other[..., :2])
    end = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    shared = np.maximum(end - start, 0).prod(axis=-1)
    overlap: Floats = shared / (one[..., 2:].prod(axis=-1) + other[..., 2:].prod(axis=-1) - shared)
    return overlap
