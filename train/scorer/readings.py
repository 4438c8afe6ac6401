"""Drawn pages, read as a device reads them: of each thing that was found, the scorer's numbers and whether the model is right."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeproof.classifier import Classifier
from edgeproof.page.context.features import things
from edgeproof.page.geometry import Box
from edgeproof.page.reader import Reader
from train.data.pages.draw import draw_page
from train.data.pages.truth import DrawnPage

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

SAME = 0.3  # overlap, intersection over union, from which on what was found is what was drawn
NEITHER = -2  # a digit of which most is hidden: nobody could say


@dataclass(frozen=True)
class Readings:
    """What was found on pages.

    layout: of each page, by its name (pages,). Of all N things of all pages, in the same order: numbers (N, features), the
    scorer's; right (N,), whether the model's digit is what is written; known (N,), False for what is neither right nor wrong;
    page (N,), its number.
    """

    layout: NDArray[np.str_]
    numbers: Floats
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]
    page: NDArray[np.int64]


def read_pages(
    classifier: Classifier, images: NDArray[np.uint8], labels: NDArray[np.int64], count: int, seed: int
) -> Readings:
    """`count` drawn pages with the forms of `images` uint8 (M, 28, 28), `labels` (M,). Those that lie on their side are left out:
    they are read when they were turned upright."""
    reader = Reader(classifier)
    layouts, numbers, right, known = [], [], [], []
    for number in range(count):
        drawn = draw_page(images, labels, seed + number)
        if drawn.turn == 0 and (judged := reader.examine(drawn.picture).judged) is not None:
            found = things(judged)
            truth = truths(judged.boxes, drawn)[found.order]
            layouts.append(drawn.layout)
            numbers.append(found.numbers())
            right.append(judged.probabilities[found.order, :10].argmax(axis=1) == truth)
            known.append(truth != NEITHER)
        if number % 100 == 99:
            print(f"{number + 1} of {count} pages", file=sys.stderr, flush=True)
    page = np.repeat(np.arange(len(layouts)), list(map(len, right)))
    return Readings(np.array(layouts), np.concatenate(numbers), np.concatenate(right), np.concatenate(known), page)


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
