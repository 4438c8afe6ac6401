"""The verdict, from counts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgeproof.errors import GateError, IntegrityError
from edgeproof.slots.verdict import Bounds, Counts, by_chance, judge

FINE = Counts(labelled=88, inputs=200, answered=180, agreed=178, refused_before=20, refused=21, pairs=40, ratio=1.02)


def test_what_is_as_good_passes() -> None:
    judge(FINE, Bounds())
    judge(Counts(), Bounds())
    judge(replace(FINE, lost=6, ratio=1.5, agreed=90), Bounds())
    judge(replace(FINE, lost=20, gained=12), Bounds())


@pytest.mark.parametrize(
    ("counts", "error", "figure"),
    [
        (replace(FINE, failures=1), IntegrityError, "1 calls"),
        (replace(FINE, lost=7), GateError, "accuracy: .* found 7 more and 0 fewer of 88"),
        (replace(FINE, lost=40, gained=20), GateError, "accuracy"),
        (replace(FINE, agreed=89), GateError, "agreement: expected 50 % .* found 89 of 180"),
        (replace(FINE, ratio=1.51), GateError, "latency: expected at most 1.5 × .* found 1.51 ×"),
    ],
)
def test_what_is_worse_is_refused(counts: Counts, error: type[Exception], figure: str) -> None:
    with pytest.raises(error, match=figure):
        judge(counts, Bounds())


def test_few_inputs_and_few_calls_say_nothing() -> None:
    judge(Counts(inputs=19, answered=19, agreed=0, pairs=6, ratio=9.0), Bounds())


@pytest.mark.parametrize(
    ("lost", "gained", "probability"),
    [(0, 0, 1.0), (1, 0, 0.5), (1, 1, 0.75), (7, 0, 2**-7), (3, 1, 5 / 16), (0, 5, 1.0)],
)
def test_the_sign_test_is_exact(lost: int, gained: int, probability: float) -> None:
    """Binomial coefficients, by hand."""
    assert by_chance(lost, gained) == probability


def test_what_was_not_counted_is_not_told() -> None:
    assert str(Counts(pairs=60, ratio=1.0)) == "1.00 × the time"
    assert str(Counts(labelled=16, lost=1)) == "16 labelled inputs: 1 answered worse, 0 better"
