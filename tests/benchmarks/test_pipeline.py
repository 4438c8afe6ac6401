"""The frames whose reading is timed, and the scripts beside it: all do the same work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import pipeline, tutorial
from edgeproof.bundle import load_bundle
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.page.reader import Reader

DIGITS = "2026714398"


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with open_classifier(load_bundle()) as opened:
        yield opened


def test_the_three_read_the_frame(classifier: Classifier) -> None:
    frame = pipeline.frame(classifier, 1)
    assert frame.shape == (480, 640, 3)
    assert "".join(number.text for number in Reader(classifier).read(frame).numbers) == DIGITS
    found = tutorial.read(frame, classifier, tutorial.QUICK)
    assert sorted(str(digit) for digit, _ in found) == sorted(DIGITS)
    # Outlines of holes are among what the bare script classifies.
    bare = pipeline.bare(frame, classifier).argmax(axis=1).tolist()
    assert len(DIGITS) <= len(bare) <= len(DIGITS) + 4
    assert set(bare) >= set(map(int, DIGITS))


@pytest.mark.parametrize("digits", pipeline.CROWDS)
def test_a_crowd_holds_as_many_digits_as_asked_for(classifier: Classifier, digits: int) -> None:
    assert len(Reader(classifier).read(pipeline.crowd(classifier, digits, 1)).digits) == digits
