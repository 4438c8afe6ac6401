"""Quantization-aware training, in a child process: one network in both formats, all codes in use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from convert.export import pruning
from convert.export.onnx_float import to_onnx
from convert.export.qat import Trained, to_qat_onnx, train_quantized
from convert.keras_model import keras_logits
from convert.proof.specs import read_specs
from edgeproof.input_contract import GLYPHS

pytestmark = pytest.mark.slow


def agreement(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float((a.argmax(axis=1) == b.argmax(axis=1)).mean())


@pytest.fixture(scope="module")
def quantized(model: Any, images: NDArray[np.uint8]) -> Trained:
    said: list[str] = []
    made = train_quantized(model, calibration=images, say=said.append)
    assert sum("epoch" in line for line in said) == 6, said
    return made


def test_qat_leaves_this_process_alone(quantized: Trained) -> None:
    assert quantized.bytes_io
    assert not {"tf_keras", "tensorflow_model_optimization"} & set(sys.modules)


def test_qat_is_8_bits_in_both_formats(
    quantized: Trained, model: Any, images: NDArray[np.uint8], answers: Callable[..., NDArray[np.float32]]
) -> None:
    """The two files are one network: permitted is a step of the output's scale, which ONNX adds up in another order."""
    exported = to_qat_onnx(quantized)
    graph = onnx.load_from_string(exported).graph
    kernels = [weight for weight in graph.initializer if len(weight.dims) > 1]
    assert len(kernels) == 4
    assert {weight.data_type for weight in kernels} == {onnx.TensorProto.INT8}
    file = read_specs(quantized.bytes_io, "tflite", GLYPHS)
    source, target = file.input, file.output
    assert (source.dtype, source.zero_point) == ("uint8", 0)
    assert source.scale == pytest.approx(1 / 255, rel=1e-4)
    ours, theirs = answers(exported, "onnx", images), answers(quantized.bytes_io, "tflite", images)
    assert np.abs(ours - theirs).max() <= 1.01 * (target.scale or 0)
    assert agreement(ours, keras_logits(model, images)) >= 0.98, "a wrong scale would leave one in ten alike"


def test_qat_uses_all_codes_behind_a_relu(quantized: Trained) -> None:
    """Where the ranges start at −6..6, the zero points stay near −10 and half of the codes stand for nothing."""
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(model_content=quantized.bytes_io).get_tensor_details()
    behind = [
        tensor["quantization"][1] for tensor in details if "Relu" in tensor["name"] and tensor["dtype"] is np.int8
    ]
    assert behind == [-128] * 3


@pytest.mark.soak
def test_training_again_gives_the_same_bytes(quantized: Trained, model: Any, images: NDArray[np.uint8]) -> None:
    again = train_quantized(model, calibration=images, say=lambda _: None)
    assert again == quantized
    assert to_qat_onnx(again) == to_qat_onnx(quantized)
    pruned = [pruning.prune(model, ratio=0.25, calibration=images, say=lambda _: None) for _ in range(2)]
    assert to_onnx(pruned[0]) == to_onnx(pruned[1])
    assert agreement(keras_logits(pruned[0], images), keras_logits(model, images)) >= 0.9


def test_what_a_child_does_not_like_is_told(images: NDArray[np.uint8]) -> None:
    import keras

    layers = keras.layers
    unscaled = keras.Sequential([layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)])
    with pytest.raises(RuntimeError, match=r"qat: ValueError: expected the model to begin with Rescaling\(1/255\)"):
        train_quantized(unscaled, calibration=images, say=lambda _: None)
    strange = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.UnitNormalization()]
    )
    with pytest.raises(RuntimeError, match="UnitNormalization is not supported here; supported: Activation, "):
        train_quantized(strange, calibration=images, say=lambda _: None)
