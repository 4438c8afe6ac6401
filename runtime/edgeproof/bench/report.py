"""What a benchmark says: settings, one row per configuration, footprints, and the verdict on the whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from edgeproof.bench import timing
from edgeproof.bench.cold_start import ColdStart
from edgeproof.bench.timing import Ratio, Timing
from edgeproof.classifier import AUTO
from edgeproof.errors import BenchmarkError
from edgeproof.support import tables
from edgeproof.support.machine import Environment

SCHEMA = 1


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
    device: str = "cpu"
    threads: tuple[int, ...] = ()
    baseline: str = AUTO

    @property
    def baseline_artifact(self) -> str:
        return "fp32.onnx" if self.baseline == AUTO else self.baseline

    def __post_init__(self) -> None:
        timing.check_duration(self.duration_s)


@dataclass(frozen=True)
class Row:
    """One configuration and its times.

    warm: whether warm-up reached a steady state within its limit.
    to_baseline: time relative to the baseline with the same threads and batch; null where that was not measured.
    to_fastest: time relative to the fastest row with the same threads and batch, null for that row itself.
    nodes: how many nodes each of ONNX Runtime's providers ran, from a profile of a run that was not timed; what only carries
        tensors between devices or reckons their shapes left out. Empty for other backends.
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
    nodes: dict[str, int] = field(default_factory=dict, hash=False)

    @property
    def misplaced(self) -> bool:
        """Whether a node ran elsewhere than on the row's provider, so that the times are not that device's."""
        return bool(self.nodes.keys() - {self.provider})

    @property
    def name(self) -> str:
        return row_name(self.artifact, self.backend, self.threads, self.batch)

    @property
    def among_fastest(self) -> bool:
        return self.to_fastest is None or not self.to_fastest.distinguishable


def row_name(artifact: str, backend: str, threads: int, batch: int) -> str:
    """One configuration in words."""
    return f"{artifact} on {backend}, {threads} threads, batch {batch}"


@dataclass(frozen=True)
class Footprint:
    """What one artifact costs besides time: size of its file in bytes, and the start with the median total."""

    artifact: str
    backend: str
    bytes: int
    starts: int
    start: ColdStart


@dataclass(frozen=True)
class Report:
    """One benchmark. baseline: "<artifact> on <backend>". skipped: what is not here, and why. Why it is invalid: problems, nodes
    on another provider and then drift; faults, a device that failed meanwhile, or what the audit found."""

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
    faults: tuple[str, ...] = ()


def to_json(report: Report) -> bytes:
    return (json.dumps(tables.to_table(report), indent=1, ensure_ascii=False) + "\n").encode()


def check(report: Report) -> None:
    """Raises BenchmarkError when the verdict is INVALID."""
    if any(row.misplaced for row in report.rows):
        raise BenchmarkError(f"{report.problems[0]}: take another artifact, or leave --device out")
    if report.faults:
        raise BenchmarkError(f"{'; '.join(report.faults)}: these are not the times of the model: report this")
    if report.verdict != "valid":
        raise unsteady(report.problems)


def unsteady(problems: tuple[str, ...]) -> BenchmarkError:
    """The error for a measurement with these problems, one or more."""
    more = f" and {len(problems) - 1} more rows" if len(problems) > 1 else ""
    return BenchmarkError(
        f"the machine was not steady: {problems[0]}{more}: close other programs, let it cool, run again"
    )
