"""Model files of a single operator: matrix products to measure a core with, and what does nothing, to measure a call with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.roofline.operations import Arithmetic
from edgeproof.manifest import Format, TensorSpec

_QUANTIZED = (0.02, 0.01, 0.5)  # scales of input, weights and output: any will do, for nobody reads the product
SEED = 0


def product(format: Format, arithmetic: Arithmetic, size: int) -> bytes:
    """A model that multiplies its input (size, size) with constants (size, size): in .onnx MatMul, or MatMulInteger of uint8; in
    .tflite FULLY_CONNECTED, of int8 also in its output."""
    weights = np.random.default_rng(SEED).integers(-127, 128, (size, size))
    return (_onnx_product if format == "onnx" else _tflite_product)(arithmetic, weights)


def nothing(spec: TensorSpec, format: Format) -> bytes:
    """A model that takes what `spec` says and gives it flattened: one operator, and nothing to compute."""
    sides = [int(side) for side in spec.shape[1:]]
    if format == "onnx":
        return _onnx_file("Flatten", ("x", spec.dtype, ["N", *sides]), ("y", spec.dtype, ["N", math.prod(sides)]))
    kind = _tflite_type(spec.dtype)
    quantized = None if spec.scale is None else (spec.scale, spec.zero_point or 0)
    tensors: list[_Tensor] = [
        ("x", kind, [1, *sides], quantized, None),
        ("shape", _tflite_type("int32"), [2], None, np.array([-1, math.prod(sides)], np.int32)),
        ("y", kind, [1, math.prod(sides)], quantized, None),
    ]
    return _tflite_file("RESHAPE", tensors, [0, 1], 2)


# ---- ONNX ------------------------------------------------------------------------------------------------------------


_Value = tuple[str, str, list[Any]]  # name, type, shape


def _onnx_product(arithmetic: Arithmetic, weights: NDArray[Any]) -> bytes:
    whole, shape = arithmetic == "int8", list(weights.shape)
    taken, own, given = ("uint8", "int8", "int32") if whole else ("float32",) * 3
    operator = "MatMulInteger" if whole else "MatMul"
    return _onnx_file(operator, ("x", taken, shape), ("y", given, shape), weights.astype(own))


def _onnx_file(operator: str, taken: _Value, given: _Value, weights: NDArray[Any] | None = None) -> bytes:
    """A file with this operator alone, of an input and, where there are any, weights."""
    from onnx import helper, numpy_helper

    def info(value: _Value) -> Any:
        name, dtype, shape = value
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    held = [] if weights is None else [numpy_helper.from_array(weights, "w")]
    node = helper.make_node(operator, [taken[0], *(one.name for one in held)], [given[0]])
    graph = helper.make_graph([node], "one", [info(taken)], [info(given)], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


# ---- TensorFlow Lite -------------------------------------------------------------------------------------------------

_Quantized = tuple[float, int] | None  # scale, zero point
_Tensor = tuple[
    str, int, list[int], _Quantized, NDArray[Any] | None
]  # name, type, shape, …, values where it is constant


_VERSIONS = {"FULLY_CONNECTED": 4, "RESHAPE": 1}  # the first that take int8


def _tflite_product(arithmetic: Arithmetic, weights: NDArray[Any]) -> bytes:
    whole = arithmetic == "int8"
    kind, shape = _tflite_type("int8" if whole else "float32"), list(weights.shape)
    taken, own, given = ((scale, 0) if whole else None for scale in _QUANTIZED)
    tensors: list[_Tensor] = [
        ("x", kind, shape, taken, None),
        ("w", kind, shape, own, weights.astype("int8" if whole else "float32")),
        ("y", kind, shape, given, None),
    ]
    return _tflite_file("FULLY_CONNECTED", tensors, [0, 1, -1], 2)


def _tflite_type(dtype: str) -> int:
    from ai_edge_litert import schema_py_generated as schema

    return int(getattr(schema.TensorType, dtype.upper()))


def _tflite_file(operator: str, tensors: list[_Tensor], taken: list[int], given: int) -> bytes:
    """A file with this operator alone; -1 in `taken` leaves an input out."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    code: Any = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, operator)
    code.version = _VERSIONS[operator]
    buffers: list[Any] = [schema.BufferT()]
    graph: Any = schema.SubGraphT()
    graph.tensors = [_tflite_tensor(one, buffers) for one in tensors]
    graph.inputs, graph.outputs = [0], [given]
    op: Any = schema.OperatorT()
    op.inputs, op.outputs = taken, [given]
    if operator == "FULLY_CONNECTED":
        op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        op.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [op]
    model: Any = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tflite_tensor(one: _Tensor, buffers: list[Any]) -> Any:
    """The tensor, its values put into `buffers`."""
    from ai_edge_litert import schema_py_generated as schema

    tensor: Any = schema.TensorT()
    tensor.name, tensor.type, tensor.shape, quantized, values = one
    if values is not None:
        buffer: Any = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        tensor.buffer = len(buffers)
        buffers.append(buffer)
    if quantized is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [quantized[0]], [quantized[1]]
    return tensor
