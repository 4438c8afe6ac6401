"""What a format does not have is named, with a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from convert.export.onnx_float import to_onnx
from convert.export.tflite import to_tflite
from convert.export.unsupported import explain
from convert.keras_model import quiet_tensorflow

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("export", "format", "where"),
    [
        (to_onnx, "onnx", "opset 17 of ONNX"),
        (lambda model: to_tflite(model, precision="fp32"), "tflite", "TensorFlow Lite"),
    ],
)
def test_a_layer_that_a_format_lacks_is_named_with_a_way_out(
    export: Callable[[Any], bytes], format: str, where: str
) -> None:
    quiet_tensorflow()
    import keras

    class Odd(keras.layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return keras.ops.erfinv(0.5 * keras.ops.tanh(values))

    layers = keras.layers
    odd = keras.Sequential([layers.Input((28, 28, 1)), layers.Flatten(), Odd(name="strange"), layers.Dense(10)])
    with pytest.raises(Exception) as caught:
        export(odd)
    reason = explain(caught.value, odd, format)  # type: ignore[arg-type]
    assert reason.startswith(f"layer strange (Odd) computes Erfinv, which {where} does not have: ")
    assert "--only" in reason
    assert explain(ValueError("first\nsecond"), odd, format) == "ValueError: first"
