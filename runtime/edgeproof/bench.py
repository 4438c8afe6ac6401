"""`edgeproof bench`: latency, memory and start-up of every usable artifact on every backend that is present.

How it measures, so that a stranger may believe the figures (the arithmetic is in `edgeproof.timing`):

- One call = glyphs uint8 in → logits float32 out, as the reader calls it (encode, run, dequantize), on the thread that waits.
- Warm-up until three windows agree within 2 %, at least 200 ms and 10 calls. Then 10 rounds; in each, every configuration is
  visited once in an order drawn by a fixed seed, so that drift of the machine hits all alike.
- The inputs rotate through 1,600 different glyphs: the golden images shifted by up to 2 pixels, with faint noise.
- A figure that drifted is reported and makes the whole benchmark INVALID (exit 7). Nothing is clipped.
- Memory and cold start come from child processes of their own (`edgeproof.coldstart`), after the latencies.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeproof import bench_table, coldstart, files, machine, tables, timing
from edgeproof.backends import FORMATS
from edgeproof.bundle import MANIFEST, Bundle, load_bundle
from edgeproof.classify import AUTO, Classifier, Device, Facts, open_classifier
from edgeproof.coldstart import Start
from edgeproof.errors import BenchmarkError, IntegrityError, UnavailableError, UsageError
from edgeproof.machine import Environment
from edgeproof.timing import Ratio, Subject, Timing

SCHEMA = 1
BATCHES = (1, 64)
SEED = 0
BUSY = 0.5  # load per usable CPU before we start, from which a warning is given


@dataclass(frozen=True)
class Settings:
    """What to measure.

    duration_s: measuring time per row, seconds; starts: child processes per artifact and backend for the cold start.
    artifact, backend: a name, or "auto" for all. threads: counts to measure; empty = 1 and all physical cores.
    baseline: artifact whose time is 1.0 in the ratios, "auto" = fp32.onnx, or the first row where there is none.
    """

    duration_s: float = 1.0
    starts: int = 3
    artifact: str = AUTO
    backend: str = AUTO
    device: Device = "cpu"
    threads: tuple[int, ...] = ()
    baseline: str = AUTO

    @property
    def baseline_artifact(self) -> str:
        return "fp32.onnx" if self.baseline == AUTO else self.baseline

    def __post_init__(self) -> None:
        if not 0.001 <= self.duration_s <= 3600:
            raise ValueError(f"duration: expected 0.001..3600 seconds per row, found {self.duration_s:g}")


@dataclass(frozen=True)
class Row:
    """One configuration and its times.

    warm: whether warm-up reached a steady state within its limit.
    to_baseline: time relative to the baseline with the same threads and batch; null where that was not measured.
    to_fastest: time relative to the fastest row with the same threads and batch, null for that row itself.
    """

    artifact: str
    backend: str
    provider: str
    version: str
    threads: int
    batch: int
    warm: bool
    timing: Timing
    to_baseline: Ratio | None
    to_fastest: Ratio | None

    @property
    def name(self) -> str:
        return f"{self.artifact} on {self.backend}, {self.threads} threads, batch {self.batch}"

    @property
    def among_fastest(self) -> bool:
        return self.to_fastest is None or not self.to_fastest.distinguishable


@dataclass(frozen=True)
class Footprint:
    """What one artifact costs besides time: size of its file in bytes, and the start with the median total."""

    artifact: str
    backend: str
    bytes: int
    starts: int
    start: Start


@dataclass(frozen=True)
class Report:
    """One benchmark. baseline: "<artifact> on <backend>". skipped: what is not here, and why. problems: why it is invalid."""

    schema: int
    type: Literal["bench"]
    time: str
    bundle: str
    manifest_sha256: str
    settings: Settings
    inputs: int
    baseline: str
    verdict: Literal["valid", "INVALID"]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    skipped: tuple[str, ...]
    rows: tuple[Row, ...]
    footprints: tuple[Footprint, ...]
    environment: Environment
    load_1m_after: float


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
    def pair(self) -> tuple[str, str]:
        return self.facts.artifact, self.facts.backend


def measure(bundle: Bundle, settings: Settings, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Measure `bundle`. Raises UnavailableError when no artifact works here, UsageError for unknown names.

    A report with verdict "INVALID" is returned, not raised: its figures say what went wrong.
    """
    before = machine.environment()
    when = datetime.now(UTC).isoformat(timespec="seconds")
    glyphs = distinct_inputs(bundle.golden.images)
    with contextlib.ExitStack() as stack:
        classifiers, skipped = _open_all(bundle, settings, stack)
        subjects = {
            _Key(classifier.facts, threads, batch): Subject(classifier.logits, cycle(_batches(glyphs, batch)))
            for batch in BATCHES
            for classifier, threads in classifiers
        }
        timing.measure_in_turns(list(subjects.values()), settings.duration_s, progress)
    rows, baseline = _rows(subjects, settings)
    pairs = dict.fromkeys((classifier.facts.artifact, classifier.facts.backend) for classifier, _ in classifiers)
    footprints = []
    for artifact, backend in pairs:
        progress(f"start-up and memory: {artifact} on {backend}")
        footprints.append(_footprint(bundle, artifact, backend, settings))
    problems = tuple(
        f"{row.name}: the later half took {row.timing.drift:+.0%} of the earlier half's time"
        for row in rows
        if row.timing.drifted
    )
    return Report(
        schema=SCHEMA,
        type="bench",
        time=when,
        bundle=bundle.manifest.name,
        manifest_sha256=files.sha256(bundle.path / MANIFEST),
        settings=settings,
        inputs=len(glyphs),
        baseline=baseline,
        verdict="INVALID" if problems else "valid",
        problems=problems,
        warnings=_warnings(before, rows),
        skipped=skipped,
        rows=rows,
        footprints=tuple(footprints),
        environment=before,
        load_1m_after=os.getloadavg()[0],
    )


