"""Is release B worse than release A? In accuracy, size and speed, and only where the difference was shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from convert.choose.choice import ratio_text
from convert.proof.gate import described
from convert.run_folder import Run
from convert.statistics import Finding, paired, tango
from edgeproof.bench import timing
from edgeproof.bench.timing import Subject
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.classifier import AUTO, open_classifier
from edgeproof.errors import GateError, UsageError
from edgeproof.scores import REJECT

#: The same file, loaded twice, was seen to differ by some percent in time: memory lands elsewhere. Slower is what is shown
#: to be slower than that; a file that grew by less than a percent has another header, not another model.
SLOWER, LARGER = 1.05, 1.01
_SIGNS: dict[Finding, str] = {"worse": "worse", "better": "better", "not distinguishable": "≈"}


@dataclass(frozen=True)
class Difference:
    """How B compares with A in one respect ("accuracy", "size", "speed"), and the figures in words."""

    respect: str
    finding: Finding
    words: str


def compare_bundles(
    a: Path,
    b: Path,
    run: Run,
    *,
    artifact: str = AUTO,
    backend: str = AUTO,
    seconds: float = 1.0,
    say: Callable[[str], None] = print,
) -> tuple[Difference, ...]:
    """Compare what each bundle would choose here (or `artifact` on `backend`) on all test images of `run`.

    Raises GateError when B is worse in any respect, UsageError when the two do not answer the same question.
    """
    old, new = load_bundle(a), load_bundle(b)
    _check_comparable(old, new, run)
    differences = _differences(old, new, run, artifact=artifact, backend=backend, seconds=seconds, say=say)
    for found in differences:
        say(f"{found.respect:<8}  {_SIGNS[found.finding]:<8}  {found.words}")
    worse = [f"{found.respect} ({found.words})" for found in differences if found.finding == "worse"]
    if worse:
        raise GateError(f"{b} is worse than {a} in {'; '.join(worse)}")
    say("B is not worse than A.")
    return differences


def _differences(
    old: Bundle, new: Bundle, run: Run, *, artifact: str, backend: str, seconds: float, say: Callable[[str], None]
) -> tuple[Difference, ...]:
    test = run.test
    with (
        open_classifier(old, artifact, backend, "cpu", threads=1) as first,
        open_classifier(new, artifact, backend, "cpu", threads=1) as second,
    ):
        for letter, each in (("A", first), ("B", second)):
            manifest = each.bundle.manifest
            say(
                f"{letter}: {manifest.name}, {len(manifest.classes)} classes: {each.facts.artifact} on {each.facts.backend}"
            )
        was, now = (each.logits(test.images).argmax(axis=1) for each in (first, second))
        pairs = paired(was, now, test.labels)
        singles = [test.images[i][None] for i in range(min(1000, len(test.images)))]
        subjects = [Subject(each.logits, cycle(singles)) for each in (second, first)]
        timing.measure_in_turns(subjects, seconds, lambda _: None)
        sizes = second.artifact.bytes / first.artifact.bytes
    low, high = (100 * limit for limit in tango(pairs.lost, pairs.gained, pairs.images))
    ratio = timing.compare(subjects[0].rounds, subjects[1].rounds)
    speed: Finding = "worse" if ratio.low > SLOWER else "better" if ratio.high < 1 / SLOWER else "not distinguishable"
    size: Finding = "worse" if sizes > LARGER else "better" if sizes < 1 / LARGER else "not distinguishable"
    before, after = (100 * float((answers == test.labels).mean()) for answers in (was, now))
    drop = (
        f"{before:.2f} → {after:.2f} %, drop {100 * pairs.drop:.2f} points [{low:.2f}–{high:.2f}]; {described(pairs)}"
    )
    return (
        Difference("accuracy", pairs.verdict, drop),
        Difference("size", size, f"{first.artifact.bytes:,} → {second.artifact.bytes:,} bytes"),
        Difference("speed", speed, f"{ratio_text(ratio)} the time for one image; {SLOWER - 1:.0%} or more count"),
    )


def _check_comparable(old: Bundle, new: Bundle, run: Run) -> None:
    """Either may have the class for what is no class: "reject" is a wrong answer to any of the run's images but its own."""
    for field, expected, found in (
        ("classes", _names(old.manifest.classes), _names(new.manifest.classes)),
        ("input", old.manifest.input, new.manifest.input),
        ("classes of the run", _names(old.manifest.classes), _names(run.record.classes)),
    ):
        if expected != found:
            raise UsageError(f"{field}: A has {expected!r}, found {found!r}: they do not answer the same question")


def _names(classes: tuple[str, ...]) -> tuple[str, ...]:
    return classes[:-1] if classes[-1] == REJECT else classes
