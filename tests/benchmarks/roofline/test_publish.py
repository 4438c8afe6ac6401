"""The roofline's tables and sentences, from a report of round numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.roofline import publish
from benchmarks.roofline.report import RooflineReport


def test_every_peak_says_what_it_was_measured_with(report: RooflineReport) -> None:
    text = publish.markdown(report)
    assert "| float32 arithmetic | 100 GFLOP/s | numpy matmul 256³ |" in text
    assert "| memory, read and written | 10 GB/s | numpy copy of 128 MiB |" in text


def test_a_point_is_a_row(report: RooflineReport) -> None:
    lines = publish.markdown(report).splitlines()
    # 4 million operations in 20 µs are 200e9 per second, half of what 8 bits can; 40 operations per byte
    assert (
        "| **`int8.tflite`** (default) | litert | 1 | 2.00, 2.00 | 100 | 40 | 21.0 | 20.0 | 200 | 10.0 | 50% |" in lines
    )
    assert "| `fp32.onnx` | onnxruntime | 64 | 2.00, 0.00 | 160 | 25 | 42.0 | 40.0 | 100 | 40.0 | 100% |" in lines


def test_what_is_left_is_computed_from_the_figures(report: RooflineReport) -> None:
    int8, fp32 = publish.left(report)
    assert int8 == (
        "`int8.tflite` on litert takes 20.0 µs, of which 10.0 would be taken at the peak of this core, 2.0 are the runtime's "
        "call of a model with nothing to compute, and 4.0 go by around it; 4.0 are left for better kernels. 64 in a call take "
        "12.5 µs each."
    )
    assert "better kernels would win nothing that can be measured here: only less arithmetic is faster" in fp32


def test_operators_have_their_share_and_a_missing_profile_its_reason(report: RooflineReport) -> None:
    text = publish.markdown(report)
    assert "64 images in a call: 16.0 µs per image together, 12.5 where nothing is noted down." in text
    assert "| Convolution (NHWC, QC8) IGEMM | 2,000,000 | 12.00 | 75% | 333 |" in text
    assert "| Mean (ND) |  | 4.00 | 25% |  |" in text
    assert "as onnxruntime runs them, 64 images in a call: onnxruntime gave no profile: no space." in text
    assert "Without a point: odd.onnx: operator LSTM: unknown." in text


@pytest.mark.parametrize(("load", "told"), [(0.9, False), (7.5, True)])
def test_that_others_used_the_machine_is_told(report: RooflineReport, load: float, told: bool) -> None:
    busy = replace(report, environment=replace(report.environment, load_1m=load, usable_cpus=2))
    assert ("Other programs were running (load 7.5 on 2 CPUs)" in publish.markdown(busy)) is told


def test_one_size_of_call_is_told_once(report: RooflineReport) -> None:
    single = replace(report, points=tuple(point for point in report.points if point.batch == 1))
    assert not any("in a call take" in sentence for sentence in publish.left(single))
