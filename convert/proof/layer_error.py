"""Where 8 bits lose what: the error after each layer that has weights, beside the same layer of the float file.

The layers of the two files are matched by their order. In both runtimes the layer's own result is read, so that its error
includes what came in wrong from the layers before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.input_contract import at_once, laid_out, with_channels
from edgeproof.support.native_output import native_output

#: Images, enough for a ratio of sums, and values of their pixels: all layers of all images are held at once.
IMAGES, VALUES = 128, 2**21
_ONNX = ("Conv", "Gemm", "MatMul")
_TFLITE = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True)
class LayerError:
    """name: as in the integer file. signal_to_noise_db: 10·log10(Σ float² / Σ (float − integer)²); 20 dB = a tenth off."""

    name: str
    signal_to_noise_db: float


def layer_errors(exact: bytes, integer: bytes, format: str, images: NDArray[np.uint8]) -> tuple[LayerError, ...]:
    """For each layer with weights; empty where the two files' layers do not correspond.

    exact, integer: content of the float and the integer file, which take raw pixel values. images: uint8
        (n, H, W), or RGB (n, H, W, 3).
    """
    results = {"onnx": _onnx_results, "tflite": _tflite_results}[format]
    chosen = images[: at_once(images.shape[1:], IMAGES, VALUES)]
    with native_output():
        reference, found = results(exact, chosen), results(integer, chosen)
    if [values.shape for _, values in reference] != [values.shape for _, values in found]:
        return ()
    return tuple(
        LayerError(name, signal_to_noise(expected, values))
        for (_, expected), (name, values) in zip(reference, found, strict=True)
    )


def signal_to_noise(expected: NDArray[Any], found: NDArray[Any]) -> float:
    """In decibels; infinite when nothing differs."""
    noise = float(((expected - found).astype(np.float64) ** 2).sum())
    signal = float((expected.astype(np.float64) ** 2).sum())
    return float(10 * np.log10(signal / noise)) if noise else float("inf")


def _onnx_results(content: bytes, images: NDArray[np.uint8]) -> list[tuple[str, NDArray[Any]]]:
    import onnx
    import onnxruntime

    model = onnx.load_from_string(content)
    names = [str(node.output[0]) for node in model.graph.node if node.op_type in _ONNX]
    stated = {str(value.name) for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in stated)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # keeps every layer apart
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    values = session.run(names, {given.name: laid_out(images, "NCHW").astype(np.float32)})
    return list(zip(names, values, strict=True))


def _tflite_results(content: bytes, images: NDArray[np.uint8]) -> list[tuple[str, NDArray[Any]]]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # XNNPACK keeps its results to itself.
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    given = interpreter.get_input_details()[0]
    tensor = with_channels(images)
    interpreter.resize_tensor_input(given["index"], tensor.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], tensor.astype(given["dtype"]))
    interpreter.invoke()
    layers = [int(step["outputs"][0]) for step in interpreter._get_ops_details() if step["op_name"] in _TFLITE]
    details = {int(entry["index"]): entry for entry in interpreter.get_tensor_details()}
    return [(str(details[index]["name"]), _real(interpreter.get_tensor(index), details[index])) for index in layers]


def _real(raw: NDArray[Any], details: dict[str, Any]) -> NDArray[np.float32]:
    scale, zero_point = details["quantization"]
    real: NDArray[np.float32] = raw.astype(np.float32)
    return (real - np.float32(zero_point)) * np.float32(scale) if scale else real
