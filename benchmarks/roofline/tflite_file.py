"""The arithmetic of a .tflite file, by the schema that comes with LiteRT."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from benchmarks.roofline.operations import EIGHT_BITS, Operation, is_matrix, per_image, unknown

#: Operators that multiply: which input is the activation and which the weights.
_MULTIPLY = {
    "CONV_2D": (0, 1), "DEPTHWISE_CONV_2D": (0, 1), "FULLY_CONNECTED": (0, 1), "TRANSPOSE_CONV": (2, 1),
}  # fmt: skip
_VALUE_BY_VALUE = ("MUL", "ADD", "SUB", "DIV", "QUANTIZE", "DEQUANTIZE")  # may have a constant as large as an image
_OF_WEIGHTS = (*EIGHT_BITS, "float16", "float32")


def operations(content: bytes) -> Iterator[Operation]:
    """Raises UsageError for an operator with weights that is not known."""
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromPackedBuf(content, 0)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    used = [names.get(code, f"of code {code}") for code in codes]  # one newer than the schema has no name
    graph = model.subgraphs[0]
    constant = {i for i, tensor in enumerate(graph.tensors) if model.buffers[tensor.buffer].data is not None}
    stored = {  # float16 weights: an operator of the graph makes them float32
        op.outputs[0]: op.inputs[0]
        for op in graph.operators
        if used[op.opcodeIndex] == "DEQUANTIZE" and op.inputs[0] in constant
    }
    for op in graph.operators:
        operator = used[op.opcodeIndex]
        taken = [stored.get(i, i) for i in op.inputs]
        held = [graph.tensors[i] for i in taken if i in constant]
        if operator in _MULTIPLY:
            source, weights = (taken[place] for place in _MULTIPLY[operator])
            if weights not in constant:
                raise unknown(f"{operator} of two activations")
            yield _operation(
                operator, graph.tensors[source], graph.tensors[weights], held, graph.tensors[op.outputs[0]]
            )
        elif operator not in _VALUE_BY_VALUE and any(
            _dtype(one) in _OF_WEIGHTS and is_matrix(_shape(one)) for one in held
        ):
            raise unknown(operator)


def _operation(operator: str, source: Any, weights: Any, held: list[Any], target: Any) -> Operation:
    """held: all constants of the operator."""
    pixels = _shape(source if operator == "TRANSPOSE_CONV" else target)[1:-1]
    return Operation(
        name=target.name.decode(),
        operator=operator,
        macs=math.prod(pixels) * math.prod(_shape(weights)),
        arithmetic="int8" if _dtype(weights) in EIGHT_BITS else "fp32",
        weight_bytes=sum(math.prod(_shape(one)) * _item(one) for one in held),
        activation_bytes=sum(per_image(_shape(one)) * _item(one) for one in (source, target)),
    )


def _shape(tensor: Any) -> tuple[int, ...]:
    """Empty for a scalar, which may have none."""
    return () if tensor.shape is None else tuple(map(int, tensor.shape))


def _dtype(tensor: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
    return str(names[tensor.type]).lower()


def _item(tensor: Any) -> int:
    import numpy as np

    return np.dtype(_dtype(tensor)).itemsize
