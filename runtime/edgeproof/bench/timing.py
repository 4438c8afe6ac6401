"""The measuring loop, and the way from single times to figures that a stranger can believe.

A configuration is measured in ROUNDS visits, and all configurations take turns within a round, so that a machine that gets
slower hits all of them alike. Neighbouring measurements are not independent (a burst of another program hits many in a
row), but the medians of rounds nearly are: intervals and comparisons are made from those, by order statistics, which
assume no distribution. Nothing is clipped.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import UsageError

ROUNDS = 10
#: The 2nd smallest and 2nd largest of 10 enclose the true median with probability 1 − 22/2**10 = 97.9 %.
INTERVAL = (1, ROUNDS - 2)
#: Drift is called when all later rounds lie on one side of all earlier ones (chance alone: 2 of 252 orders) and by this much.
LARGE_DRIFT = 0.10

SEED = 0  # of the order within a round
WARM_UP_S, WARM_UP_LIMIT_S, WARM_UP_CALLS = 0.2, 1.0, 10
MIN_CALLS = 3  # per visit, also of what takes longer than its share of the time
KEPT_EVERY = 127  # of so many calls of a visit the first one's answer is kept, to be looked at after the measuring
MOST_KEPT = 1000  # of a row: an hour of short calls must not fill the memory
LEAST_S, MOST_S = 0.001, 3600.0  # of measuring one row

Nanoseconds = NDArray[np.int64]


@dataclass(frozen=True)
class Timing:
    """Times of one configuration, milliseconds per call.

    n: calls measured. p50_low_ms..p50_high_ms: interval of the median, 97.9 %.
    p90_ms, p99_ms: null when n is too small to state them. mean_ms, max_ms: of all calls, nothing clipped.
    drift: median of the later half of the rounds over that of the earlier half, minus 1.
    drifted: whether the drift is both significant and large, so that the figures describe no steady state.
    """

    n: int
    p50_ms: float
    p50_low_ms: float
    p50_high_ms: float
    p90_ms: float | None
    p99_ms: float | None
    mean_ms: float
    max_ms: float
    drift: float
    drifted: bool


@dataclass(frozen=True)
class Ratio:
    """How one configuration's median compares with another's: 0.5 = half the time.

    value: median over what was repeated. low..high: its interval, 97.9 % of rounds in one process.
    """

    value: float
    low: float
    high: float

    @property
    def distinguishable(self) -> bool:
        """False when the interval contains 1: no difference was shown."""
        return not self.low <= 1.0 <= self.high


@dataclass
class Subject:
    """Something being measured: a call, its inputs without end, and its times so far, nanoseconds per round.

    kept: a list that takes some of the timed calls, (input, what was answered), as they come and without copying; null: none.
    warm: whether warm-up reached a steady state.
    """

    call: Callable[[Any], Any]
    inputs: Iterator[Any]
    rounds: list[list[int]] = field(default_factory=list)
    kept: list[tuple[Any, Any]] | None = None
    warm: bool = False


def check_duration(seconds: float, flag: str = "--duration") -> None:
    """Before anything is measured. Raises UsageError for what is no measuring time of a row."""
    if not LEAST_S <= seconds <= MOST_S:  # nor is NaN
        raise UsageError(f"{flag}: expected {LEAST_S:g} to {MOST_S:g} seconds per row, found {seconds:g}")


def measure_in_turns(subjects: Sequence[Subject], duration_s: float, progress: Callable[[str], None]) -> None:
    """Warm each subject up and fill its rounds, `duration_s` seconds of measuring each.

    The garbage collector rests meanwhile: its pauses are Python's, not the model's.
    """
    order = np.random.default_rng(SEED)
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number, subject in enumerate(subjects):
            progress(f"warm-up {number + 1}/{len(subjects)}")
            subject.warm = _warm_up(subject, min(1.0, duration_s))
        for number in range(ROUNDS):
            progress(f"round {number + 1}/{ROUNDS} of {len(subjects)} rows")
            for index in order.permutation(len(subjects)):
                subject = subjects[index]
                # Others were here since: let caches fill and LiteRT allocate for this batch before the clock counts.
                time_calls(subject.call, subject.inputs, 0.003)
                subject.rounds.append(time_calls(subject.call, subject.inputs, duration_s / ROUNDS, subject.kept))
    finally:
        if collecting:
            gc.enable()


def time_calls(
    call: Callable[[Any], Any], inputs: Iterator[Any], seconds: float, kept: list[tuple[Any, Any]] | None = None
) -> list[int]:
    """Nanoseconds of each `call` with the next input, for `seconds` and at least MIN_CALLS times; some of the calls go into
    `kept`, while no clock runs."""
    clock = time.perf_counter_ns
    times: list[int] = []
    end = clock() + int(seconds * 1e9)
    for given in inputs:
        before = clock()
        answer = call(given)
        after = clock()
        if kept is not None and len(times) % KEPT_EVERY == 0 and len(kept) < MOST_KEPT:
            kept.append((given, answer))
        times.append(after - before)
        if after >= end and len(times) >= MIN_CALLS:
            break
    return times


def _warm_up(subject: Subject, effort: float) -> bool:
    """Run until steady; `effort` 0..1 shortens the limits for a quick look. Returns whether it became steady."""
    windows: list[float] = []
    calls = 0
    begin = time.perf_counter()
    while (spent := time.perf_counter() - begin) < WARM_UP_LIMIT_S * effort:
        if spent >= WARM_UP_S * effort and calls >= WARM_UP_CALLS and steady(windows):
            return True
        times = time_calls(subject.call, subject.inputs, WARM_UP_S * effort / 4)
        calls += len(times)
        windows.append(float(np.median(times)))
    return False


def summarize(rounds: Sequence[Sequence[int]]) -> Timing:
    """The figures of one configuration from its ROUNDS lists of nanoseconds, in the order of measuring."""
    times: Nanoseconds = np.fromiter(chain.from_iterable(rounds), np.int64)
    medians = round_medians(rounds)
    half = ROUNDS // 2
    early, late = medians[:half], medians[half:]
    drift = float(np.median(late) / np.median(early) - 1)
    apart = bool(late.min() > early.max() or late.max() < early.min())
    p50 = float(np.median(times)) / 1e6
    low, high = _interval(medians / 1e6)
    return Timing(
        n=len(times),
        p50_ms=p50,
        p50_low_ms=min(low, p50),
        p50_high_ms=max(high, p50),
        p90_ms=percentile_ms(times, 0.90),
        p99_ms=percentile_ms(times, 0.99),
        mean_ms=float(times.mean()) / 1e6,
        max_ms=float(times.max()) / 1e6,
        drift=drift,
        drifted=apart and abs(drift) >= LARGE_DRIFT,
    )


def compare(rounds: Sequence[Sequence[int]], reference: Sequence[Sequence[int]]) -> Ratio:
    """`rounds` relative to `reference`, paired by round: what slowed the machine in a round cancels out.

    The interval is that of these two instances. The same file, opened twice, is up to some percent apart, and up to half of such
    intervals do not contain 1: whether two files differ, `edgeproof.bench.compare` says.
    """
    ratios = round_medians(rounds) / round_medians(reference)
    low, high = _interval(ratios)
    return Ratio(float(np.median(ratios)), low, high)


def percentile_ms(times: Nanoseconds, share: float) -> float | None:
    """The `share` quantile of nanoseconds in ms, or None when there are too few of them to state it.

    Enough means that the largest value lies above the true quantile with 95 % probability: 1 − shareⁿ ≥ 0.95, which
    takes 29 values for p90 and 299 for p99.
    """
    if 1 - share ** len(times) < 0.95:
        return None
    return float(np.quantile(times, share, method="higher")) / 1e6


def steady(windows: Sequence[float]) -> bool:
    """Whether warm-up is over: the last three windows' medians agree within 2 %."""
    last = windows[-3:]
    return len(last) == 3 and max(last) <= 1.02 * min(last)


def round_medians(rounds: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """The median of each round, float64 (ROUNDS,), nanoseconds."""
    if len(rounds) != ROUNDS:
        raise ValueError(f"expected {ROUNDS} rounds, found {len(rounds)}")
    return np.array([np.median(times) for times in rounds])


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    ordered = np.sort(values)
    return float(ordered[INTERVAL[0]]), float(ordered[INTERVAL[1]])
