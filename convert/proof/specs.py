"""What a converted file says of its own input and output, and whether it holds what no glyph classifier needs.

Both are read back from the file, never typed in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeproof.errors import GateError, IntegrityError
from edgeproof.manifest import TensorSpec
from edgeproof.support.native_output import native_output

_LAYOUTS: dict[tuple[int | str, ...], str] = {("N", 28, 28, 1): "NHWC", ("N", 1, 28, 28): "NCHW"}
_PIXEL_SCALES = (1.0, 1 / 255)  # a graph that scales inside sees 0..255 as 0..255, one that was trained on 0..1 as 0..1
_ZERO_POINTS = {"uint8": 0, "int8": -128}
#: Operators that run another graph as often as the data says: a file could keep a device busy for ever.
_CONTROL_FLOW = {
    "onnx": {"If", "Loop", "Scan", "SequenceMap"},
    "tflite": {"CALL", "CALL_ONCE", "IF", "STABLEHLO_WHILE", "WHILE"},
}


def read_specs(content: bytes, format: str) -> tuple[TensorSpec, TensorSpec]:
    """Input and output of a .onnx or .tflite file.

    Raises IntegrityError when it is no such file, or holds what is refused: data in other files, operators of its own,
    control flow. Raises GateError when the device could not feed it raw pixels.
    """
    read = {"onnx": _from_onnx, "tflite": _from_tflite}[format]
    try:
        check_operators(operators(content, format), format)
        source, target = read(content)
    except (GateError, IntegrityError):
        raise
    except Exception as error:  # the parsers share no base class
        raise IntegrityError(f"the converter's output is no .{format} file: {error}") from None
    check_input(source)
    return source, target


def operators(content: bytes, format: str) -> tuple[str, ...]:
    """Names of the operators that a file uses, sorted; one that is not of the standard is "its domain:its name".

    Raises IntegrityError for an .onnx file that keeps weights in other files, which the hash of this one does not cover.
    """
    return {"onnx": _onnx_operators, "tflite": _tflite_operators}[format](content)


def check_operators(names: tuple[str, ...], format: str) -> None:
    """Raise IntegrityError for an operator that no glyph classifier needs."""
    for name in names:
        if ":" in name:
            raise IntegrityError(f"operator {name}: expected standard operators only: it needs code from elsewhere")
        if name in _CONTROL_FLOW[format]:
            raise IntegrityError(f"operator {name}: expected a graph without loops and branches: it may run for ever")


def check_input(spec: TensorSpec) -> None:
    """Refuse an integer input that does not take bytes as they are: the device never divides by a scale."""
    if spec.scale is None:
        return
    fits = any(np.isclose(spec.scale, scale, rtol=1e-4) for scale in _PIXEL_SCALES)
    if not fits or spec.zero_point != _ZERO_POINTS.get(spec.dtype):
        raise GateError(
            f"input: expected scale 1 or 1/255 and zero point 0 for uint8, −128 for int8, found {spec.scale:.6g} and "
            f"{spec.zero_point} for {spec.dtype}: the calibration images do not span 0..255; train again"
        )


def _onnx_operators(content: bytes) -> tuple[str, ...]:
    import onnx

    model = onnx.load_from_string(content)
    found = {f"{function.domain or 'local'}:{function.name}" for function in model.functions}
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        for weight in (*graph.initializer, *(tensor.values for tensor in graph.sparse_initializer)):
            if weight.data_location == onnx.TensorProto.EXTERNAL or weight.external_data:
                raise IntegrityError(f"weight {weight.name}: is kept in another file, which no hash covers")
        for node in graph.node:
            found.add(node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}:{node.op_type}")
            for attribute in node.attribute:
                graphs += [attribute.g] if attribute.HasField("g") else list(attribute.graphs)
                if attribute.HasField("t") and attribute.t.data_location == onnx.TensorProto.EXTERNAL:
                    raise IntegrityError(f"node {node.name}: keeps a constant in another file, which no hash covers")
    return tuple(sorted(found))


def _tflite_operators(content: bytes) -> tuple[str, ...]:
    from ai_edge_litert import schema_py_generated as schema

    if content[4:8] != b"TFL3":
        raise ValueError("expected the Flatbuffer identifier TFL3")
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    found = set()
    for code in schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(content), 0)).operatorCodes:
        name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        found.add(f"custom:{(code.customCode or b'').decode(errors='replace')}" if name == "CUSTOM" else name)
    return tuple(sorted(found))


def _from_onnx(content: bytes) -> tuple[TensorSpec, TensorSpec]:
    import onnx

    graph = onnx.load_from_string(content).graph

    def spec(value: onnx.ValueInfoProto) -> TensorSpec:
        kind = value.type.tensor_type
        shape = tuple(dim.dim_param or int(dim.dim_value) for dim in kind.shape.dim)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
        return _spec(value.name, dtype, shape, None, None)

    return spec(graph.input[0]), spec(graph.output[0])


def _from_tflite(content: bytes) -> tuple[TensorSpec, TensorSpec]:
    from ai_edge_litert.interpreter import Interpreter

    with native_output():
        interpreter = Interpreter(model_content=content)

    def spec(details: dict[str, Any]) -> TensorSpec:
        shape = tuple("N" if size == -1 else int(size) for size in details["shape_signature"])
        quantization = details["quantization_parameters"]
        scale = zero_point = None
        if len(quantization["scales"]):
            (scale,), (zero_point,) = quantization["scales"].tolist(), quantization["zero_points"].tolist()
        return _spec(details["name"], np.dtype(details["dtype"]).name, shape, scale, zero_point)

    return spec(interpreter.get_input_details()[0]), spec(interpreter.get_output_details()[0])


def _spec(
    name: str, dtype: Any, shape: tuple[int | str, ...], scale: float | None, zero_point: int | None
) -> TensorSpec:
    layout: Any = "NC" if len(shape) == 2 else _LAYOUTS.get(shape)
    if layout is None or shape[0] != "N":
        raise GateError(f"tensor {name}: expected (N, 28, 28, 1), (N, 1, 28, 28) or (N, classes), found {shape}")
    return TensorSpec(name, dtype, layout, shape, scale, zero_point)
