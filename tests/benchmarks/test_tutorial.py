"""The usual tutorial's reading."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import scoring, tutorial
from benchmarks.scenes import conditions
from benchmarks.scenes.writer import Digits
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier


@pytest.mark.parametrize("threshold", [tutorial.PHOTOGRAPHS, tutorial.QUICK])
def test_a_plain_page_is_read(digits: Digits, threshold: tuple[int, int]) -> None:
    """A regression check: a peer that read nothing would be an unfair comparison."""
    scene = conditions.make_base("numbers", digits, 1).scene
    with open_classifier(load_bundle()) as classifier:
        found = tutorial.read(scene.picture, classifier, threshold)
        assert tutorial.read(np.full((200, 200, 3), 200, np.uint8), classifier, threshold) == []
    counts = scoring.tally([(int(mark.text), mark.box) for mark in scene.digits], found)
    assert counts.f1 >= 0.8, counts
