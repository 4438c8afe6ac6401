"""How near each artifact of a bundle comes to what one core can do, and where the rest of its time goes.

    python -m benchmarks roofline

Everything takes turns in one process and on one thread: the peaks, every usable artifact on its own backend (images in,
logits out, 1 and 64 of them), the runtime's bare call (`benchmarks.bare`), and that of a model with nothing to compute. Times
per operator come from runs of their own.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bare import BARE
from benchmarks.roofline import one_operator, onnx_file, peaks, plot, profiles, publish, tflite_file
from benchmarks.roofline.operations import Work
from benchmarks.roofline.report import SCHEMA, Call, Peak, Point, Profile, RooflineReport
from edgeproof.backends import OWN
from edgeproof.bench import timing
from edgeproof.bench.measure import distinct_inputs
from edgeproof.bench.opened import Wanted, open_all
from edgeproof.bench.timing import Subject
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.classifier import Classifier, encode, largest_batch
from edgeproof.cli.bench import progress
from edgeproof.errors import UsageError
from edgeproof.manifest import Artifact, Format
from edgeproof.support import machine

MANY = 64  # images of a large call
INPUTS = 256  # different images that one image is taken from


@dataclass(frozen=True)
class _Subjects:
    """What is timed of one artifact: by batch size images in and logits out; the runtime's bare call of one image, and of one
    through a model with nothing to compute."""

    classifier: Classifier
    work: Work
    whole: dict[int, Subject]
    run: Subject
    empty: Subject


def run(args: argparse.Namespace) -> int:
    """The verb: measure, print, write. Raises UnavailableError when no artifact works here, BenchmarkError where a document is to
    be written while others use the machine."""
    from threadpoolctl import threadpool_limits

    if args.write:
        publish.check_quiet(machine.environment())
    bundle = load_bundle(args.bundle)
    timing.check_duration(args.seconds, "--seconds")
    with threadpool_limits(1):
        report = measure(bundle, args.seconds, progress)
    progress("")
    picture = plot.draw(report)
    print(publish.markdown(report))
    print(*publish.save(report, picture, args.out), sep="\n")
    if args.write:
        print(*publish.write(report, picture, args.write), sep="\n")
    return 0


def measure(bundle: Bundle, seconds: float, tell: Callable[[str], None] = lambda _: None) -> RooflineReport:
    """Measure `bundle`, each subject for so many seconds. numpy must be held to one thread by the caller."""
    when, environment = datetime.now(UTC).isoformat(timespec="seconds"), machine.environment()
    images = distinct_inputs(bundle.golden.images)[:INPUTS]
    with contextlib.ExitStack() as stack:
        skipped: list[str] = []
        works: dict[str, Work] = {}
        subjects = [
            _subjects(stack.enter_context(classifier), works[artifact], images)
            for (artifact, *_), classifier in open_all(bundle, _readable(bundle, works, skipped), skipped)
        ]
        probes = peaks.probes()
        timed = [probe.subject for probe in probes] + [one for row in subjects for one in _timed(row)]
        timing.measure_in_turns(timed, seconds, tell)
    found = peaks.best(probes)
    return RooflineReport(
        schema=SCHEMA,
        type="roofline",
        time=when,
        bundle=bundle.manifest.name,
        default=subjects[0].classifier.facts.artifact,
        peaks=found,
        points=tuple(_point(row, batch, found) for row in subjects for batch in row.whole),
        calls=tuple(_call(row) for row in subjects),
        profiles=tuple(_profiles(subjects, images)),
        skipped=tuple(skipped),
        environment=environment,
    )


def read_work(content: bytes, format: Format) -> Work:
    """Of a .onnx or .tflite file. Raises UsageError where the arithmetic of an operator is not known."""
    found = tuple({"onnx": onnx_file.operations, "tflite": tflite_file.operations}[format](content))
    if not found:
        raise UsageError("expected a model that multiplies with weights, found none")
    return Work(found)


def _readable(bundle: Bundle, works: dict[str, Work], skipped: list[str]) -> Iterator[Wanted]:
    """Every usable artifact on its own backend, the best ranked first, its arithmetic put into `works`; where that is not known,
    `skipped` says so."""
    ranked = {choice.artifact: place for place, choice in reversed(list(enumerate(bundle.manifest.ranking)))}
    for artifact in sorted(bundle.manifest.usable, key=lambda row: ranked.get(row.name, len(ranked))):
        try:
            works[artifact.name] = read_work(bundle.content(artifact), artifact.format)
        except UsageError as error:
            skipped.append(f"{artifact.name}: {error}")
            continue
        yield artifact.name, OWN[artifact.format], 1


def _subjects(classifier: Classifier, work: Work, images: NDArray[np.uint8]) -> _Subjects:
    artifact, backend = classifier.artifact, classifier.facts.backend
    content = classifier.bundle.content(artifact)
    assert artifact.input is not None
    encoded = encode(images, artifact.input)
    many = min(MANY, largest_batch(images.shape[1:]))
    bare, empty = map(BARE[backend], (content, one_operator.nothing(artifact.input, artifact.format)))
    return _Subjects(
        classifier,
        work,
        {size: Subject(classifier.logits, cycle(_calls(images, size))) for size in dict.fromkeys((1, many))},
        Subject(bare, cycle(_calls(encoded, 1))),
        Subject(empty, cycle(_calls(encoded, 1))),
    )


def _calls(images: NDArray[Any], size: int) -> list[NDArray[Any]]:
    """Contiguous slices of `size` images that begin at every image."""
    ring = np.resize(images, (len(images) + size - 1, *images.shape[1:]))
    return [ring[start : start + size] for start in range(len(images))]


def _timed(row: _Subjects) -> tuple[Subject, ...]:
    return (*row.whole.values(), row.run, row.empty)


def _point(row: _Subjects, batch: int, found: tuple[Peak, ...]) -> Point:
    per_second = {peak.kind: peak.per_second for peak in found}  # 1e9, so that one takes a nanosecond / per_second
    peak_us = sum(2e-3 * one.macs / per_second[one.arithmetic] for one in row.work.operations)
    moved = row.work.bytes_per_image(batch)
    return Point(
        artifact=row.classifier.facts.artifact,
        backend=row.classifier.facts.backend,
        batch=batch,
        macs=row.work.macs,
        int8_macs=sum(one.macs for one in row.work.operations if one.arithmetic == "int8"),
        bytes=moved,
        p50_us=1000 * timing.summarize(row.whole[batch].rounds).p50_ms / batch,
        p10_us=_p10_us(row.whole[batch]) / batch,
        peak_us=peak_us,
        roof_us=max(peak_us, 1e-3 * moved / per_second[peaks.CACHE]),
    )


def _call(row: _Subjects) -> Call:
    facts = row.classifier.facts
    return Call(facts.artifact, facts.backend, _p10_us(row.whole[1]), _p10_us(row.run), _p10_us(row.empty))


def _p10_us(subject: Subject) -> float:
    return peaks.p10_ns(subject.rounds) / 1000


def _profiles(subjects: list[_Subjects], images: NDArray[np.uint8]) -> Iterator[Profile]:
    """Of the best ranked artifact of each backend."""
    first = {row.classifier.facts.backend: row for row in reversed(subjects)}
    for backend, row in first.items():
        artifact: Artifact = row.classifier.artifact
        assert artifact.input is not None
        encoded = encode(images[: max(row.whole)], artifact.input)
        yield profiles.profile(artifact, row.classifier.bundle.content(artifact), backend, row.work, encoded)
