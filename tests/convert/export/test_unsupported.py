"""What a format does not have is named, with a way out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.export.onnx_float import to_onnx
from convert.export.tflite import ConversionError, to_tflite
from convert.export.unsupported import explain
from convert.keras_model import quiet_tensorflow
from edgeproof.errors import MAX_REASON

pytestmark = pytest.mark.slow

Export = Callable[[Any], bytes]
RNN = "computes in a loop, which {}: build it with unroll=True, or leave out what needs it with --only"
ONNX_LOOP, TFLITE_LOOP = RNN.format("devices refuse"), RNN.format("TensorFlow Lite has not for batches of any size")
EXPORTS: dict[str, tuple[str, Export]] = {
    "onnx": ("onnx", to_onnx),
    "fp32": ("tflite", lambda model: to_tflite(model, precision="fp32")),
    "int8": ("tflite", lambda model: to_tflite(model, precision="int8", calibration=_drawn())),
    "int16x8": ("tflite", lambda model: to_tflite(model, precision="int16x8", calibration=_drawn())),
}


def _drawn() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (24, 28, 28), np.uint8)


def of(*layers: Any) -> Any:
    import keras

    return keras.Sequential([keras.layers.Input((28, 28, 1)), *layers, keras.layers.Dense(10)])


def erfinv() -> Any:
    import keras

    class Odd(keras.layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return keras.ops.erfinv(0.5 * keras.ops.tanh(values))

    return of(keras.layers.Flatten(), Odd(name="strange"))


def recurrent(cell: str, *, both_ways: bool = False) -> Callable[[], Any]:
    def made() -> Any:
        import keras

        layer = getattr(keras.layers, cell)(4, name="reader")
        layer = keras.layers.Bidirectional(layer, name="both") if both_ways else layer
        return of(keras.layers.Reshape((28, 28)), layer)

    return made


def grouped() -> Any:
    import keras

    return of(keras.layers.GroupNormalization(1, name="groups"), keras.layers.Flatten())


def in_int8_already() -> Any:
    import keras

    model = of(keras.layers.Flatten(), keras.layers.Dense(32, name="hidden"))
    model.quantize("int8")
    return model


@pytest.mark.parametrize(
    ("make", "export", "expected"),
    [
        (erfinv, "onnx", "layer strange (Odd) computes Erfinv, which opset 17 of ONNX does not have: build the model without"),
        (erfinv, "fp32", "layer strange (Odd) computes Erfinv, which TensorFlow Lite does not have: build the model without"),
        (recurrent("GRU"), "onnx", f"layer reader (GRU) {ONNX_LOOP}"),
        (recurrent("GRU"), "int8", f"layer reader (GRU) {TFLITE_LOOP}"),
        (recurrent("LSTM"), "fp32", f"layer reader (LSTM) {TFLITE_LOOP}"),
        (recurrent("LSTM", both_ways=True), "int8", f"layer backward_reader (LSTM) {TFLITE_LOOP}"),
        (grouped, "int16x8", "layer groups (GroupNormalization) computes NEG, which TensorFlow Lite does not have in 16 and 8 b"),
        (in_int8_already, "int8", "layer hidden (Dense) is in int8 already: convert the float model, which is quantized here"),
    ],
)  # fmt: skip
def test_the_layer_is_named_with_a_way_out(make: Callable[[], Any], export: str, expected: str) -> None:
    quiet_tensorflow()
    model = make()
    format, exported = EXPORTS[export]
    with pytest.raises(Exception) as caught:
        exported(model)
    reason = explain(caught.value, model, format)  # type: ignore[arg-type]
    assert reason.startswith(expected)
    assert len(reason) <= MAX_REASON + 20
    assert "loc(" not in reason


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError("Too many bins. Cannot create 512."), "ValueError: Too many bins."),
        (RuntimeError(""), "no reason given"),
        (ConversionError("the converter died of signal 11 (Segmentation fault)"), "the converter died of signal 11 (Segm"),
        (ConversionError('ConverterError: <unknown>:0: error: loc(fused["x", "y(1)"]): op is bad\nloc("z"): x'), "op is bad"),
        (ConversionError('<unknown>:0: error: loc("nothing else")\n<unknown>:0: note: too deep'), "too deep"),
        (RuntimeError(f"{tempfile.gettempdir()}/tmpab12/model.onnx: cannot be read"), "a temporary file: cannot be read"),
        (RuntimeError("word " * 100), "word word"),
    ],
)  # fmt: skip
def test_other_errors_are_a_sentence_for_people(error: Exception, expected: str, model: Any) -> None:
    reason = explain(error, model, "tflite")
    assert reason.startswith(expected)
    assert len(reason) <= MAX_REASON
    assert str(Path(tempfile.gettempdir())) not in reason


def test_an_error_that_only_has_a_place_names_the_layer() -> None:
    """Of two layers whose names differ by a number: Keras puts another number behind both."""
    import keras

    two = keras.Sequential(
        [
            keras.layers.Input((28, 28, 1)),
            keras.layers.Conv2D(2, 3, name="conv"),
            keras.layers.Conv2D(2, 3, name="conv_1"),
        ],
        name="two",
    )
    for place, name in (("two_1/conv_1/", "conv"), ("two_1/conv_1_2/", "conv_1"), ("two/conv_1/", "conv_1")):
        error = ConversionError(f'error: loc(fused["Conv2D:", "{place}convolution@__f_1"]): is too odd')
        assert explain(error, two, "tflite").startswith(
            f"layer {name} (Conv2D): is too odd; build the model without it"
        )
