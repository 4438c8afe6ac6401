"""Keras → ONNX in floats: half precision inside only, and no byte that depends on a counter or the order of a set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from convert.export.onnx_float import canonical, to_fp16_onnx, to_onnx
from convert.keras_model import keras_logits
from convert.proof.specs import read_specs
from edgeproof.bundle import load_bundle
from edgeproof.input_contract import GLYPHS
from edgeproof.scores import softmax

pytestmark = pytest.mark.slow


def test_fp16_onnx_is_half_as_large_and_keeps_floats_outside(
    model: Any, images: NDArray[np.uint8], answers: Callable[..., NDArray[np.float32]]
) -> None:
    """Permitted: a hundredth of a probability's range."""
    single, half = to_onnx(model), to_fp16_onnx(model)
    weights = onnx.load_from_string(half).graph.initializer
    assert {weight.data_type for weight in weights if weight.dims} <= {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64}
    file = read_specs(half, "onnx", GLYPHS)
    source, target = file.input, file.output
    assert (source.dtype, target.dtype) == ("float32", "float32")
    assert len(half) < len(single)
    difference = softmax(answers(half, "onnx", images)) - softmax(keras_logits(model, images))
    assert 0 < np.abs(difference).max() <= 1e-2


@pytest.mark.parametrize("kept", ["const_axes__7", "const_starts__12", "Const__3", "const_fold_opt__104"])
def test_the_name_that_a_constant_happens_to_have_changes_no_byte(kept: str) -> None:
    """Of equal constants tf2onnx keeps one, and which depends on the order of a set."""
    bundle = load_bundle()
    model = onnx.load_from_string((bundle.path / "fp32.onnx").read_bytes())
    before = canonical(model)
    constant = next(weight for weight in model.graph.initializer if weight.name.startswith("const"))
    for node in model.graph.node:
        node.input[:] = [kept if name == constant.name else name for name in node.input]
    constant.name = kept
    assert canonical(model) == before
    assert canonical(onnx.load_from_string(before)) == before


def test_constants_that_a_layer_keeps_are_inside_the_file(
    answers: Callable[..., NDArray[np.float32]], images: NDArray[np.uint8]
) -> None:
    """tf2onnx took the mean of a Normalization for another input of the graph."""
    import keras

    layers = keras.layers
    normalized = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Normalization(mean=33.0, variance=6000.0),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    found = answers(to_onnx(normalized), "onnx", images)
    assert np.allclose(found, keras_logits(normalized, images), atol=1e-4), "permitted: the order of float additions"


def test_the_exact_gelu_is_written_with_what_onnx_has(
    answers: Callable[..., NDArray[np.float32]], images: NDArray[np.uint8]
) -> None:
    import keras
    import onnx

    layers = keras.layers
    smooth = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="gelu"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    content = to_onnx(smooth)
    assert "Erf" in {node.op_type for node in onnx.load_from_string(content).graph.node}
    found = answers(content, "onnx", images)
    assert np.allclose(found, keras_logits(smooth, images), atol=1e-4), "permitted: Erf is an approximation in both"
