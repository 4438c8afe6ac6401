"""Which artifact on which runtime is fastest here, measured as a device would call it: one glyph, one thread."""

from __future__ import annotations

import time
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from edgeproof.backends import FORMATS
from edgeproof.bundle import Artifact, Bundle, Choice
from edgeproof.classify import Classifier, open_classifier
from edgeproof.errors import IntegrityError, UnavailableError

WARM_UP = 200  # calls each, before the clock counts
ROUNDS = 25
CALLS = 40  # per round and candidate


def rank(bundle: Bundle, glyphs: NDArray[np.uint8]) -> tuple[Choice, ...]:
    """Every usable artifact on every runtime that is here and runs it rightly, fastest first.

    `glyphs` is uint8 (n, 28, 28); the calls walk through them, so that no cache answers for the model.
    """
    with ExitStack() as stack:
        opened: list[tuple[Artifact, str, Classifier]] = []
        for row in bundle.manifest.usable:
            for backend in (name for name, format in FORMATS.items() if format == row.format):
                try:
                    classifier = open_classifier(bundle, row.name, backend, "cpu", threads=1)
                except (UnavailableError, IntegrityError):  # not installed here, or does not run this file rightly
                    continue
                opened.append((row, backend, stack.enter_context(classifier)))
        times = p50_ms([classifier for _, _, classifier in opened], glyphs)
    order = sorted(zip(times, opened, strict=True), key=lambda pair: pair[0])
    return tuple(
        Choice(row.name, backend, round(p50, 5), _reason(row, p50, order[0][0], order[0][1][0].name))  # type: ignore[arg-type]
        for p50, (row, backend, _) in order
    )


def p50_ms(classifiers: list[Classifier], glyphs: NDArray[np.uint8]) -> list[float]:
    """Median time of one glyph for each, milliseconds: the median over the rounds of each round's median.

    The candidates take turns within each round: whatever else the machine does in the meantime slows them all alike.
    """
    singles = [glyphs[i % len(glyphs)][None] for i in range(ROUNDS * CALLS)]
    for classifier in classifiers:
        for single in singles[:WARM_UP]:
            classifier.logits(single)
    medians: list[list[float]] = [[] for _ in classifiers]
    for start in range(0, len(singles), CALLS):
        for classifier, own in zip(classifiers, medians, strict=True):
            own.append(float(np.median([_timed_ns(classifier, single) for single in singles[start : start + CALLS]])))
    return [float(np.median(own)) / 1e6 for own in medians]


def _timed_ns(classifier: Classifier, single: NDArray[np.uint8]) -> int:
    start = time.perf_counter_ns()
    classifier.logits(single)
    return time.perf_counter_ns() - start


def _reason(row: Artifact, p50: float, best: float, winner: str) -> str:
    place = "fastest" if p50 == best else f"{p50 / best:.2f} × the time of {winner}"
    return f"{place}: {p50:.3f} ms; {row.bytes / 1000:.1f} kB; {row.accuracy:.2%}"
