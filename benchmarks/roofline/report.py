"""What the roofline says: peaks of one core, points of artifacts, times per operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.roofline.operations import Arithmetic
from edgeproof.support.machine import Environment

SCHEMA = 1


@dataclass(frozen=True)
class Peak:
    """The most that one core reached, a lower bound of what it can.

    kind: "fp32", "int8", "cache" or "memory". per_second: 1e9 operations, a multiply-accumulate counting as two, or 1e9 bytes.
    """

    kind: str
    per_second: float
    measured_with: str


@dataclass(frozen=True)
class Point:
    """An artifact on its own backend at one batch size, one thread. Times in µs per image.

    macs: multiply-accumulates of an image, and how many of them in 8 bits. bytes: weights and activations that an image moves,
    the weights divided among the batch. p50_us: images in, logits out. p10_us: the 10th percentile of the same, as of the peaks.
    peak_us: what the arithmetic alone would take at the peaks, and roof_us what it or the bytes would at the least.
    """

    artifact: str
    backend: str
    batch: int
    macs: int
    int8_macs: int
    bytes: float
    p50_us: float
    p10_us: float
    peak_us: float
    roof_us: float

    @property
    def reached(self) -> float:
        """Share of the roof, 0..1; above 1 where a measured peak is below the real one."""
        return self.roof_us / self.p10_us

    @property
    def rate(self) -> float:
        """1e9 operations per second, by p10."""
        return 2e-3 * self.macs / self.p10_us

    @property
    def intensity(self) -> float:
        """Operations per byte."""
        return 2 * self.macs / self.bytes

    @property
    def arithmetic(self) -> Arithmetic:
        """What most of it is computed in."""
        return "int8" if 2 * self.int8_macs > self.macs else "fp32"


@dataclass(frozen=True)
class Call:
    """Where the time of one image goes, 10th percentiles in µs: images in and logits out, the runtime's bare call, the same of
    a model with nothing to compute."""

    artifact: str
    backend: str
    total_us: float
    run_us: float
    empty_us: float

    @property
    def around_us(self) -> float:
        """What is done around the bare call: the image made its input, its output made logits, both checked."""
        return max(0.0, self.total_us - self.run_us)


@dataclass(frozen=True)
class OperatorTime:
    """One operator as the runtime runs it. macs: null for what multiplies nothing, or is not known. us: of one image."""

    name: str
    macs: int | None
    us: float

    @property
    def rate(self) -> float | None:
        """1e9 operations per second; null where the time rounds to nothing."""
        return None if self.macs is None or not self.us else 2e-3 * self.macs / self.us


@dataclass(frozen=True)
class Profile:
    """Times per operator from a run of its own. missing: why there are none, in words."""

    artifact: str
    backend: str
    batch: int
    operators: tuple[OperatorTime, ...]
    missing: str = ""


@dataclass(frozen=True)
class RooflineReport:
    """skipped: artifacts without a point, and why. default: the artifact that is best ranked."""

    schema: int
    type: Literal["roofline"]
    time: str
    bundle: str
    default: str
    peaks: tuple[Peak, ...]
    points: tuple[Point, ...]
    calls: tuple[Call, ...]
    profiles: tuple[Profile, ...]
    skipped: tuple[str, ...]
    environment: Environment

    def peak(self, kind: str) -> Peak:
        return next(peak for peak in self.peaks if peak.kind == kind)
