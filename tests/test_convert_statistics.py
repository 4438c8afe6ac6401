"""Wilson's interval against published values and against what it promises."""

from __future__ import annotations

import numpy as np
import pytest

from convert.statistics import wilson


@pytest.mark.parametrize(
    ("correct", "images", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3 (four digits).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_values(correct: int, images: int, low: float, high: float) -> None:
    assert wilson(correct, images) == pytest.approx((low, high), abs=5e-5)


def test_holds_its_level_where_digits_are() -> None:
    """99.5 % of 10,000: the interval covers the truth in 95 % of repetitions (± 1.5 %, 3 σ of 2,000 repetitions)."""
    counts = np.random.default_rng(0).binomial(10_000, 0.995, 2_000)
    covered = [low <= 0.995 <= high for low, high in (wilson(int(count), 10_000) for count in counts)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("correct", "images"), [(0, 10), (10, 10), (0, 1), (10_000, 10_000)])
def test_stays_inside_0_to_1(correct: int, images: int) -> None:
    low, high = wilson(correct, images)
    assert 0 <= low <= correct / images <= high <= 1


@pytest.mark.parametrize(("correct", "images"), [(-1, 10), (11, 10), (0, 0)])
def test_refuses_impossible_counts(correct: int, images: int) -> None:
    with pytest.raises(ValueError, match="expected 0 ≤ correct ≤ images"):
        wilson(correct, images)
