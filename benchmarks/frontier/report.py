"""What the frontier says: two artifacts of each bundle, and which points no other beats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from edgeproof.bench.timing import Ratio
from edgeproof.support.machine import Environment

SCHEMA = 1
REFERENCE = "cnn-32"  # the convolutional network of the best known tutorial: what times are held against


@dataclass(frozen=True)
class Point:
    """An artifact on its own backend, one image in a call, one thread.

    bundle: the name of its folder. bits: 8 for the fastest 8-bit artifact of the bundle, 32 for its fp32.onnx.
    macs: multiply-accumulates for one image, > 0. bytes: of the file. accuracy_low..accuracy_high: Wilson's 95 % interval of
    correct / images, 0..1. p50_us: images in, logits out; p50_low_us..p50_high_us: 97.9 %. drifted: whether the machine got
    slower or faster meanwhile. to_reference: time beside fp32.onnx of REFERENCE; null where that is not among the bundles.
    """

    bundle: str
    artifact: str
    backend: str
    bits: Literal[8, 32]
    macs: int
    bytes: int
    correct: int
    images: int
    accuracy_low: float
    accuracy_high: float
    p50_us: float
    p50_low_us: float
    p50_high_us: float
    drifted: bool
    to_reference: Ratio | None

    @property
    def wrong(self) -> float:
        """Share of the test images, 0..1."""
        return 1 - self.correct / self.images


@dataclass(frozen=True)
class FrontierReport:
    """points: by multiply-accumulates, those of a bundle together, the 8-bit one first. skipped: what has no point, and why."""

    schema: int
    type: Literal["frontier"]
    time: str
    points: tuple[Point, ...]
    skipped: tuple[str, ...]
    environment: Environment

    @property
    def leaders(self) -> tuple[Point, ...]:
        """One of each bundle: the 8-bit one, where it has one."""
        return tuple({point.bundle: point for point in reversed(self.points)}.values())[::-1]


def frontier(points: Sequence[Point], cost: Callable[[Point], float]) -> tuple[Point, ...]:
    """Those of `points` that no other beats, by rising cost: none costs as little and is wrong as seldom, and is better in one
    of both. Equals stay together."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda one: (cost(one), one.wrong)):
        equal = kept and (cost(kept[-1]), kept[-1].wrong) == (cost(point), point.wrong)
        if not kept or equal or point.wrong < kept[-1].wrong:
            kept.append(point)
    return tuple(kept)


def by_macs(report: FrontierReport) -> tuple[Point, ...]:
    """The frontier of the leaders: the artifacts of a bundle all have the same arithmetic."""
    return frontier(report.leaders, lambda point: point.macs)


def by_time(report: FrontierReport) -> tuple[Point, ...]:
    """The frontier of all points by their time."""
    return frontier(report.points, lambda point: point.p50_us)
