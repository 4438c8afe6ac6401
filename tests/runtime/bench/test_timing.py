"""The arithmetic of the benchmark, on synthetic times whose truth is known."""

from __future__ import annotations

import time
from itertools import cycle

import numpy as np
import pytest

from edgeproof.bench import timing
from edgeproof.bench.timing import ROUNDS, Subject

SEEDS = range(20)


def samples(seed: int, factor: float = 1.0, trend: float = 0.0, weather: int | None = None) -> list[list[int]]:
    """Times of a 50 µs call: log-normal, and each round slowed by up to a third by what else runs on the machine.

    trend: share by which the last round is slower than the first. weather: seed of the machine's mood, to share it.
    """
    rng = np.random.default_rng(seed)
    mood = np.random.default_rng(weather if weather is not None else seed + 10_000).uniform(1, 1.33, ROUNDS)
    slower = factor * mood * np.linspace(1, 1 + trend, ROUNDS)
    return [list(rng.lognormal(np.log(50_000 * by), 0.15, 200).astype(int)) for by in slower]


def test_a_against_itself_shows_no_difference() -> None:
    """In at least 19 of 20 comparisons; the interval covers 97.9 %, so one miss is what chance permits."""
    same = [timing.compare(samples(seed, weather=seed), samples(seed + 500, weather=seed)) for seed in SEEDS]
    assert sum(not ratio.distinguishable for ratio in same) >= 19


def test_a_tenth_slower_is_found_through_shared_weather() -> None:
    """Rounds vary by a third, the difference is a tenth: only the pairing by round can see it."""
    for seed in SEEDS:
        ratio = timing.compare(samples(seed, 1.1, weather=seed), samples(seed + 500, weather=seed))
        assert ratio.distinguishable
        assert ratio.low <= 1.1 <= ratio.high or abs(ratio.value - 1.1) < 0.02


def test_the_interval_covers_the_true_median() -> None:
    """97.9 % stated; of 400 trials at least 95 % must cover."""
    covered = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        result = timing.summarize([list(rng.lognormal(np.log(50_000), 0.3, 21).astype(int)) for _ in range(ROUNDS)])
        covered += result.p50_low_ms <= 0.05 <= result.p50_high_ms
    assert covered >= 380


def test_drift_is_called() -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        slower = np.linspace(1, 1.4, ROUNDS)
        result = timing.summarize([list(rng.normal(50_000 * by, 1000, 200).astype(int)) for by in slower])
        assert result.drifted
        assert result.drift == pytest.approx(1.311 / 1.089 - 1, abs=0.03)  # medians of the halves of 1..1.4


def test_noise_is_not_drift() -> None:
    """Rounds that vary by a third in no order: of 20 at most one may lie in order by chance (2 of 252 each)."""
    assert sum(timing.summarize(samples(seed)).drifted for seed in SEEDS) <= 1


def test_a_small_significant_drift_is_no_drift() -> None:
    rounds = [[50_000 + 100 * number] * 100 for number in range(ROUNDS)]
    result = timing.summarize(rounds)
    assert 0 < result.drift < timing.LARGE_DRIFT
    assert not result.drifted


def test_a_burst_is_neither_drift_nor_clipped() -> None:
    rounds = [[50_000] * 100 for _ in range(ROUNDS)]
    rounds[7] = [900_000] * 100
    result = timing.summarize(rounds)
    assert not result.drifted
    assert result.p50_ms == result.p50_high_ms == 0.05
    assert result.max_ms == result.p99_ms == 0.9
    assert result.mean_ms == pytest.approx(0.135)


@pytest.mark.parametrize(("share", "enough"), [(0.90, 29), (0.99, 299)])
def test_a_percentile_needs_enough_samples(share: float, enough: int) -> None:
    rng = np.random.default_rng(1)
    times = rng.integers(1, 10**6, enough).astype(np.int64)
    assert timing.percentile_ms(times[:-1], share) is None
    stated = timing.percentile_ms(times, share)
    assert stated is not None
    assert np.mean(times <= stated * 1e6) >= share  # at least this share of the calls took no longer


def test_few_calls_state_no_tail() -> None:
    result = timing.summarize([[5_000_000, 5_100_000]] * ROUNDS)
    assert result.n == 20
    assert result.p90_ms is None
    assert result.p99_ms is None


def test_rounds_are_counted() -> None:
    with pytest.raises(ValueError, match="expected 10 rounds, found 9"):
        timing.summarize([[1]] * 9)


@pytest.mark.parametrize(
    ("windows", "expected"), [([1.0, 1.0], False), ([9.0, 1.0, 1.01, 1.02], True), ([1.0, 1.0, 1.05], False)]
)
def test_steady_means_three_windows_within_two_percent(windows: list[float], expected: bool) -> None:
    assert timing.steady(windows) is expected


@pytest.mark.timed
def test_the_loop_times_what_it_calls() -> None:
    """A sleep of 2 ms takes 2 ms or more; permitted: 3 ms of a busy machine's delay in the median."""
    times = timing.time_calls(lambda _: time.sleep(0.002), cycle([0]), 0.05)
    assert 3 <= len(times) <= 25
    assert 2e6 <= np.median(times) <= 5e6


def test_the_loop_calls_a_slow_thing_three_times() -> None:
    assert len(timing.time_calls(lambda _: time.sleep(0.01), cycle([0]), 0.0)) == timing.MIN_CALLS


@pytest.mark.timed
def test_induced_drift_in_a_real_run_is_called_and_its_neighbour_is_not() -> None:
    """One sleeper sleeps six times as long after half its rounds, in turns with a steady one."""
    pauses = cycle([0.002])
    steady = Subject(time.sleep, pauses)
    growing = Subject(lambda _: time.sleep(0.002 if len(growing.rounds) < ROUNDS // 2 else 0.012), cycle([0]))
    timing.measure_in_turns([steady, growing], 0.15, lambda _: None)
    assert timing.summarize(growing.rounds).drifted
    assert not timing.summarize(steady.rounds).drifted
    ratio = timing.compare(growing.rounds, steady.rounds)
    assert ratio.high > 1.3
