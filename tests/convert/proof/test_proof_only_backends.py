"""OpenVINO and tflite-micro as witnesses of the shipped files, and the images shared among several interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convert.proof.evidence import BATCHES, questioned, runtimes
from convert.proof.proof_only_backends import FORMATS, open_proof_only
from convert.report.tables import runtime_table
from edgeproof import scores
from edgeproof.bundle import load_bundle
from edgeproof.classifier import MAX_BATCH, encode, open_classifier
from edgeproof.errors import UnavailableError
from edgeproof.manifest import Artifact, Proof

BUNDLE = load_bundle()
PAIRS = [(row, name) for row in BUNDLE.manifest.usable for name in runtimes(row) if name in FORMATS]
#: What tflite-micro has no kernels for, and a word of what it says.
MICRO_LACKS = {"fp16.tflite": "DEQUANTIZE", "int8-dynamic.tflite": "Hybrid models are not supported"}


def needs(name: str) -> None:
    pytest.importorskip({"openvino": "openvino", "tflite-micro": "tflite_micro"}[name])


@pytest.mark.parametrize(("artifact", "name"), PAIRS, ids=lambda value: getattr(value, "name", value))
def test_a_witness_answers_the_golden_images(artifact: Artifact, name: str) -> None:
    """Permitted: what kernels of one precision differ by anywhere, the artifact's own tolerance; no other answer."""
    needs(name)
    if name == "tflite-micro" and artifact.name in MICRO_LACKS:
        with pytest.raises(UnavailableError, match=rf"tflite-micro does not run it: .*{MICRO_LACKS[artifact.name]}"):
            open_proof_only(name, BUNDLE.content(artifact))
        return
    witness = open_proof_only(name, BUNDLE.content(artifact))
    assert artifact.input is not None
    assert artifact.output is not None
    raw = witness.run(encode(BUNDLE.golden.images, artifact.input))
    witness.close()
    found = scores.softmax(scores.dequantize(raw, artifact.output.scale, artifact.output.zero_point))
    expected = scores.softmax(BUNDLE.golden.logits[artifact.name])
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert np.abs(found - expected).max() <= artifact.tolerance


@pytest.mark.parametrize(
    ("name", "package"), [("openvino", "openvino"), ("tflite-micro", "tflite_micro.python.tflite_micro")]
)
def test_what_is_not_installed_is_said(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnavailableError, match=r"is not installed \(.*\): install"):
        open_proof_only(name, BUNDLE.content(BUNDLE.manifest.artifact("fp32.tflite")))


def test_openvino_reports_to_nobody(tmp_path: Path) -> None:
    """Its package brings another that keeps an identity in the home folder and sends it with every event."""
    needs("openvino")
    file = BUNDLE.path / "fp32.onnx"
    code = f"""
import sys
from pathlib import Path
from convert.proof.proof_only_backends import open_proof_only
open_proof_only("openvino", Path({str(file)!r}).read_bytes())
assert sys.modules["openvino_telemetry"] is None
"""
    root = str(Path(__file__).parents[3])
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["fp32.onnx", "int8.tflite"])
def test_sharing_the_images_changes_no_answer_and_keeps_their_order(name: str) -> None:
    chunk = BATCHES * MAX_BATCH
    images = np.concatenate([BUNDLE.golden.images, 255 - BUNDLE.golden.images] * 7)[: 3 * chunk + 5]
    row = BUNDLE.manifest.artifact(name)
    heard: list[int] = []
    with questioned(BUNDLE, row, runtimes(row)[0], lambda _, count: heard.append(count)) as (facts, ask):
        shared = ask(images)
    assert (facts.artifact, facts.backend) == (name, runtimes(row)[0])
    assert heard == [chunk, chunk, chunk, 5]
    with open_classifier(BUNDLE, name, facts.backend, "cpu") as classifier:
        assert (shared == classifier.logits(images)).all()


def test_right_answers_runtime_table() -> None:
    def proof(artifact: str, backend: str, lost: int, gained: int) -> Proof:
        right = 9950 - lost + gained
        return Proof(artifact, backend, "1", right, 10_000, 0, 1, lost, gained, 0, 1, 1, 0, 0, {}, 0)  # type: ignore[arg-type]

    headers, rows = runtime_table(
        [proof("a", "onnxruntime", 2, 1), proof("a", "openvino", 0, 0), proof("b", "litert", 0, 3)]
    )
    assert headers == ("artifact", "onnxruntime", "openvino", "litert")
    assert rows == [("a", "9,949 (−2 +1)", "9,950 (−0 +0)", "–"), ("b", "–", "–", "9,953 (−0 +3)")]
