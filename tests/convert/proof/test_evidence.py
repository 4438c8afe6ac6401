"""What is measured of an artifact, where one of the runtimes does not run it rightly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.proof import evidence
from convert.proof.evidence import Questions, prove
from convert.run_folder import Run
from edgeproof.bundle import load_bundle


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
