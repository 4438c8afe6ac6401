"""Drawn pages, read as a device reads them: of each thing that was found, the scorer's numbers and whether the model is right."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.classifier import Classifier
from edgeproof.page.context.features import Page, Things, things
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

    things, layout: of each page, the latter by its name (pages,). Of all N things of all pages, in the same order: right (N,),
    whether the model's digit is what is written; known (N,), False for what is neither right nor wrong; page (N,), its number.
    """

    things: tuple[Things, ...]
    layout: NDArray[np.str_]
    right: NDArray[np.bool_]
    known: NDArray[np.bool_]
    page: NDArray[np.int64]

    @cached_property
    def numbers(self) -> Floats:
        """Of each thing (N, features)."""
        return np.concatenate([each.numbers() for each in self.things])


def read_pages(
    classifier: Classifier, images: NDArray[np.uint8], labels: NDArray[np.int64], count: int, seed: int
) -> Readings:
    """`count` drawn pages with the forms of `images` uint8 (M, 28, 28), `labels` (M,). Those that lie on their side are left out:
    they are read when they were turned upright."""
    reader = Reader(classifier)
    found, layouts, right, known = [], [], [], []
    for number in range(count):
        drawn = draw_page(images, labels, seed + number)
        if drawn.turn == 0:
            on_page, truth, answers = _read_page(reader, classifier, drawn)
            found.append(on_page)
            layouts.append(drawn.layout)
            right.append(answers == truth)
            known.append(truth != NEITHER)
        if number % 100 == 99:
            print(f"{number + 1} of {count} pages", file=sys.stderr, flush=True)
    page = np.repeat(np.arange(len(found)), [len(each.order) for each in found])
    return Readings(tuple(found), np.array(layouts), np.concatenate(right), np.concatenate(known), page)


def _read_page(reader: Reader, classifier: Classifier, drawn: DrawnPage) -> tuple[Things, Whole, Whole]:
    """What was found on a page, in reading order; the truth (N,) as of `truths`, and the model's digits (N,)."""
    seen = reader.examine(drawn.picture)
    manifest = classifier.bundle.manifest
    logits = manifest.page_logits(classifier.artifact, classifier.logits(seen.glyphs))
    probabilities = scores.softmax(logits, manifest.temperature)
    boxes = [candidate.box for candidate in seen.candidates]
    parts = np.array([not candidate.whole for candidate in seen.candidates], np.bool_)
    height, width = drawn.picture.shape[:2]
    found = things(Page(boxes, seen.glyphs, probabilities, parts, (height, width)))
    return found, truths(boxes, drawn)[found.order], probabilities[found.order, :-1].argmax(axis=1)


def truths(boxes: list[Box], drawn: DrawnPage) -> Whole:
    """Per box the digit, by hand or printed, that is written there; −1 for none, NEITHER where most of one is hidden."""
    digits = [thing for thing in drawn.things if thing.text.isascii() and thing.text.isdigit()]
    if not digits or not boxes:
        return np.full(len(boxes), -1)
    overlap = _overlaps(boxes, [thing.box for thing in digits])
    names = np.array([NEITHER if thing.kind == "scribble" else int(thing.text) for thing in digits])
    return np.where(overlap.max(axis=1) >= SAME, names[overlap.argmax(axis=1)], -1)


def _overlaps(boxes: list[Box], others: list[Box]) -> Floats:
    """Intersection over union of each with each of the others."""
    one, other = np.array(boxes, np.float64)[:, None], np.array(others, np.float64)[None]
    start = np.maximum(one[..., :2], other[..., :2])
    end = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    shared = np.maximum(end - start, 0).prod(axis=-1)
    overlap: Floats = shared / (one[..., 2:].prod(axis=-1) + other[..., 2:].prod(axis=-1) - shared)
    return overlap
