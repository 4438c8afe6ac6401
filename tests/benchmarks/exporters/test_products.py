"""Files in their runtimes, by the few lines that serve every exporter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.exporters.products import opened
from edgeproof.bundle import load_bundle
from edgeproof.input_contract import with_channels


@pytest.mark.parametrize("name", ["fp32.onnx", "int8.onnx", "fp32.tflite", "int8.tflite"])
def test_a_file_answers_here_as_it_was_proven(name: str) -> None:
    """Golden images, which are clear: channels first and last, floats and bytes. Not one may differ."""
    bundle = load_bundle()
    with np.load(Path(bundle.path) / "golden.npz") as golden:
        images, labels = golden["images"], golden["labels"]
    model = opened(Path(bundle.path) / name)
    assert model.classes(with_channels(images)).tolist() == labels.tolist()
    assert model.runtime == ("LiteRT" if name.endswith("tflite") else "ONNX Runtime")
