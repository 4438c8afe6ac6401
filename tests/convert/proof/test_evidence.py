"""What is measured of an artifact, where one of the runtimes does not run it rightly."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.proof import evidence
from convert.proof.evidence import Questions, prove
from convert.run_folder import Run
from edgeproof.backends import open_backend
from edgeproof.bundle import load_bundle
from edgeproof.errors import IntegrityError, UnavailableError


class Mute:
    """A runtime that runs every file and answers with no rows."""

    fills_batches, provider, version = False, "CPU", "1"

    def run(self, _images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.zeros((0, 10), np.float32)

    def close(self) -> None:
        pass


def test_a_runtime_without_an_answer_costs_its_own_row_only(
    run: Run, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "open_proof_only", lambda _name, _file: Mute())
    bundle = load_bundle(target)
    row = bundle.manifest.artifact("fp32.onnx")
    found = prove(row, bundle.content(row), run, Questions(None, {}, run.test.labels))
    assert found.row.images == len(run.test.labels)
    assert "openvino" not in {proof.backend for proof in found.proofs}
    assert "found (0, 10)" in dict(found.absent)["openvino"]


class Breaking(Mute):
    """A runtime that raises what it likes, in many lines."""

    def run(self, _images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        raise KeyError("no kernel\n  for this node")


def test_what_another_runtime_raises_costs_its_own_row_only(
    run: Run, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "open_proof_only", lambda _name, _file: Breaking())
    bundle = load_bundle(target)
    row = bundle.manifest.artifact("fp32.onnx")
    found = prove(row, bundle.content(row), run, Questions(None, {}, run.test.labels))
    assert "openvino" not in {proof.backend for proof in found.proofs}
    assert dict(found.absent)["openvino"] == "openvino fails: KeyError: 'no kernel\\n for this node'"


def test_what_its_own_runtime_raises_is_a_verdict_on_the_artifact(
    run: Run, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "open_backend", lambda *_, **__: Breaking())
    bundle = load_bundle(target)
    row = bundle.manifest.artifact("fp32.tflite")
    with pytest.raises(IntegrityError, match=r"^litert fails: KeyError: "):
        prove(row, bundle.content(row), run, Questions(None, {}, run.test.labels))


def test_a_full_disk_is_no_fault_of_a_runtime(run: Run, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(evidence, "open_proof_only", full)
    bundle = load_bundle(target)
    row = bundle.manifest.artifact("fp32.onnx")
    with pytest.raises(OSError, match="No space left"):
        prove(row, bundle.content(row), run, Questions(None, {}, run.test.labels))


def test_opencv_is_refused_where_it_gives_one_row_for_all_images() -> None:
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[0]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean of the batch",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ("N", 1, 28, 28))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, 10))],
        [onnx.numpy_helper.from_array(np.ones((784, 10), np.float32), "weights")],
    )
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    row = load_bundle().manifest.artifact("fp32.onnx")
    with pytest.raises(UnavailableError, match=r"does not run it .*cannot reshape array of size 10"):
        open_backend("opencv", content, row, "cpu", threads=1)
