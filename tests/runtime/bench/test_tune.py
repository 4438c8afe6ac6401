"""From times to a ranking: on synthetic times the choice, the ties and the reasons; on this machine, that it is measured."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from edgeproof.backends import BACKENDS
from edgeproof.bench import opened, timing, tune
from edgeproof.bench.timing import ROUNDS, Ratio, Subject
from edgeproof.bench.tune import GAIN, Candidate, entry_of, ranked
from edgeproof.bundle import load_bundle
from edgeproof.errors import UnavailableError, UsageError
from edgeproof.support import machine, tables

BUNDLE = load_bundle()
INT8, FP32 = "int8.tflite", "fp32.onnx"
ORDER = [Candidate(*pair, threads) for pair in ((INT8, "litert"), (FP32, "onnxruntime")) for threads in (1, 2)]
ONE, TWO, OTHER, OTHER_TWO = ORDER


def rounds(microseconds: float, spread: float = 0.02, seed: int = 0) -> list[list[int]]:
    """Of each round three calls, each up to `spread` longer or shorter."""
    noise = random.Random(seed)
    return [
        [round(1000 * microseconds * (1 + noise.uniform(-spread, spread))) for _ in range(3)] for _ in range(ROUNDS)
    ]


def measured(*microseconds: float) -> dict[Candidate, list[list[int]]]:
    return {each: rounds(time, seed=i) for i, (each, time) in enumerate(zip(ORDER, microseconds, strict=True))}


@pytest.mark.parametrize(
    ("microseconds", "order"),
    [
        ((100, 200, 300, 400), [ONE, TWO, OTHER, OTHER_TWO]),  # as the bundle says
        ((300, 400, 100, 200), [OTHER, OTHER_TWO, ONE, TWO]),  # int8 is slower here
        ((300, 200, 150, 100), [OTHER_TWO, OTHER, TWO, ONE]),  # threads help
        ((100, 100, 100, 100), [ONE, TWO, OTHER, OTHER_TWO]),  # no difference
        ((200, 300, 100, 100), [OTHER, OTHER_TWO, ONE, TWO]),  # none between threads: one is enough
        ((200, 100, 100, 100), [TWO, OTHER, OTHER_TWO, ONE]),  # none among the faster: the bundle's order
    ],
)
def test_the_order_follows_the_times(microseconds: tuple[float, ...], order: list[Candidate]) -> None:
    assert ranked(measured(*microseconds), ORDER) == order


def test_a_noisy_one_is_not_chosen_for_a_few_fast_rounds() -> None:
    """Its median is the smallest, and it takes twice as long in three rounds: nothing was shown, the bundle's choice stays."""
    times = measured(100, 150, 150, 90)
    for number in (2, 5, 7):
        times[OTHER_TWO][number] = [200_000] * 3
    assert ranked(times, ORDER)[0] == ONE


def test_nor_does_a_noisy_one_keep_the_faster_from_being_chosen() -> None:
    """The second cannot be told from any other, and has the smallest median; the third was shown to be faster than the first."""
    times = measured(100, 70, 80, 300)
    for number in (2, 5, 7):
        times[TWO][number] = [200_000] * 3
    assert ranked(times, ORDER)[0] == OTHER


def test_equal_ones_are_not_called_faster() -> None:
    """Of 20 runs with twenty equal rows, whose rounds differ by 3 %: with no margin three would choose another than the first."""
    order = [Candidate(f"{number}.onnx", "onnxruntime", 1) for number in range(20)]
    for run in range(20):
        times = {each: rounds(100, spread=0.07, seed=20 * run + i) for i, each in enumerate(order)}
        assert ranked(times, order)[0] == order[0]


def test_a_small_gain_is_no_reason_and_a_disturbed_round_no_obstacle() -> None:
    assert ranked(measured(100, 97, 97, 97), ORDER)[0] == ONE
    times = measured(100, 150, 85, 150)
    times[OTHER][4] = [300_000] * 3
    assert ranked(times, ORDER)[0] == OTHER


def test_equal_times_in_another_order_are_another_ranking() -> None:
    assert ranked(measured(100, 100, 100, 100), ORDER[::-1]) == ORDER[::-1]


@pytest.fixture
def injected(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[list[int]]]:
    """Rounds by the place of a subject, for `tune` to have measured; 100 µs for all others. Two cores."""
    times: dict[int, list[list[int]]] = {}

    def measure(subjects: Sequence[Subject], _duration_s: float, _progress: object) -> None:
        for number, subject in enumerate(subjects):
            subject.rounds, subject.warm = times.get(number, [[100_000] * 3] * ROUNDS), True

    monkeypatch.setattr(timing, "measure_in_turns", measure)
    monkeypatch.setattr(machine, "physical_cores", lambda: 2)
    return times


