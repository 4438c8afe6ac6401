"""8 bits with some layers left in float, for a network whose int8 files fail their proof.

Each function calibrates what can be calibrated once, and returns another that makes the file for the layers to leave: those
with weights, counted from the input, 0 the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convert.export.onnx_int8 import method_of, to_int8_onnx
from convert.export.tflite import one_by_one
from edgeproof.manifest import Format
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    import keras

Make = Callable[[Sequence[int]], bytes]
WITH_WEIGHTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def mixed(model: keras.Model, calibration: NDArray[np.uint8], failed: bytes, format: Format) -> Make:
    """layers left in float → the file's bytes. `calibration`: uint8 (n, H, W), or RGB (n, H, W, 3). `failed`: the int8 file."""
    if format == "onnx":
        methods = (method_of(failed),)
        return lambda layers: to_int8_onnx(model, calibration=calibration, in_float=layers, methods=methods)
    return partial(_tflite, _debugger(model, calibration))


def _debugger(model: keras.Model, calibration: NDArray[np.uint8]) -> Any:
    """TensorFlow's own tool for leaving layers out: it keeps the calibrated graph."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: one_by_one(calibration)
    with native_output():
        return tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=lambda: one_by_one(calibration[:1])
        )


def _tflite(debugger: Any, layers: Sequence[int]) -> bytes:
    """Input and output are float32: the tool knows no other."""
    import tensorflow as tf

    names = _layer_names(debugger.calibrated_model)
    with native_output():
        debugger.options = tf.lite.experimental.QuantizationDebugOptions(
            denylisted_nodes=[names[number] for number in layers]
        )
        return bytes(debugger.get_nondebug_quantized_model())


def _layer_names(content: bytes) -> list[str]:
    """Names of what the layers with weights give, in the order of execution."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    names = {int(entry["index"]): str(entry["name"]) for entry in interpreter.get_tensor_details()}
    return [
        names[int(step["outputs"][0])] for step in interpreter._get_ops_details() if step["op_name"] in WITH_WEIGHTS
    ]
