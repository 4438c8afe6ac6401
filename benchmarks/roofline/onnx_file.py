"""The arithmetic of a .onnx file. 8-bit graphs are operators between pairs of (de)quantization, which runtimes fuse."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.roofline.operations import EIGHT_BITS, Operation, is_matrix, per_image, unknown

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
_MULTIPLY = ("Conv", "ConvTranspose", "Gemm", "MatMul")  # the first input with the second
_VALUE_BY_VALUE = ("Mul", "Add", "Sub", "Div", QUANTIZE, DEQUANTIZE)  # may have a constant as large as an image


@dataclass(frozen=True)
class _Tensor:
    """shape: 1 for an open axis. constant: whether the file holds its values."""

    shape: tuple[int, ...]
    dtype: str
    constant: bool

    @property
    def bytes(self) -> int:
        """Of a weight all, of an activation those of one image."""
        import numpy as np

        return (math.prod(self.shape) if self.constant else per_image(self.shape)) * np.dtype(self.dtype).itemsize


def operations(content: bytes) -> Iterator[Operation]:
    """Raises UsageError for an operator with weights that is not known, and one whose tensors have no type or shape."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(content)).graph
    tensors = _tensors(graph)
    stored = {
        node.output[0]: node.input[0] for node in graph.node if node.op_type == DEQUANTIZE and node.input[0] in tensors
    }
    quantized = {node.input[0]: node.output[0] for node in graph.node if node.op_type == QUANTIZE}
    for node in graph.node:
        names = [stored.get(name, name) for name in node.input if name]
        given_name = quantized.get(node.output[0], node.output[0])
        if not tensors.keys() >= {*names, given_name}:  # behind an operator that onnx does not know
            raise unknown(node.op_type)
        taken, given = [tensors[name] for name in names], tensors[given_name]
        if node.op_type not in _MULTIPLY:
            if node.op_type not in _VALUE_BY_VALUE and any(one.constant and is_matrix(one.shape) for one in taken):
                raise unknown(node.op_type)
            continue
        if not taken[1].constant:
            raise unknown(f"{node.op_type} of two activations")
        yield Operation(
            name=node.name or node.output[0],
            operator=node.op_type,
            macs=_macs(node.op_type, taken[0], taken[1], given),
            arithmetic="int8" if taken[1].dtype in EIGHT_BITS else "fp32",
            weight_bytes=sum(one.bytes for one in taken[1:]),
            activation_bytes=taken[0].bytes + given.bytes,
        )


def _macs(operator: str, taken: _Tensor, weights: _Tensor, given: _Tensor) -> int:
    if operator == "Conv":
        return math.prod(given.shape[2:]) * math.prod(weights.shape)
    if operator == "ConvTranspose":  # each pixel that goes in is multiplied with the whole kernel
        return math.prod(taken.shape[2:]) * math.prod(weights.shape)
    return math.prod(given.shape[1:-1]) * math.prod(weights.shape)


def _tensors(graph: Any) -> dict[str, _Tensor]:
    """Every tensor of the graph whose type and shape are known, by name."""
    from onnx import helper

    found = {}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        kind = value.type.tensor_type
        if not kind.elem_type or not kind.HasField("shape"):
            continue
        shape = tuple(axis.dim_value or 1 for axis in kind.shape.dim)
        found[value.name] = _Tensor(shape, helper.tensor_dtype_to_np_dtype(kind.elem_type).name, False)
    for weight in graph.initializer:
        dtype = helper.tensor_dtype_to_np_dtype(weight.data_type).name
        found[weight.name] = _Tensor(tuple(weight.dims), dtype, True)
    return found
