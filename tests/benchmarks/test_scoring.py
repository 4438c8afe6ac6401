"""Digits found against digits labelled: which belong together, and what is counted."""

from __future__ import annotations

import pytest

from benchmarks import scoring
from benchmarks.scoring import Tally


def test_pairs_are_one_to_one_and_the_nearest_first() -> None:
    box, half, far = (0, 0, 10, 10), (5, 0, 10, 10), (100, 0, 10, 10)
    assert scoring.overlap(box, half) == pytest.approx(1 / 3)
    assert scoring.tally([(1, box)], [(1, box)]) == Tally(1, 1, 1, 1, 1)
    # The exact box wins over the half one, though the half one has the right digit: that is a misread, and one too many.
    assert scoring.tally([(1, box)], [(2, box), (1, half)]) == Tally(1, 1, 2, 0, 0)
    assert scoring.tally([(1, box), (2, far)], [(1, half)]) == Tally(1, 2, 1, 1, 0)
    assert scoring.tally([], []) == Tally(1, 0, 0, 0, 1)
    both = scoring.total([Tally(1, 4, 3, 3, 0), Tally(1, 2, 2, 1, 0)])
    assert both.f1 == pytest.approx(2 * 4 / 11)
    assert both.false_per_picture == pytest.approx(0.5)
