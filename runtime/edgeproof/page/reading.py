"""What a reader gives: the answers in one frame, and all that led to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.context.features import Page
from edgeproof.page.context.rescore import Verdicts
from edgeproof.page.geometry import Box
from edgeproof.page.numbers import Number
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.segment import Segmentation
from edgeproof.page.table import Table


@dataclass(frozen=True)
class Guess:
    """What something may be. label: class index. name: the class's name. score: its probability by the model alone, 0..1."""

    label: int
    name: str
    score: float


@dataclass(frozen=True)
class Digit:
    """An answer that was taken: a digit on a page, or what a picture shows.

    label: class index. name: the class's name. score: its probability, 0..1. box: x, y, width, height, frame pixels.
    top: the likeliest classes, likeliest first, as many as the reader was asked for.
    """

    label: int
    name: str
    score: float
    box: Box
    top: tuple[Guess, ...] = ()


@dataclass(frozen=True)
class Region:
    """A part of a frame that is a picture by itself, or all of it.

    box: x, y, width, height, frame pixels. top: the likeliest classes, likeliest first, one or more. answer: the first of them
    where it was taken, else None. image: uint8 (H, W) grey or RGB (H, W, 3), as the model saw it.
    """

    box: Box
    top: tuple[Guess, ...]
    answer: Digit | None
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Reading:
    """What was read in one frame.

    digits: by their top edge, or in the order of the regions. numbers: in reading order; their `digits` index into `digits`.
    rejected: candidates that were not accepted. left_off: blobs beyond the cap, never looked at.
    glyphs: uint8 (len(digits), *shape), what the model saw of each digit.
    ms: milliseconds per stage: segment, classify (glyphs and model), total.
    turn: degrees, clockwise, by which the frame was turned to be read: 0, 90, 180 or 270. All order is that of the turned frame.
    table: rows of the texts in a table's cells; None where there is no table.
    regions: of a bundle of pictures, every one, then there are no numbers; empty for a page.
    """

    digits: tuple[Digit, ...]
    numbers: tuple[Number, ...]
    rejected: int
    left_off: int
    glyphs: NDArray[np.uint8]
    ms: Mapping[str, float]
    turn: int = 0
    table: Table | None = None
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Examination:
    """A reading with everything that led to it, for whoever asks why.

    segmentation: what was found; its page and mask are those of the frame turned by `reading.turn`. candidates: those on the best
    path through each blob, in the segmentation's order, or one per region. glyphs: uint8 (len(candidates), *shape). verdicts:
    the answer to each. judged: what they were judged by; None for a picture.
    """

    reading: Reading
    segmentation: Segmentation
    candidates: tuple[Candidate, ...]
    glyphs: NDArray[np.uint8]
    verdicts: Verdicts
    judged: Page | None
