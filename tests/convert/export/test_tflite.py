"""Keras → TFLite: 16-bit activations with 8-bit weights. The other precisions are tested where they are proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.export.tflite import to_tflite
from convert.keras_model import keras_logits
from convert.proof.specs import read_specs

pytestmark = pytest.mark.slow


def test_int16x8_has_wide_activations_and_narrow_weights(
    model: Any, images: NDArray[np.uint8], answers: Callable[..., NDArray[np.float32]]
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    content = to_tflite(model, precision="int16x8", calibration=images)
    kinds = {np.dtype(tensor["dtype"]).name for tensor in Interpreter(model_content=content).get_tensor_details()}
    assert {"int16", "int8", "float32"} <= kinds
    assert read_specs(content, "tflite").input.dtype == "float32"
    found, expected = answers(content, "tflite", images), keras_logits(model, images)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
