"""Wilson's and Tango's intervals and McNemar's test against published values, and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from convert.statistics import (
    Z_95_ONE_SIDED,
    Paired,
    mcnemar,
    paired,
    smallest_budget,
    tango,
    wilson,
)


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


@pytest.mark.parametrize(
    ("lost", "gained", "pairs", "low", "high"),
    [
        # Newcombe's table of 50 pairs, of which 12 and 2 are discordant, with Tango's interval.
        (12, 2, 50, 0.0611, 0.3447),
        # Airway reactivity before and after a transplantation (Bentur et al. 2009), in Fagerland, Lydersen and Laake,
        # "Recommended tests and confidence intervals for paired binomial proportions", 2014.
        (1, 7, 21, -0.517, -0.026),
    ],
)
def test_tango_published(lost: int, gained: int, pairs: int, low: float, high: float) -> None:
    assert tango(lost, gained, pairs) == pytest.approx((low, high), abs=6e-4 if pairs == 21 else 5e-5)
    assert tango(gained, lost, pairs) == pytest.approx((-high, -low), abs=6e-4 if pairs == 21 else 5e-5)


def test_tango_inverts_the_score_test() -> None:
    """At each limit the score statistic is ±z, with the variance maximised by brute force instead of in closed form."""
    lost, gained, images = 15, 5, 400
    low, high = tango(lost, gained, images)
    for limit, sign in ((low, 1), (high, -1)):
        back = np.linspace(max(0.0, -limit) + 1e-9, (1 - abs(limit)) / 2 - 1e-9, 400_001)  # P(gained), given the limit
        rest = images - lost - gained
        likelihood = lost * np.log(back + limit) + gained * np.log(back) + rest * np.log(1 - 2 * back - limit)
        best = back[likelihood.argmax()]
        variance = images * (2 * best + limit - limit**2)
        assert (lost - gained - images * limit) / np.sqrt(variance) == pytest.approx(sign * 1.96, abs=2e-3)


@pytest.mark.parametrize("true_drop", [0.0, 0.002])
def test_the_upper_limit_covers_the_truth(true_drop: float) -> None:
    """10,000 images, 0.2 % of the answers changed each way and a true drop on top: the one-sided limit lies above the truth
    in 95 % of repetitions (± 2 %: 4,000 repetitions give 1 %, the rest is that counts are whole numbers)."""
    random = np.random.default_rng(0)
    counts = random.multinomial(10_000, [0.002 + true_drop, 0.002, 0.996 - true_drop], 4_000)
    found: dict[tuple[int, int], float] = {}
    for lost, gained, _ in counts.tolist():
        found.setdefault((lost, gained), Paired(lost, gained, 10_000).drop_limit)
    covered = [found[lost, gained] >= true_drop for lost, gained, _ in counts.tolist()]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_a_budget_of_a_fifth_of_a_point_is_testable_with_ten_thousand_images() -> None:
    assert 100 * smallest_budget(10_000) == pytest.approx(0.027, abs=5e-4)
    assert smallest_budget(10_000) == pytest.approx(Z_95_ONE_SIDED**2 / (10_000 + Z_95_ONE_SIDED**2))
    assert 100 * Paired(10, 10, 10_000).drop_limit < 0.1
    assert 100 * Paired(30, 10, 10_000).drop_limit > 0.2, "a true 0.2 must not pass by the luck of one test set"


@pytest.mark.parametrize(("lost", "gained"), [(5, 0), (0, 5), (0, 0)])
def test_tango_at_the_ends_of_the_scale(lost: int, gained: int) -> None:
    low, high = tango(lost, gained, 5)
    assert -1 <= low <= (lost - gained) / 5 <= high <= 1
    assert low < high


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    # Armitage and Berry's two culture media; Bentur's airways; by hand: 2/2⁶; nothing changed.
    [(12, 2, 0.0129), (1, 7, 0.0703), (6, 0, 0.03125), (0, 0, 1.0)],
)
def test_mcnemar_published(lost: int, gained: int, p: float) -> None:
    assert mcnemar(lost, gained) == mcnemar(gained, lost) == pytest.approx(p, abs=5e-5)


def test_pairs_are_counted_and_judged() -> None:
    labels = np.array([0, 1, 2, 3, 4, 5])
    reference = np.array([0, 1, 2, 0, 0, 0])  # right, right, right, wrong, wrong, wrong
    answers = np.array([0, 0, 0, 3, 0, 1])  # kept, lost, lost, gained, same error, another error
    assert paired(reference, answers, labels) == Paired(2, 1, 6)
    assert [Paired(*counts, 100).verdict for counts in ((9, 1), (1, 9), (8, 2))] == [
        "worse",
        "better",
        "not distinguishable",
    ]
    with pytest.raises(ValueError, match="expected lost \\+ gained ≤ images"):
        Paired(4, 3, 6)
