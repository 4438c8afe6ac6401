"""Models of one operator: they run where they are to be measured, and compute what they say."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from benchmarks.roofline import one_operator
from edgeproof.backends import open_backend
from edgeproof.bundle import load_bundle
from edgeproof.manifest import TensorSpec

SIZE = 16
WEIGHTS = np.random.default_rng(one_operator.SEED).integers(-127, 128, (SIZE, SIZE))
BUNDLE = load_bundle()


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_onnx_products_are_products(dtype: type) -> None:
    content = one_operator.product("onnx", "fp32" if dtype is np.float32 else "int8", SIZE)
    given = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE)).astype(dtype)
    (found,) = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"x": given})
    assert (found == given.astype(np.int64) @ WEIGHTS).all()  # whole numbers below 2**24: exact in float32 too


def test_a_float_product_of_litert_is_a_product() -> None:
    given = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE)).astype(np.float32)
    assert (litert(one_operator.product("tflite", "fp32", SIZE), given) == given @ WEIGHTS.T).all()


def test_an_int8_product_of_litert_is_a_product_in_its_scales() -> None:
    """Within half a step of the output, and one where a value lies between two; beyond ±127 it saturates."""
    given = np.random.default_rng(1).integers(-127, 128, (SIZE, SIZE)).astype(np.int8)
    expected = np.clip((given.astype(np.int64) @ WEIGHTS.T) * 0.02 * 0.01 / 0.5, -128, 127)
    found = litert(one_operator.product("tflite", "int8", SIZE), given)
    assert np.abs(found - expected).max() <= 1
    assert np.unique(found).size > 20


def litert(content: bytes, given: NDArray[np.generic]) -> NDArray[np.generic]:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given)
    interpreter.invoke()
    found: NDArray[np.generic] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found


@pytest.mark.parametrize("name", [row.name for row in BUNDLE.manifest.usable])
def test_nothing_gives_back_what_it_takes(name: str) -> None:
    artifact = BUNDLE.manifest.artifact(name)
    assert artifact.input is not None
    backend = {"onnx": "onnxruntime", "tflite": "litert"}[artifact.format]
    opened = open_backend(backend, one_operator.nothing(artifact.input, artifact.format), artifact, "cpu", 1)
    given = taken(artifact.input)
    assert (opened.run(given) == given.reshape(2, -1)).all()


def taken(spec: TensorSpec) -> NDArray[np.generic]:
    sides = [int(side) for side in spec.shape[1:]]
    return np.random.default_rng(2).integers(0, 100, (2, *sides)).astype(spec.dtype)
