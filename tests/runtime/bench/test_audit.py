"""What a benchmark must not believe: answers that are remembered, given wrongly in a hurry, or lent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.bench import audit, measure, timing
from edgeproof.bench.report import Settings, check
from edgeproof.bench.timing import Ratio, Subject
from edgeproof.bundle import load_bundle
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.errors import BenchmarkError

BUNDLE = load_bundle()
SMALL = min(BUNDLE.manifest.usable, key=lambda row: row.bytes).name
IMAGES = measure.distinct_inputs(BUNDLE.golden.images)
Images, Logits = NDArray[np.uint8], NDArray[np.float32]
Answer = Callable[[Images], Logits]


@pytest.fixture
def honest() -> Iterator[Classifier]:
    with open_classifier(BUNDLE, SMALL) as classifier:
        yield classifier


class Cheat:
    """A classifier whose answers go through `cheating`, which may ask the honest one."""

    def __init__(self, honest: Classifier, cheating: Callable[[Images, Answer], Logits]) -> None:
        self._honest, self._cheating = honest, cheating
        self.artifact = honest.artifact

    def logits(self, images: Images) -> Logits:
        return self._cheating(images, self._honest.logits)

    def replay_golden(self) -> None:
        self._honest.replay_golden()


def remembering() -> Callable[[Images, Answer], Logits]:
    known: dict[bytes, Logits] = {}

    def answer(images: Images, ask: Answer) -> Logits:
        key = images.tobytes()
        if key not in known:
            known[key] = ask(images)
        return known[key]

    return answer


def hurried() -> Callable[[Images, Answer], Logits]:
    """Says the class after the right one when it was asked less than a millisecond ago."""
    last = [0.0]

    def answer(images: Images, ask: Answer) -> Logits:
        found = ask(images)
        in_haste, last[0] = time.monotonic() - last[0] < 0.001, time.monotonic()
        return np.roll(found, 1, axis=1) if in_haste else found

    return answer


def lending() -> Callable[[Images, Answer], Logits]:
    """Gives its own buffer, which the next call overwrites."""
    buffer = np.zeros((1, len(BUNDLE.manifest.classes)), np.float32)

    def answer(images: Images, ask: Answer) -> Logits:
        buffer[:] = ask(images)
        return buffer

    return answer


def measured(classifier: Any) -> Subject:
    subject = Subject(classifier.logits, cycle([image[None] for image in IMAGES]), kept=[])
    timing.measure_in_turns([subject], 0.1, lambda _: None)
    return subject


@pytest.mark.timed
def test_an_honest_classifier_has_no_fault(honest: Classifier) -> None:
    subject = measured(honest)
    assert len(subject.kept or []) >= timing.ROUNDS
    assert audit.faults([("row", honest, subject)], IMAGES) == []


@pytest.mark.timed
@pytest.mark.target("T23")
def test_remembered_answers_are_found(honest: Classifier) -> None:
    """A cache takes microseconds; the bound is nine tenths of the model's. An unsteady moment says nothing: once more then."""
    cheat = Cheat(honest, remembering())
    (fault,) = next(filter(None, (audit.faults([("row", cheat, measured(cheat))], IMAGES) for _ in range(5))))
    assert fault.startswith("row: answers are cached: the same input again takes 0.")


@pytest.mark.timed
@pytest.mark.parametrize("cheating", [hurried, lending])
@pytest.mark.target("T23")
def test_answers_that_are_wrong_only_while_the_clock_runs_are_found(
    honest: Classifier, cheating: Callable[[], Callable[[Images, Answer], Logits]]
) -> None:
    cheat = Cheat(honest, cheating())
    fault = audit.wrong_answers(cheat, measured(cheat).kept or [])
    changed, _, asked = fault.split()[:3]
    assert int(changed) >= int(asked) / 2  # some calls of a busy machine are further apart than the cheat looks
    assert "answers of timed calls are not those that it gives otherwise" in fault


def test_of_the_kept_answers_some_are_asked_again(honest: Classifier) -> None:
    kept = [(image[None], honest.logits(image[None])) for image in IMAGES[:100]]
    assert audit.wrong_answers(honest, kept) == ""
    assert audit.wrong_answers(honest, []) == ""
    kept[-1] = (kept[-1][0], np.roll(kept[-1][1], 1, axis=1))
    assert audit.wrong_answers(honest, kept).startswith(f"1 of {audit.ASKED_AGAIN} answers")


def test_golden_answers_that_changed_are_a_fault(honest: Classifier) -> None:
    tired = [False]
    answer = honest._run

    def run(images: NDArray[Any]) -> NDArray[Any]:
        return np.roll(answer(images), tired[0], axis=1)

    honest._run = run  # type: ignore[method-assign]
    assert audit.changed_golden(honest) == ""
    tired[0] = True
    assert audit.changed_golden(honest).startswith(f"after the measuring, golden: {SMALL} on")


def test_new_inputs_are_all_different_and_the_same_one_is_one() -> None:
    new, same = audit._inputs(IMAGES[:3], new=True), audit._inputs(IMAGES[:3], new=False)
    assert len({next(new).tobytes() for _ in range(1000)}) == 1000
    assert len({id(next(same).base) for _ in range(5)}) == 1
    assert next(new).shape == next(same).shape == (1, 28, 28)


@pytest.mark.parametrize(
    ("low", "high", "cached"), [(0.5, 0.89, True), (0.5, 0.91, False), (0.5, 1.3, False), (0.03, 0.84, False)]
)
def test_cached_means_clearly_faster_in_nearly_all_rounds(
    honest: Classifier, monkeypatch: pytest.MonkeyPatch, low: float, high: float, cached: bool
) -> None:
    monkeypatch.setattr(audit, "repeated_to_new", lambda *_: Ratio(0.5, low, high))
    assert bool(audit.cached_answers(honest, IMAGES)) is cached


@pytest.mark.timed
@pytest.mark.target("T23")
def test_a_cheat_makes_the_benchmark_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, known = Classifier.logits, {}

    def remembered(self: Classifier, images: Images) -> Logits:
        key = (id(self), images.tobytes())
        if key not in known:
            known[key] = answer(self, images)
        return known[key]

    monkeypatch.setattr(Classifier, "logits", remembered)
    report = measure.measure(BUNDLE, Settings(duration_s=0.1, starts=1, artifact=SMALL, baseline=SMALL, threads=(1,)))
    assert report.verdict == "INVALID"
    with pytest.raises(BenchmarkError, match=rf"{SMALL} on \w+, 1 threads, batch 1: answers are cached.*not the times"):
        check(report)
