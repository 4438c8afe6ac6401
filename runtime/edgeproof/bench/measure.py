"""`edgeproof bench`: latency, memory and start-up of every usable artifact on every backend that is present.

How it measures, `edgeproof bench --help` says; the arithmetic is in `edgeproof.bench.timing`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from edgeproof.backends import BACKENDS
from edgeproof.bench import audit, cold_start, placement, timing
from edgeproof.bench.opened import Wanted, open_all
from edgeproof.bench.report import SCHEMA, Footprint, Report, Row, Settings, row_name
from edgeproof.bench.timing import Subject, Timing
from edgeproof.bundle import Bundle
from edgeproof.classifier import AUTO, Classifier, Facts, encode
from edgeproof.errors import BenchmarkError, UsageError
from edgeproof.input_contract import at_once
from edgeproof.support import machine, tables
from edgeproof.support.machine import Environment

BATCHES = (1, 64)
SEED = 0
MAX_VALUES = 2**26  # values of pixels of all inputs together: they are held, with what they are made of
SHOWN = 5  # nodes that a problem names
BUSY = 0.5  # load per usable CPU before we start, from which a warning is given
Guests = Mapping[Facts, Callable[[NDArray[np.uint8]], object]]  # what else is measured, by how its row calls it

Nodes = dict[str, tuple[str, ...]]  # by provider, as `placement` gives them


@dataclass(frozen=True)
class _Key:
    """What is measured: a classifier by its facts, CPU threads, glyphs per call."""

    facts: Facts
    threads: int
    batch: int

    @property
    def group(self) -> tuple[int, int]:
        return self.threads, self.batch

    @property
    def name(self) -> str:
        return row_name(self.facts.artifact, self.facts.backend, self.threads, self.batch)

    @property
    def pair(self) -> tuple[str, str]:
        return self.facts.artifact, self.facts.backend


def measure(
    bundle: Bundle,
    settings: Settings,
    progress: Callable[[str], None] = lambda _: None,
    guests: Guests | None = None,
) -> Report:
    """Measure `bundle`. Raises UnavailableError when no artifact works here, UsageError for unknown names, BenchmarkError where
    it is not known which provider ran a graph.

    guests: what else takes one image uint8 (1, *shape), on one thread, and is measured in the same turns.

    A report with verdict "INVALID" is returned, not raised: its figures say what went wrong.
    """
    before = machine.environment()
    when = datetime.now(UTC).isoformat(timespec="seconds")
    glyphs = distinct_inputs(bundle.golden.images)
    skipped: list[str] = []
    with contextlib.ExitStack() as stack:
        classifiers = [
            (stack.enter_context(classifier), threads)
            for (*_, threads), classifier in open_all(bundle, _wanted(bundle, settings), skipped, settings.device)
        ]
        pairs = dict.fromkeys((classifier.facts.artifact, classifier.facts.backend) for classifier, _ in classifiers)
        nodes = {pair: _nodes(bundle, pair[0], settings.device) for pair in pairs if pair[1] == "onnxruntime"}
        subjects, faults = _measure_rows(classifiers, glyphs, settings, guests or {}, progress)
    rows, baseline = _rows(subjects, settings, nodes)
    footprints = []
    for artifact, backend in pairs:
        progress(f"start-up and memory: {artifact} on {backend}")
        try:
            footprints.append(_footprint(bundle, artifact, backend, settings))
        except BenchmarkError as error:  # what was measured before is no less true
            skipped.append(f"start-up and memory of {artifact} on {backend}: {error}")
    problems = _problems(rows, nodes)
    return Report(
        schema=SCHEMA,
        type="bench",
        time=when,
        bundle=bundle.manifest.name,
        manifest_sha256=bundle.manifest_sha256,
        settings=settings,
        inputs=len(glyphs),
        baseline=baseline,
        verdict="INVALID" if problems or faults else "valid",
        problems=problems,
        faults=faults,
        warnings=warnings_of(before, [row.warm for row in rows]),
        skipped=tuple(skipped),
        rows=rows,
        footprints=tuple(footprints),
        environment=before,
        load_1m_after=os.getloadavg()[0],
    )


def _measure_rows(
    classifiers: Sequence[tuple[Classifier, int]],
    glyphs: NDArray[np.uint8],
    settings: Settings,
    guests: Guests,
    progress: Callable[[str], None],
) -> tuple[dict[_Key, Subject], tuple[str, ...]]:
    """Every (classifier, threads) with every batch, and the guests, in turns; then what is wrong with the classifiers: a
    device that failed meanwhile, and what the audit finds."""
    keys = {
        _Key(classifier.facts, threads, batch): classifier for batch in BATCHES for classifier, threads in classifiers
    }
    subjects = {
        key: Subject(classifier.logits, cycle(batches(glyphs, key.batch)), kept=[]) for key, classifier in keys.items()
    }
    others = {_Key(facts, 1, 1): Subject(call, cycle(batches(glyphs, 1))) for facts, call in guests.items()}
    timing.measure_in_turns([*subjects.values(), *others.values()], settings.duration_s, progress)
    progress("audit: answers of timed calls, and whether any are cached")
    audited = [(key.name, classifier, subjects[key]) for key, classifier in keys.items()]
    faults = [f"{key.name}: {one.facts.degraded}" for key, one in keys.items() if one.facts.degraded]
    faults += audit.faults(audited, glyphs, min(audit.VISIT_S, settings.duration_s / timing.ROUNDS))
    return subjects | others, tuple(faults)


def drifts(timings: Mapping[str, Timing]) -> tuple[str, ...]:
    """Which rows, by name, describe no steady state, in words: with one of them a measurement is invalid."""
    return tuple(
        f"{name}: the later half took {times.drift:+.0%} of the earlier half's time"
        for name, times in timings.items()
        if times.drifted
    )


def distinct_inputs(golden: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1,600 or more different images uint8 (M, *shape) from the golden images (n, *shape); of large ones, 64 MB of
    them, or each golden image once.

    Each is shifted by −2..2 pixels on both axes (25 ways), and gets noise of 0..7 grey levels so that no two are equal.
    """
    rng = np.random.default_rng(SEED)
    repeats = -(-64 // len(golden))  # a bundle may carry fewer than 64 golden images; the noise tells repeats apart
    shifts = [(row, column) for row in range(-2, 3) for column in range(-2, 3)]
    held = (shifts * repeats)[: at_once(golden.shape, len(shifts) * repeats, MAX_VALUES)]
    shifted = np.concatenate([np.roll(golden, shift, axis=(1, 2)) for shift in held])
    noise = rng.integers(0, 8, shifted.shape, dtype=np.uint8)
    noisy: NDArray[np.uint8] = np.where(shifted > 247, shifted - noise, shifted + noise)
    return rng.permutation(noisy)


def batches(glyphs: NDArray[np.uint8], batch: int) -> list[NDArray[np.uint8]]:
    """Contiguous slices of `batch` glyphs that begin at every glyph: as many different inputs as there are glyphs."""
    ring = np.resize(glyphs, (len(glyphs) + batch - 1, *glyphs.shape[1:]))
    return [ring[start : start + batch] for start in range(len(glyphs))]


def _wanted(bundle: Bundle, settings: Settings) -> Iterator[Wanted]:
    """What the settings ask for. Raises UsageError for unknown names."""
    known = {row.name for row in bundle.manifest.usable}
    for name in {settings.artifact, settings.baseline} - {AUTO}:
        if name not in known:
            raise UsageError(
                f"artifact {name}: not usable in bundle {bundle.manifest.name}{tables.nearest(name, known)}"
            )
    for row in bundle.manifest.usable:
        for backend, runtime in BACKENDS.items():
            wanted = settings.artifact == AUTO or row.name in (settings.artifact, settings.baseline_artifact)
            if wanted and settings.backend in (AUTO, backend) and runtime.takes(row, settings.device):
                for threads in settings.threads or dict.fromkeys((1, machine.physical_cores())):
                    yield row.name, backend, threads


def _nodes(bundle: Bundle, artifact: str, device: str) -> Nodes:
    """Which provider ran which nodes of `artifact`, from a run of its own: with a profile it is slower.

    Raises BenchmarkError when the profile does not say.
    """
    row = bundle.manifest.artifact(artifact)
    assert row.input is not None
    images = encode(bundle.golden.images[:1], row.input)
    nodes = placement.placement(placement.profile(bundle.content(row), device, images))
    if not nodes:
        raise BenchmarkError(f"{artifact}: expected a profile that says where each node ran, found no node in it")
    return nodes


def _rows(
    subjects: Mapping[_Key, Subject], settings: Settings, nodes: Mapping[tuple[str, str], Nodes]
) -> tuple[tuple[Row, ...], str]:
    """Each subject as a row with its ratios, and the baseline's name."""
    base = next((key for key in subjects if key.facts.artifact == settings.baseline_artifact), next(iter(subjects)))
    rows: list[Row] = []
    for key, subject in subjects.items():
        peers = {other: peer for other, peer in subjects.items() if other.group == key.group}
        same = [peer for other, peer in peers.items() if other.pair == base.pair]
        fastest = min(peers.values(), key=lambda peer: float(np.median(timing.round_medians(peer.rounds))))
        rows.append(
            Row(
                artifact=key.facts.artifact,
                backend=key.facts.backend,
                provider=key.facts.provider,
                version=key.facts.version,
                threads=key.threads,
                batch=key.batch,
                warm=subject.warm,
                timing=timing.summarize(subject.rounds),
                to_baseline=timing.compare(subject.rounds, same[0].rounds) if same else None,
                to_fastest=None if fastest is subject else timing.compare(subject.rounds, fastest.rounds),
                nodes={provider: len(names) for provider, names in nodes.get(key.pair, {}).items()},
            )
        )
    return tuple(rows), f"{base.facts.artifact} on {base.facts.backend}"


def _problems(rows: Sequence[Row], nodes: Mapping[tuple[str, str], Nodes]) -> tuple[str, ...]:
    """Why the figures cannot be trusted: nodes on another provider, once for each artifact, then rows that drifted."""
    found = {}
    for row in rows:
        if row.misplaced:
            ran = nodes[row.artifact, row.backend]
            strays = [f"{name} on {provider}" for provider in ran.keys() - {row.provider} for name in ran[provider]]
            found[row.artifact] = (
                f"{row.artifact} on {row.backend}: expected all {sum(row.nodes.values())} nodes on {row.provider}, found "
                f"{len(strays)} elsewhere ({', '.join(strays[:SHOWN])}{', …' if len(strays) > SHOWN else ''})"
            )
    return (*found.values(), *drifts({row.name: row.timing for row in rows}))


def _footprint(bundle: Bundle, artifact: str, backend: str, settings: Settings) -> Footprint:
    starts = [
        cold_start.launch(bundle.path, bundle.manifest_sha256, artifact, backend, settings.device)
        for _ in range(settings.starts)
    ]
    starts.sort(key=lambda start: start.total_ms)
    peaks = [start.peak_mib for start in starts if start.peak_mib is not None]
    median = replace(starts[len(starts) // 2], peak_mib=max(peaks, default=None))
    return Footprint(artifact, backend, bundle.manifest.artifact(artifact).bytes, len(starts), median)


def busy(environment: Environment) -> str:
    """Whether other programs take the CPU before the start, in words; empty when they do not."""
    if environment.load_1m <= BUSY * environment.usable_cpus:
        return ""
    cpus = environment.usable_cpus
    return f"other programs are running (load {environment.load_1m:.1f} on {cpus} CPUs before the start)"


def warnings_of(environment: Environment, warm: Sequence[bool]) -> tuple[str, ...]:
    """What makes figures less sure, in words. environment: before the start. warm: of each row, whether it became steady."""
    found = []
    if others := busy(environment):
        found.append(f"{others}: figures are higher and less sure than on a quiet machine")
    if environment.governor not in (None, "performance"):
        found.append(f"the CPU's frequency policy is '{environment.governor}': figures include its ups and downs")
    restless = warm.count(False)
    if restless:
        found.append(f"{restless} of {len(warm)} rows did not settle within the warm-up's limit")
    return tuple(found)
