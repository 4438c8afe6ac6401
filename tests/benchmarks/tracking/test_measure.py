"""The benchmark of tracking, on short films."""

from __future__ import annotations

import pytest

from benchmarks.scenes.writer import Digits
from benchmarks.tracking import measure
from benchmarks.tracking.film import Plan
from edgeproof.page.reader import Reader


def test_both_are_measured_on_the_same_films(digits: Digits, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan("red marker", seconds=0.8, fps=10)
    monkeypatch.setattr(measure, "VARIANTS", {"marker": (plan, (10, 5))})
    rows = list(measure.measure(reader, digits, 1, seed=1))
    assert [name for name, *_ in rows] == ["marker, 10 frames/s", "marker, 5 frames/s"]
    for _, bare, tracked in rows:
        assert (bare.seconds, bare.labelled) == (tracked.seconds, tracked.labelled)
        assert bare.right > 0.8 * bare.labelled
        assert tracked.right > 0.5 * tracked.labelled, "it takes a moment until it is sure"
    table = measure.markdown(rows, "one film").splitlines()
    assert len(table) == 2 + len(rows) + 2
    assert len({line.count("|") for line in table[:-2]}) == 1
