"""The yardstick is the same everywhere, has the parameters of cnn-32, and runs as a bundle does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from benchmarks.check import yardstick
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier


def test_the_same_is_drawn_each_time() -> None:
    assert yardstick.model() == yardstick.model()


def test_it_has_the_layers_and_parameters_of_the_recipe() -> None:
    graph = onnx.load_from_string(yardstick.model()).graph
    weights = [tensor for tensor in graph.initializer if tensor.name.endswith(("_weights", "_bias"))]
    assert sum(int(np.prod(tensor.dims)) for tensor in weights) == 693_962
    computing = [node.op_type for node in graph.node if node.op_type in ("Conv", "Relu", "MaxPool", "Gemm")]
    assert computing == ["Conv", "Relu", "MaxPool", "Gemm", "Relu", "Gemm"]


def test_it_answers_as_a_bundle(tmp_path: Path) -> None:
    bundle = load_bundle(yardstick.write(tmp_path / "yardstick"))
    with open_classifier(bundle) as classifier:
        logits = classifier.logits(bundle.golden.images)
    assert (classifier.facts.artifact, classifier.facts.backend) == (yardstick.ARTIFACT, yardstick.BACKEND)
    assert len(set(logits.argmax(axis=1))) > 1
