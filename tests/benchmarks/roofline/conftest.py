"""A roofline report of round numbers, so that what is told can be reckoned by hand."""

from __future__ import annotations

import pytest

from benchmarks.roofline.report import SCHEMA, Call, OperatorTime, Peak, Point, Profile, RooflineReport
from edgeproof.support import machine

PEAKS = (
    Peak("fp32", 100.0, "numpy matmul 256³"),
    Peak("int8", 400.0, "LiteRT FULLY_CONNECTED int8 512³"),
    Peak("cache", 50.0, "numpy copy of 256 KiB"),
    Peak("memory", 10.0, "numpy copy of 128 MiB"),
)


@pytest.fixture
def report() -> RooflineReport:
    """2 million multiply-accumulates: 10 µs at 400e9 operations per second, 40 at 100e9."""
    points = (
        Point("int8.tflite", "litert", 1, 2_000_000, 2_000_000, 100_000, 21.0, 20.0, 10.0, 10.0),
        Point("int8.tflite", "litert", 64, 2_000_000, 2_000_000, 40_000, 13.0, 12.5, 10.0, 10.0),
        Point("fp32.onnx", "onnxruntime", 1, 2_000_000, 0, 400_000, 52.0, 50.0, 40.0, 40.0),
        Point("fp32.onnx", "onnxruntime", 64, 2_000_000, 0, 160_000, 42.0, 40.0, 40.0, 40.0),
    )
    calls = (Call("int8.tflite", "litert", 20.0, 16.0, 2.0), Call("fp32.onnx", "onnxruntime", 50.0, 45.0, 5.0))
    operators = (OperatorTime("Convolution (NHWC, QC8) IGEMM", 2_000_000, 12.0), OperatorTime("Mean (ND)", None, 4.0))
    profiles = (
        Profile("int8.tflite", "litert", 64, operators),
        Profile("fp32.onnx", "onnxruntime", 64, (), "onnxruntime gave no profile: no space"),
    )
    return RooflineReport(
        schema=SCHEMA, type="roofline", time="2026-01-02T03:04:05+00:00", bundle="digits", default="int8.tflite",
        peaks=PEAKS, points=points, calls=calls, profiles=profiles, skipped=("odd.onnx: operator LSTM: unknown",),
        environment=machine.environment(),
    )  # fmt: skip
