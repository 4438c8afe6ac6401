"""Times per operator: from both runtimes' own profilers, and given the arithmetic of the file."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.roofline import profiles
from benchmarks.roofline.measure import read_work
from benchmarks.roofline.operations import Operation, Work
from edgeproof.bundle import load_bundle
from edgeproof.classifier import encode
from edgeproof.manifest import Artifact

BUNDLE = load_bundle()
WORK = Work((Operation("a", "CONV_2D", 800, "int8", 1, 1), Operation("b", "FULLY_CONNECTED", 40, "int8", 1, 1)))


def first(format: str) -> tuple[Artifact, bytes, Work, NDArray[Any]]:
    artifact = next(row for row in BUNDLE.manifest.usable if row.format == format)
    content = BUNDLE.content(artifact)
    assert artifact.input is not None
    images = encode(np.resize(BUNDLE.golden.images, (16, *BUNDLE.golden.images.shape[1:])), artifact.input)
    return artifact, content, read_work(content, artifact.format), images


@pytest.mark.parametrize(("format", "backend"), [("onnx", "onnxruntime"), ("tflite", "litert")])
def test_a_runtime_tells_every_operator_with_its_arithmetic(
    format: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "CALLS", 10)
    artifact, content, work, images = first(format)
    found = profiles.profile(artifact, content, backend, work, images)
    assert found.missing == ""
    assert [one.macs for one in found.operators if one.macs is not None] == [one.macs for one in work.operations]
    assert sum(one.us for one in found.operators) > 0


def test_operators_are_matched_in_order() -> None:
    times = [("Convert (NC, F32, QDU8)", 6.0), ("Convolution (NHWC) IGEMM", 20.0), ("Mean", 4.0), ("QGemm", 2.0)]
    found = profiles.matched(times, WORK, 2)
    assert [(one.macs, one.us) for one in found] == [(None, 3.0), (800, 10.0), (None, 2.0), (40, 1.0)]
    assert found[1].rate == pytest.approx(0.16)  # 1,600 operations in 10 µs


def test_where_their_number_differs_no_arithmetic_is_guessed() -> None:
    found = profiles.matched([("Conv", 20.0), ("Conv", 4.0), ("Gemm", 2.0)], WORK, 1)
    assert [one.macs for one in found] == [None, None, None]


def test_each_operator_is_told_by_its_tenth_percentile() -> None:
    calls = [[("Conv", float(us)), ("Relu", 1.0)] for us in [9, 9, *[90] * 8]]
    assert profiles.p10(calls) == [("Conv", 9.0), ("Relu", 1.0)]


@pytest.mark.parametrize("calls", [[], [[]], [[("Conv", 1.0)], [("Relu", 1.0)]]])
def test_calls_that_name_no_or_other_operators_are_refused(calls: list[profiles.Call]) -> None:
    with pytest.raises(ValueError, match="did not name the same operators"):
        profiles.p10(calls)


def test_nodes_are_put_together_by_call() -> None:
    def event(name: str, us: int) -> dict[str, Any]:
        args = {"op_name": name.capitalize(), "provider": "CPUExecutionProvider"}
        return {"cat": "Node", "name": f"{name}_kernel_time", "dur": us, "args": args}

    events = [
        event("conv", 5),
        event("relu", 1),
        {"cat": "Session", "name": "model_run"},
        event("conv", 7),
        event("relu", 2),
    ]
    assert profiles.node_times(events) == [[("Conv", 5), ("Relu", 1)], [("Conv", 7), ("Relu", 2)]]


def test_a_profiler_that_ends_its_process_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(list(command), -11, b"", b"")

    monkeypatch.setattr(subprocess, "run", ended)
    artifact, content, work, images = first("tflite")
    found = profiles.profile(artifact, content, "litert", work, images)
    assert found.operators == ()
    assert found.missing == (
        "litert gave no profile: its profile failed in its child process, which ended with -11: nothing said"
    )


def test_a_profile_of_another_form_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"cat": "Node", "name": "conv_kernel_time", "args": {"op_name": "Conv", "provider": "CPUExecutionProvider"}}
    monkeypatch.setattr(profiles.placement, "profile", lambda *_: [event])
    artifact, content, work, images = first("onnx")
    found = profiles.profile(artifact, content, "onnxruntime", work, images)
    assert (found.operators, found.missing) == ((), "onnxruntime gave a profile of another form: no 'dur'")


def test_a_file_that_litert_refuses_is_told_in_words() -> None:
    artifact, content, work, images = first("tflite")
    found = profiles.profile(artifact, content[:100], "litert", work, images)
    assert found.missing.startswith("litert gave no profile: its profile failed in its child process, which ended with")