def distinct_inputs(golden: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1,600 or more different glyphs uint8 (M, 28, 28) from the golden images (n, 28, 28).

    Each is shifted by −2..2 pixels on both axes (25 ways), and gets noise of 0..7 grey levels so that no two are equal.
    """
    rng = np.random.default_rng(SEED)
    repeats = -(-64 // len(golden))  # a bundle may carry fewer than 64 golden images; the noise tells repeats apart
    shifts = [(row, column) for row in range(-2, 3) for column in range(-2, 3)]
    shifted = np.concatenate([np.roll(golden, shift, axis=(1, 2)) for shift in shifts * repeats])
    noise = rng.integers(0, 8, shifted.shape, dtype=np.uint8)
    noisy: NDArray[np.uint8] = np.where(shifted > 247, shifted - noise, shifted + noise)
    return rng.permutation(noisy)


def _batches(glyphs: NDArray[np.uint8], batch: int) -> list[NDArray[np.uint8]]:
    """Contiguous slices of `batch` glyphs that begin at every glyph: as many different inputs as there are glyphs."""
    ring = np.concatenate([glyphs, glyphs[: batch - 1]])
    return [ring[start : start + batch] for start in range(len(glyphs))]


def _open_all(
    bundle: Bundle, settings: Settings, stack: contextlib.ExitStack
) -> tuple[list[tuple[Classifier, int]], tuple[str, ...]]:
    """Every (classifier, threads) that works here, and why the others do not."""
    known = {row.name for row in bundle.manifest.usable}
    for name in {settings.artifact, settings.baseline} - {AUTO}:
        if name not in known:
            raise UsageError(
                f"artifact {name}: not usable in bundle {bundle.manifest.name}{tables.nearest(name, known)}"
            )
    ranked = {(choice.artifact, choice.backend) for choice in bundle.manifest.ranking}
    opened: list[tuple[Classifier, int]] = []
    skipped: dict[str, None] = {}
    for row in bundle.manifest.usable:
        for backend, kind in FORMATS.items():
            wanted = settings.artifact == AUTO or row.name in (settings.artifact, settings.baseline_artifact)
            if kind != row.format or not wanted or settings.backend not in (AUTO, backend):
                continue
            if settings.device != "cpu" and (row.format != "onnx" or row.integer):
                continue  # a GPU takes a float ONNX artifact
            for threads in settings.threads or dict.fromkeys((1, machine.physical_cores())):
                try:
                    classifier = open_classifier(bundle, row.name, backend, settings.device, threads)
                except UnavailableError as error:
                    skipped[str(error)] = None
                    continue
                except IntegrityError as error:
                    if settings.backend != AUTO or (row.name, backend) in ranked:
                        raise
                    skipped[f"{row.name} on {backend}: {error}"] = None  # never proven there: no claim is broken
                    continue
                opened.append((stack.enter_context(classifier), threads))
    if not opened:
        raise UnavailableError("; ".join(skipped) or f"no artifact of {bundle.manifest.name} fits the flags")
    return opened, tuple(skipped)


def _rows(subjects: Mapping[_Key, Subject], settings: Settings) -> tuple[tuple[Row, ...], str]:
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
            )
        )
    return tuple(rows), f"{base.facts.artifact} on {base.facts.backend}"


def _footprint(bundle: Bundle, artifact: str, backend: str, settings: Settings) -> Footprint:
    starts = [coldstart.launch(bundle.path, artifact, backend, settings.device) for _ in range(settings.starts)]
    starts.sort(key=lambda start: start.total_ms)
    peaks = [start.peak_mib for start in starts if start.peak_mib is not None]
    median = replace(starts[len(starts) // 2], peak_mib=max(peaks, default=None))
    return Footprint(artifact, backend, bundle.manifest.artifact(artifact).bytes, len(starts), median)


def _warnings(environment: Environment, rows: Sequence[Row]) -> tuple[str, ...]:
    found = []
    if environment.load_1m > BUSY * environment.usable_cpus:
        found.append(
            f"other programs are running (load {environment.load_1m:.1f} on {environment.usable_cpus} CPUs before the start): "
            "figures are higher and less sure than on a quiet machine"
        )
    if environment.governor not in (None, "performance"):
        found.append(f"the CPU's frequency policy is '{environment.governor}': figures include its ups and downs")
    restless = sum(not row.warm for row in rows)
    if restless:
        found.append(f"{restless} of {len(rows)} rows did not settle within the warm-up's limit")
    return tuple(found)


# ---- the verb -------------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "bundle", nargs="?", type=Path, metavar="BUNDLE", help="bundle folder; left out: the one that edgeproof carries"
    )
    parser.add_argument("--artifact", default=AUTO, metavar="NAME", help="only this one and the baseline; auto = all")
    parser.add_argument("--backend", default=AUTO, choices=[AUTO, *FORMATS], help="only this one; auto = all")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda", "tensorrt"], help="where to run")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="0 = one, then all physical cores")
    parser.add_argument(
        "--baseline", default=AUTO, metavar="NAME", help="artifact whose time is 1.00; auto = fp32.onnx"
    )
    parser.add_argument("--duration", type=float, default=1.0, metavar="S", help="measuring time per row, seconds")
    parser.add_argument(
        "--quick", action="store_true", help="a fifth of the time and one cold start: a look, no record"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write the whole report as JSON; - for stdout instead of the table"
    )


def run_verb(args: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON. Raises BenchmarkError when the figures cannot be trusted."""
    report = measure_with(args)
    if args.json == "-":
        print(json.dumps(tables.to_table(report), ensure_ascii=False))
    else:
        print(bench_table.render(report))
    check(report)
    return 0


def measure_with(args: argparse.Namespace) -> Report:
    """`measure` with the flags of `add_arguments`; writes the JSON file that they ask for."""
    if args.threads < 0:
        raise UsageError(f"--threads: expected 0 or more, found {args.threads}")
    try:
        settings = Settings(
            duration_s=args.duration / 5 if args.quick else args.duration,
            starts=1 if args.quick else 3,
            artifact=args.artifact,
            backend=args.backend,
            device=args.device,
            threads=(args.threads,) if args.threads else (),
            baseline=args.baseline,
        )
    except ValueError as error:
        raise UsageError(f"--{error}") from None
    report = measure(load_bundle(args.bundle), settings, progress=_progress)
    _progress("")
    if args.json and args.json != "-":
        files.write_atomic(Path(args.json), to_json(report))
    return report


def to_json(report: Report) -> bytes:
    return (json.dumps(tables.to_table(report), indent=1, ensure_ascii=False) + "\n").encode()


def check(report: Report) -> None:
    """Raises BenchmarkError when the verdict is INVALID."""
    if report.verdict != "valid":
        more = f" and {len(report.problems) - 1} more rows" if len(report.problems) > 1 else ""
        raise BenchmarkError(
            f"the machine was not steady: {report.problems[0]}{more}: close other programs, let it cool, run again"
        )


def _progress(text: str) -> None:
    """One changing line, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