def places() -> list[tuple[str, str, int]]:
    return [(choice.artifact, choice.backend, threads) for choice in BUNDLE.manifest.ranking for threads in (1, 2)]


@pytest.mark.usefixtures("injected")
def test_what_the_bundle_ranks_is_measured_and_nothing_else() -> None:
    report = tune.tune(BUNDLE, 0.1)
    assert [(row.artifact, row.backend, row.threads) for row in report.rows] == places()
    assert (report.verdict, report.images, report.written) == ("valid", 10, None)
    assert report.choice == report.default
    assert report.reason == "no difference: the bundle's own choice stays"
    assert report.rows[0].to_default == Ratio(1, 1, 1)
    assert all(row.among_fastest for row in report.rows)
    assert entry_of(report).choice == report.choice


def test_a_faster_one_is_chosen_and_the_reason_says_by_how_much(injected: dict[int, list[list[int]]]) -> None:
    injected[3] = rounds(50)
    report = tune.tune(BUNDLE, 0.1)
    artifact, backend, threads = places()[3]
    best = report.rows[0]
    assert (best.artifact, best.backend, best.threads) == (artifact, backend, threads) == (artifact, backend, 2)
    assert report.reason.startswith("0.50 [")
    assert report.reason.endswith(f"× the time of the bundle's own choice, {report.default}")
    assert [row.among_fastest for row in report.rows] == [True] + [False] * (len(report.rows) - 1)
    entry = entry_of(report)
    assert entry.threads[artifact, backend] == 2
    assert next(iter(entry.threads)) == (artifact, backend)
    assert entry.threads.keys() == {(choice.artifact, choice.backend) for choice in BUNDLE.manifest.ranking}
    assert json.loads(json.dumps(tables.to_table(report)))["rows"][0]["timing"]["p50_ms"] == pytest.approx(
        0.05, rel=0.02
    )


def test_the_bundles_choice_may_be_the_fastest_too(injected: dict[int, list[list[int]]]) -> None:
    injected[0] = rounds(50)
    assert tune.tune(BUNDLE, 0.1).reason == "the bundle's own choice, here the fastest too"


def test_drift_makes_all_of_it_invalid(injected: dict[int, list[list[int]]]) -> None:
    injected[5] = [[100_000 + 10_000 * number] * 3 for number in range(ROUNDS)]
    report = tune.tune(BUNDLE, 0.1)
    assert (report.verdict, report.choice, report.reason) == ("INVALID", None, "")
    (problem,) = report.problems
    assert problem.startswith("{} on {}, {} threads: the later half took".format(*places()[5]))


@pytest.mark.usefixtures("injected")
def test_what_is_not_here_is_told_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = BUNDLE.manifest.ranking[0].backend
    real = opened.open_classifier

    def missing(bundle: object, artifact: str, backend: str, *words: object) -> object:
        if backend == gone:
            raise UnavailableError(f"backend {gone}: its package does not import")
        return real(bundle, artifact, backend, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(opened, "open_classifier", missing)
    report = tune.tune(BUNDLE, 0.1)
    assert report.skipped == (f"backend {gone}: its package does not import",)
    assert all(row.backend != gone for row in report.rows)
    left = next(choice for choice in BUNDLE.manifest.ranking if choice.backend != gone)
    assert report.default == f"{left.artifact} on {left.backend}, 1 thread"


def test_a_bundle_that_ranks_nothing_and_a_duration_that_is_none() -> None:
    with pytest.raises(UnavailableError, match="that is ranked"):
        tune.tune(replace(BUNDLE, manifest=replace(BUNDLE.manifest, ranking=())), 0.1)
    for duration in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="--duration"):
            tune.tune(BUNDLE, duration)


def test_on_this_machine() -> None:
    """Whatever is fastest here: the choice is the bundle's own, or was shown to be faster than that one."""
    few = tuple(choice for choice in BUNDLE.manifest.ranking if BACKENDS[choice.backend].own)[:3]
    report = tune.tune(replace(BUNDLE, manifest=replace(BUNDLE.manifest, ranking=few)), 0.01)
    assert report.choice == report.default or report.rows[0].to_default.high < GAIN
    assert all(row.timing.n >= 3 * ROUNDS for row in report.rows)
    assert report.fingerprint == entry_of(report).fingerprint
