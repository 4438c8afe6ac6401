"""Points of round figures, so that what is told can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from benchmarks.frontier.report import SCHEMA, FrontierReport, Point
from edgeproof.bench.timing import Ratio
from edgeproof.support import machine

MakePoint = Callable[..., Point]


@pytest.fixture
def make_point() -> MakePoint:
    """`make_point(bundle, macs, microseconds, correct)`, in 8 bits unless `bits` says otherwise; of 1,000 images."""

    def make(bundle: str, macs: int, us: float, correct: int, bits: Literal[8, 32] = 8) -> Point:
        artifact, backend = ("int8.tflite", "litert") if bits == 8 else ("fp32.onnx", "onnxruntime")
        share = correct / 1000
        return Point(
            bundle, artifact, backend, bits, macs, 1234, correct, 1000, max(0.0, share - 0.002), min(1.0, share + 0.001),
            us, 0.9 * us, 1.1 * us, False, Ratio(us / 100, us / 110, us / 90),
        )  # fmt: skip

    return make


@pytest.fixture
def report(make_point: MakePoint) -> FrontierReport:
    """`digits-nano` and `digits` are on both frontiers, `slow` on none; `mlp` computes least, and is quickest in 8 bits."""
    points = (
        make_point("mlp", 100_000, 2.0, 980), make_point("mlp", 100_000, 8.0, 981, 32),
        make_point("digits-nano", 320_000, 8.0, 994), make_point("digits-nano", 320_000, 20.0, 994, 32),
        make_point("digits", 900_000, 14.0, 997), make_point("digits", 900_000, 40.0, 997, 32),
        make_point("slow", 20_000_000, 300.0, 995), make_point("slow", 20_000_000, 900.0, 995, 32),
    )  # fmt: skip
    skipped = ("rnn, fp32.onnx: operator GRU: its multiply-accumulates are not known here",)
    return FrontierReport(SCHEMA, "frontier", "2026-01-02T03:04:05+00:00", points, skipped, machine.environment())
