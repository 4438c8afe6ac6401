"""Whether the times are those of the model: what was answered while the clock ran is right, and nothing was remembered.

After the ideas of two of MLPerf's compliance tests: TEST01 (the answers of the performance run are those of the accuracy
run) and TEST04 (the same input again and again is not faster than ever new ones). Both look at a classifier that was
measured, after the measuring.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.bench import timing
from edgeproof.bench.timing import MIN_CALLS, ROUNDS, Ratio, Subject
from edgeproof.errors import IntegrityError

ASKED_AGAIN = 16  # of the kept calls of a row
REST_S = 0.002  # before each question that is asked again: some 30 to 100 times the call of a small model
VISIT_S = 0.005  # of a visit to new inputs, and to the same one
UNSTEADY = 2.0  # times the lower end of an interval: memory answers always alike
CACHED = 0.90  # of the time of new inputs: what repeating one takes at least. Honest models were seen at 0.98 to 1.03


class Answering(Protocol):
    """What of a Classifier is asked here."""

    @property
    def artifact(self) -> Any: ...

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]: ...

    def replay_golden(self) -> None: ...


def faults(
    audited: Iterable[tuple[str, Answering, Subject]], images: NDArray[np.uint8], visit_s: float = VISIT_S
) -> list[str]:
    """What is wrong with the measured rows, each a name, the classifier and what was measured of it: one line per fault.

    images: uint8 (n, *shape). What does not hang on the batch is asked once of each classifier.
    """
    found, seen = [], set()
    for name, classifier, subject in audited:
        said = [wrong_answers(classifier, subject.kept or [])]
        if id(classifier) not in seen:
            seen.add(id(classifier))
            said += [changed_golden(classifier), cached_answers(classifier, images, visit_s)]
        found += [f"{name}: {fault}" for fault in said if fault]
    return found


def wrong_answers(classifier: Answering, kept: Sequence[tuple[NDArray[np.uint8], NDArray[np.float32]]]) -> str:
    """What is wrong with the answers that were `kept` while the clock ran; empty when nothing is.

    Of at most ASKED_AGAIN of them the input is given again, unhurried; a probability may differ by what the artifact's kernels
    may.
    """
    some = [kept[i] for i in sorted({round(i) for i in np.linspace(0, len(kept) - 1, ASKED_AGAIN)})] if kept else []
    # Copied before anything is asked: a classifier that lends its own buffer would overwrite them with the right ones.
    answered = [np.array(answer) for _, answer in some]
    changed = 0
    for (images, _), found in zip(some, answered, strict=True):
        time.sleep(REST_S)
        expected = np.array(classifier.logits(images))
        changed += found.shape != expected.shape or not _same(found, expected, classifier.artifact.tolerance)
    if changed:
        return f"{changed} of {len(some)} answers of timed calls are not those that it gives otherwise"
    return ""


def changed_golden(classifier: Answering) -> str:
    """What is wrong with its answers to the golden inputs, whose labels are known; empty when nothing is."""
    try:
        classifier.replay_golden()
    except IntegrityError as error:
        return f"after the measuring, {error}"
    return ""


def cached_answers(classifier: Answering, images: NDArray[np.uint8], visit_s: float = VISIT_S) -> str:
    """Whether repeating one of `images`, uint8 (n, *shape), is clearly faster than ever new ones; empty when it is not.

    Clearly: by more than 1 − CACHED, and so in 9 of 10 rounds. Slower machines, and a burst of another program, do not do that;
    rounds that differ more than UNSTEADY times, as of two threads on cores that are taken, say nothing.
    """
    ratio = repeated_to_new(classifier, images, visit_s)
    if ratio.high >= CACHED or ratio.high > UNSTEADY * ratio.low:
        return ""
    interval = f"[{ratio.low:.2f}–{ratio.high:.2f}]"
    return f"answers are cached: the same input again takes {ratio.value:.2f} × {interval} the time of a new one"


def repeated_to_new(classifier: Answering, images: NDArray[np.uint8], visit_s: float = VISIT_S) -> Ratio:
    """The time of one and the same input relative to that of ever new ones, in turns of ROUNDS rounds."""
    new, same = _inputs(images, new=True), _inputs(images, new=False)
    for _ in range(MIN_CALLS):
        classifier.logits(images[:1])
    rounds: tuple[list[list[int]], list[list[int]]] = ([], [])
    for number in range(ROUNDS):
        order: list[tuple[Iterator[Any], list[list[int]]]] = [(same, rounds[0]), (new, rounds[1])]
        for inputs, times in order if number % 2 else order[::-1]:
            times.append(timing.time_calls(classifier.logits, inputs, visit_s))
    return timing.compare(*rounds)


def _inputs(images: NDArray[np.uint8], *, new: bool) -> Iterator[NDArray[np.uint8]]:
    """Batches of one image without end: each with a number of its own in its first bytes, so that no two are ever equal, or
    always the very same. The same also takes the work of making a new one: it leaves the CPU's caches as the other does.
    """
    first = images[:1]
    for number in count():
        image = images[number % len(images)][None].copy()
        stamp = list(number.to_bytes(4, "little"))[: image.size]
        image.reshape(-1)[: len(stamp)] = stamp
        yield image if new else first


def _same(found: NDArray[np.float32], expected: NDArray[np.float32], tolerance: float) -> bool:
    return bool(np.abs(scores.softmax(found) - scores.softmax(expected)).max() <= tolerance)
