"""Read a frame: candidates, glyphs, scores, digits, numbers. All candidates of a frame go through the model in one call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph, scores
from edgeproof.bundle import load_bundle
from edgeproof.classify import AUTO, Classifier, Device, Facts, open_classifier
from edgeproof.errors import UnavailableError, UsageError
from edgeproof.numbers import Box, Number, read_numbers
from edgeproof.segment import Segmentation, segment

#: A model without a "reject" class has only its score to say that something is no digit.
UNSURE = 0.5


@dataclass(frozen=True)
class Digit:
    """label: class index. name: the class's name. score: its probability, 0..1. box: x, y, width, height, frame pixels."""

    label: int
    name: str
    score: float
    box: Box


@dataclass(frozen=True)
class Reading:
    """What was read in one frame.

    digits: by their top edge. numbers: in reading order; their `digits` index into `digits`.
    rejected: candidates that the model did not accept. left_off: candidates beyond the cap, never looked at.
    glyphs: uint8 (len(digits), 28, 28), what the model saw of each digit.
    ms: milliseconds per stage: segment, classify (glyphs and model), total.
    """

    digits: tuple[Digit, ...]
    numbers: tuple[Number, ...]
    rejected: int
    left_off: int
    glyphs: NDArray[np.uint8]
    ms: Mapping[str, float]


class Reader:
    """An opened classifier with the page reading around it. Use as a context manager, or call `close`."""

    def __init__(self, classifier: Classifier, conf: float | None = None) -> None:
        """`conf`: the lowest score of an accepted digit, 0..1; by default what the bundle states.

        Raises UsageError when `conf` is no probability.
        """
        if conf is not None and not 0 <= conf <= 1:
            raise UsageError(f"--conf: expected a number from 0 to 1, found {conf:g}")
        manifest = classifier.bundle.manifest
        taught = manifest.classes[-1] == scores.REJECT
        self.conf = conf if conf is not None else manifest.threshold or (0.0 if taught else UNSURE)
        self._classifier = classifier
        self._manifest = manifest

    @property
    def facts(self) -> Facts:
        return self._classifier.facts

    def read(self, frame: NDArray[np.uint8]) -> Reading:
        """Everything read in a frame, uint8 BGR (H, W, 3).

        A bundle whose glyph convention is "none" gets the whole picture as its one candidate.
        """
        start = time.perf_counter()
        if self._manifest.glyph == "none":
            found = Segmentation()
            boxes: list[Box] = [(0, 0, frame.shape[1], frame.shape[0])]
            segmented = start
            glyphs = glyph.whole_picture(frame)[None]
        else:
            found = segment(frame)
            boxes = [candidate.box for candidate in found.candidates]
            segmented = time.perf_counter()
            glyphs = glyph.make_glyphs([candidate.ink for candidate in found.candidates])
        logits = self._classifier.logits(glyphs)
        labels, confidence = scores.decide(logits, self._manifest.classes, self._manifest.temperature, self.conf)
        classified = time.perf_counter()
        accepted = np.flatnonzero(labels != scores.REJECTED)
        digits = tuple(
            Digit(int(labels[i]), self._manifest.classes[labels[i]], float(confidence[i]), boxes[i]) for i in accepted
        )
        numbers = read_numbers(
            [digit.name for digit in digits],
            [digit.score for digit in digits],
            [digit.box for digit in digits],
            [boxes[i] for i in np.flatnonzero(labels == scores.REJECTED)],
        )
        end = time.perf_counter()
        ms = {"segment": segmented - start, "classify": classified - segmented, "total": end - start}
        return Reading(
            digits,
            numbers,
            rejected=len(boxes) - len(digits),
            left_off=found.left_off,
            glyphs=glyphs[accepted],
            ms={stage: 1000 * seconds for stage, seconds in ms.items()},
        )

    def close(self) -> None:
        self._classifier.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_reader(  # noqa: PLR0917 (one name per command-line flag, in the same order)
    bundle: Path | str | None = None,
    artifact: str = AUTO,
    backend: str = AUTO,
    device: Device = "auto",
    threads: int = 1,
    conf: float | None = None,
) -> Reader:
    """A reader with the bundle at `bundle` (default: the one that the wheel carries), its golden answers replayed.

    Raises UnavailableError when OpenCV does not import, and what `load_bundle` and `open_classifier` raise.
    """
    try:
        import cv2  # noqa: F401
    except ImportError as missing:
        raise UnavailableError(
            f"OpenCV does not import ({missing}): install edgeproof[headless], or edgeproof[desktop] for windows"
        ) from None
    classifier = open_classifier(load_bundle(bundle), artifact, backend, device, threads)
    try:
        return Reader(classifier, conf)
    except UsageError:
        classifier.close()
        raise
