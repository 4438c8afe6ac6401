"""Error per layer on the shipped files, and against arithmetic done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from convert.proof import layer_error
from convert.proof.layer_error import layer_errors, signal_to_noise
from edgeproof.bundle import load_bundle


def test_decibels_by_hand() -> None:
    exact = np.array([3.0, 4.0])  # Σ² = 25
    assert signal_to_noise(exact, exact + np.array([0.3, 0.4])) == pytest.approx(20)  # Σ² of the error = 0.25
    assert signal_to_noise(exact, exact) == float("inf")


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_eight_bits_lose_a_little_in_each_layer(format: str) -> None:
    """20–60 dB: 8 bits of a range resolve about 1/256 of it (48 dB), less what outliers cost and errors add up."""
    bundle = load_bundle()
    files = {name: (bundle.path / f"{name}.{format}").read_bytes() for name in ("fp32", "int8")}
    errors = layer_errors(files["fp32"], files["int8"], format, bundle.golden.images)
    assert len(errors) == 6, "five convolutions and the dense layer"
    assert all(20 < error.signal_to_noise_db < 60 or error.signal_to_noise_db == float("inf") for error in errors)
    assert errors[-1].signal_to_noise_db < 60, "the logits come from 8 bits"
    same = layer_errors(files["fp32"], files["fp32"], format, bundle.golden.images)
    assert {error.signal_to_noise_db for error in same} == {float("inf")}


def test_a_layer_that_lost_its_range_stands_out() -> None:
    """The bias of the second convolution moved by its own scale: the first layer is as before, the later ones are not."""
    import onnx

    bundle = load_bundle()
    model = onnx.load_from_string((bundle.path / "fp32.onnx").read_bytes())
    second = [node for node in model.graph.node if node.op_type == "Conv"][1]
    weights = next(weight for weight in model.graph.initializer if weight.name == second.input[1])
    values = onnx.numpy_helper.to_array(weights)
    coarse = np.round(values / values.max() * 2) / 2 * values.max()
    weights.CopyFrom(onnx.numpy_helper.from_array(coarse.astype(np.float32), weights.name))
    exact = (bundle.path / "fp32.onnx").read_bytes()
    errors = [
        e.signal_to_noise_db for e in layer_errors(exact, model.SerializeToString(), "onnx", bundle.golden.images)
    ]
    assert errors[0] == float("inf")
    assert max(errors[1:]) < 20


def test_of_large_images_fewer_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = load_bundle()
    exact, integer = ((bundle.path / f"{name}.onnx").read_bytes() for name in ("fp32", "int8"))
    few = layer_errors(exact, integer, "onnx", bundle.golden.images[:5])
    monkeypatch.setattr(layer_error, "VALUES", 5 * 28 * 28)
    assert layer_errors(exact, integer, "onnx", bundle.golden.images) == few
