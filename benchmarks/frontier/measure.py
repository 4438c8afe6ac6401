"""Several bundles of one data set beside each other: how often each is right, how much it computes, how long it takes.

    python -m benchmarks frontier BUNDLE BUNDLE …

Of each bundle two artifacts become points: the fastest of those in 8 bits that passed their proof, and fp32.onnx. Accuracy is
what the manifest says of them, and their multiply-accumulates are read from the files. All of them take turns in one process,
each on its own backend and on one thread, so that a busy machine hits them alike.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from benchmarks.frontier import plot, publish
from benchmarks.frontier.report import REFERENCE, SCHEMA, FrontierReport, Point
from benchmarks.roofline.measure import INPUTS, read_work
from edgeproof import scores
from edgeproof.backends import CPU, OWN
from edgeproof.bench import timing
from edgeproof.bench.measure import distinct_inputs
from edgeproof.bench.timing import Subject
from edgeproof.bundle import Bundle, default_bundle, load_bundle
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.cli.bench import progress
from edgeproof.errors import UnavailableError, UsageError
from edgeproof.manifest import Artifact
from edgeproof.support import machine

FLOAT = "fp32.onnx"
EIGHT_BITS = ("int8", "int8-dynamic")  # precisions


@dataclass(frozen=True)
class _Row:
    """An artifact, opened. bundle: the name of its folder. macs: for one image."""

    bundle: str
    classifier: Classifier
    macs: int
    subject: Subject

    @property
    def p50_us(self) -> float:
        return 1000 * timing.summarize(self.subject.rounds).p50_ms


def run(args: argparse.Namespace) -> int:
    """The verb: measure, print, write. Raises UsageError for bundles that cannot be compared, UnavailableError when nothing of
    them works here."""
    from threadpoolctl import threadpool_limits

    timing.check_duration(args.seconds, "--seconds")
    bundles = load(args.bundles or [default_bundle()])
    with threadpool_limits(1):
        report = measure(bundles, args.seconds, progress)
    progress("")
    picture = plot.draw(report)
    print(publish.markdown(report))
    print(*publish.save(report, picture, args.out), sep="\n")
    if args.write:
        print(*publish.write(report, picture, args.write), sep="\n")
    return 0


def load(folders: Sequence[Path]) -> dict[str, Bundle]:
    """The bundles by the names of their folders. Raises UsageError for two of one name, and for one of other data."""
    found: dict[str, Bundle] = {}
    for folder in folders:
        name = folder.absolute().name
        if name in found:
            raise UsageError(f"{folder}: expected a folder of each name, found a second {name}: rename one of them")
        bundle = load_bundle(folder)
        if found:
            _check_data(folder, bundle, *next(iter(found.items())))
        found[name] = bundle
    return found


def _check_data(folder: Path, bundle: Bundle, name: str, first: Bundle) -> None:
    """Accuracies are of one test set, or say nothing beside each other."""
    expected, found = (_data(one) for one in (first, bundle))
    if expected != found:
        raise UsageError(f"{folder}: expected the data of {name} ({expected}), found {found}: leave it out")


def _data(bundle: Bundle) -> str:
    """The data set and its classes in words. A class "reject" is one more thing that a model can say of the same images."""
    data = (bundle.manifest.source or {}).get("data", {})
    classes = [name for name in bundle.manifest.classes if name != scores.REJECT]
    return f"{data.get('name', 'data unknown')} {str(data.get('fingerprint', ''))[:8]}: {', '.join(classes)}"


def measure(
    bundles: Mapping[str, Bundle], seconds: float, progress: Callable[[str], None] = lambda _: None
) -> FrontierReport:
    """Measure each artifact for so many seconds. numpy must be held to one thread by the caller."""
    when, environment = datetime.now(UTC).isoformat(timespec="seconds"), machine.environment()
    skipped: list[str] = []
    with contextlib.ExitStack() as stack:
        rows = [row for name, bundle in bundles.items() for row in _open_all(name, bundle, stack, skipped)]
        if not rows:
            raise UnavailableError("; ".join(skipped))
        timing.measure_in_turns([row.subject for row in rows], seconds, progress)
    reference = next((row for row in rows if _is_reference(row)), None)
    points = [_point(row, reference) for name in bundles for row in _chosen(name, rows, skipped)]
    macs = {point.bundle: point.macs for point in reversed(points)}  # of the 8-bit one, where there is one
    points.sort(key=lambda point: (macs[point.bundle], point.bundle, point.bits))
    return FrontierReport(SCHEMA, "frontier", when, tuple(points), tuple(skipped), environment)


def _open_all(name: str, bundle: Bundle, stack: contextlib.ExitStack, skipped: list[str]) -> Iterator[_Row]:
    """Every artifact that may become a point and works here; why others do not goes to `skipped`."""
    images = distinct_inputs(bundle.golden.images)[:INPUTS]
    for artifact in bundle.manifest.usable:
        if artifact.name != FLOAT and artifact.precision not in EIGHT_BITS:
            continue
        try:
            macs = read_work(bundle.content(artifact), artifact.format).macs
            opened = open_classifier(bundle, artifact.name, OWN[artifact.format], CPU, 1)
        except (UnavailableError, UsageError) as error:
            skipped.append(f"{name}, {artifact.name}: {error}")
            continue
        classifier = stack.enter_context(opened)
        calls = cycle([images[place : place + 1] for place in range(len(images))])
        yield _Row(name, classifier, macs, Subject(classifier.logits, calls))


def _is_reference(row: _Row) -> bool:
    return (row.bundle, row.classifier.artifact.name) == (REFERENCE, FLOAT)


def _chosen(name: str, rows: Sequence[_Row], skipped: list[str]) -> Iterator[_Row]:
    """The fastest in 8 bits and the one in float of a bundle; what it has not goes to `skipped`."""
    own = [row for row in rows if row.bundle == name]
    eight = [row for row in own if row.classifier.artifact.name != FLOAT]
    if eight:
        yield min(eight, key=lambda row: row.p50_us)
    elif own:
        skipped.append(f"{name}: no artifact in 8 bits that passed its proof and works here")
    yield from (row for row in own if row not in eight)


def _point(row: _Row, reference: _Row | None) -> Point:
    artifact: Artifact = row.classifier.artifact
    took = timing.summarize(row.subject.rounds)
    return Point(
        bundle=row.bundle,
        artifact=artifact.name,
        backend=row.classifier.facts.backend,
        bits=32 if artifact.name == FLOAT else 8,
        macs=row.macs,
        bytes=artifact.bytes,
        correct=artifact.correct,
        images=artifact.images,
        accuracy_low=artifact.accuracy_low,
        accuracy_high=artifact.accuracy_high,
        p50_us=1000 * took.p50_ms,
        p50_low_us=1000 * took.p50_low_ms,
        p50_high_us=1000 * took.p50_high_ms,
        drifted=took.drifted,
        to_reference=timing.compare(row.subject.rounds, reference.subject.rounds) if reference else None,
    )
