"""Which provider ran which node: by ONNX Runtime's own profile of a real run, and by one in its form where a GPU took part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.backends.onnxruntime import PROVIDERS
from edgeproof.bench import measure, placement, table
from edgeproof.bench.report import Report, Settings, check
from edgeproof.bundle import load_bundle
from edgeproof.errors import BenchmarkError

CPU, CUDA = PROVIDERS["cpu"], PROVIDERS["cuda"]
BUNDLE = load_bundle()
MODEL = next(row for row in BUNDLE.manifest.usable if row.name == "fp32.onnx")
Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def events() -> Events:
    assert MODEL.input is not None
    sides = [int(side) for side in MODEL.input.shape[1:]]
    return placement.profile(BUNDLE.content(MODEL), "cpu", np.zeros((3, *sides), np.float32), calls=4)


@pytest.fixture(scope="module")
def report() -> Report:
    return measure.measure(
        BUNDLE, Settings(duration_s=0.01, starts=1, artifact="fp32.onnx", backend="onnxruntime", threads=(1,))
    )


def node(name: str, operator: str, provider: str) -> dict[str, Any]:
    return {"cat": "Node", "name": f"{name}_kernel_time", "args": {"op_name": operator, "provider": provider}, "dur": 5}


#: As a session with CUDA tells it: a stray pooling on the CPU, and copies to it and back.
MIXED: Events = [
    {"cat": "Session", "name": "model_run", "args": {}, "dur": 90},
    node("Memcpy", "MemcpyFromHost", CUDA),
    node("conv1", "Conv", CUDA),
    node("Memcpy_token_1", "MemcpyToHost", CUDA),
    node("pool", "GlobalAveragePool", CPU),
    node("logits", "Gemm", CUDA),
    {"cat": "Node", "name": "conv1_fence_before", "args": {"op_name": "Conv"}, "dur": 0},
]


def test_a_real_run_on_the_cpu_is_all_on_the_cpu(events: Events) -> None:
    (provider,) = (nodes := placement.placement(events))
    assert provider == CPU
    runs = [event for event in events if placement.ran(event) and placement.computes(event)]
    assert len(runs) == 4 * len(nodes[CPU]), "each node once in each call"
    assert any("Conv" in name for name in nodes[CPU])


def test_each_node_is_counted_once_and_carriers_not_at_all() -> None:
    expected = {CUDA: ("conv1 (Conv)", "logits (Gemm)"), CPU: ("pool (GlobalAveragePool)",)}
    assert placement.placement(MIXED * 3) == expected


def test_what_reckons_a_shape_is_nobodys_node() -> None:
    """As a session with CUDA tells a `flatten`: the shape is reckoned on the CPU by design, and whole numbers that quantized
    arithmetic gives are no shape."""

    def made(name: str, operator: str, provider: str, **output: list[int]) -> dict[str, Any]:
        event = node(name, operator, provider)
        return event | {"args": event["args"] | {"output_type_shape": [output]}}

    events = [
        made("shape", "Shape", CPU, int64=[4]),
        made("gather", "Gather", CPU, int64=[]),
        made("cast", "Cast", CPU, int32=[4]),
        made("slice", "Slice", CPU, int32=[1]),
        made("concat", "Concat", CPU, int32=[2]),
        made("transpose", "Transpose", CUDA, float=[1, 13, 13, 32]),
        made("reshape", "Reshape", CUDA, float=[1, 5408]),
        made("dense", "MatMulInteger", CPU, int32=[1, 128]),
        made("cut", "Slice", CPU, float=[10]),
    ]
    assert placement.placement(events) == {
        CUDA: ("transpose (Transpose)", "reshape (Reshape)"),
        CPU: ("dense (MatMulInteger)", "cut (Slice)"),
    }


def test_the_profile_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert MODEL.input is not None
    placement.profile(BUNDLE.content(MODEL), "cpu", np.zeros((1, *map(int, MODEL.input.shape[1:])), np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timed
def test_rows_say_how_many_nodes_ran_where(report: Report, events: Events) -> None:
    expected = {CPU: len(placement.placement(events)[CPU])}
    assert [row.nodes for row in report.rows] == [expected] * len(report.rows)
    assert not any(row.misplaced for row in report.rows)
    assert f"fp32.onnx: {expected[CPU]} on {CPU}" in " ".join(table.render(report).split())


@pytest.mark.timed
def test_other_backends_have_no_nodes() -> None:
    name = next(row.name for row in BUNDLE.manifest.usable if row.format == "tflite")
    found = measure.measure(BUNDLE, Settings(duration_s=0.001, starts=1, artifact=name, baseline=name, threads=(1,)))
    assert not any(row.nodes or row.misplaced for row in found.rows)


@pytest.mark.timed
def test_a_node_that_ran_elsewhere_makes_the_benchmark_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here no GPU is at hand: the rows are the CPU's, and what the profile says is that two nodes of four ran on CUDA."""
    monkeypatch.setattr(placement, "profile", lambda *_: [*MIXED, node("relu", "Relu", CPU)])
    settings = Settings(duration_s=0.01, starts=1, artifact="fp32.onnx", backend="onnxruntime", threads=(1,))
    found = measure.measure(BUNDLE, settings)
    assert found.verdict == "INVALID"
    assert found.problems[0] == (
        f"fp32.onnx on onnxruntime: expected all 4 nodes on {CPU}, found 2 elsewhere (conv1 (Conv) on {CUDA}, "
        f"logits (Gemm) on {CUDA})"
    )
    with pytest.raises(BenchmarkError, match=r"found 2 elsewhere .*: take another artifact, or leave --device out"):
        check(found)


@pytest.mark.timed
def test_of_a_gpu_row_the_cpus_nodes_are_the_strays(report: Report) -> None:
    row = replace(report.rows[0], provider=CUDA, nodes={CUDA: 2, CPU: 1})
    nodes = {("fp32.onnx", "onnxruntime"): placement.placement(MIXED)}
    (problem,) = measure._problems([replace(row, timing=replace(row.timing, drifted=False))] * 2, nodes)
    assert problem == (
        f"fp32.onnx on onnxruntime: expected all 3 nodes on {CUDA}, found 1 elsewhere (pool (GlobalAveragePool) on {CPU})"
    )


@pytest.mark.timed
def test_a_profile_without_nodes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "profile", lambda *_: MIXED[:1])
    with pytest.raises(BenchmarkError, match="found no node in it"):
        measure._nodes(BUNDLE, "fp32.onnx", "cpu")
