"""How late frames are, by the clock of their source."""

from __future__ import annotations

import pytest

from edgeproof.sources.live.child.clock import SourceClock


def lags(stamps: list[float], arrivals: list[float]) -> list[float]:
    clock = SourceClock()
    return [clock.lag_s(stamp, arrival) for stamp, arrival in zip(stamps, arrivals, strict=True)]


def test_a_delay_that_grows_is_told_whatever_the_zero_of_the_clock():
    stamps = [1000 + 0.1 * number for number in range(100)]
    arrivals = [5 + 0.1 * number + (0.05 * (number - 50) if number > 50 else 0) for number in range(100)]
    found = lags(stamps, arrivals)
    assert found[:50] == pytest.approx([0] * 50, abs=1e-3)
    assert found[-1] == pytest.approx(2.45, abs=0.01)


def test_unsteady_arrival_counts_from_the_promptest():
    found = lags([0.0, 0.1, 0.2, 0.3], [7.05, 7.10, 7.25, 7.35])
    assert found == pytest.approx([0, 0, 0.05, 0.05], abs=1e-3)


def test_clocks_that_part_slowly_make_no_delay():
    """Fifty millionths, what two quartzes differ by, over two weeks; at most the drift that is allowed for between two frames."""
    seconds = [float(second) for second in range(0, 14 * 86400, 60)]
    found = lags([second * (1 - 50e-6) for second in seconds], seconds)
    assert max(found) < 0.01


def test_a_clock_that_is_set_back_begins_anew():
    assert lags([100.0, 100.1, 3.0, 3.1], [1.0, 1.1, 1.2, 1.3]) == pytest.approx([0, 0, 0, 0], abs=1e-3)
