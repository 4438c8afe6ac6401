"""What a model file says of itself, beside what the formats' own libraries say; and what is refused in it before anything
runs it: data elsewhere, foreign operators, loops and branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from onnx import TensorProto, helper

from convert.proof.specs import operator_names, read_specs
from edgeproof.bundle import load_bundle
from edgeproof.errors import IntegrityError
from edgeproof.input_contract import GLYPHS
from edgeproof.manifest import Artifact
from edgeproof.model_file import describe

BUNDLE = load_bundle()


def graph_of(*nodes: Any, weights: list[Any] | None = None) -> Any:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ("N", 1, 28, 28))
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ("N", 10))
    return helper.make_graph(list(nodes), "g", [image], [logits], weights or [])


def model_of(graph: Any) -> Any:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)])


def branch() -> Any:
    bare = helper.make_graph([], "inner", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("N", 10))])
    return model_of(graph_of(helper.make_node("If", ["c"], ["logits"], then_branch=bare, else_branch=bare)))


def loop_inside() -> Any:
    """A loop within a branch: only a search of the inner graphs finds it."""
    loop = helper.make_graph([helper.make_node("Loop", ["n", "c"], ["y"])], "inner", [], [])
    inner = helper.make_node("Mul", ["image", "image"], ["logits"])
    node = helper.make_node("Identity", ["image"], ["z"])
    node.attribute.append(helper.make_attribute("body", loop))
    return model_of(graph_of(inner, node))


def foreign_operator() -> Any:
    return model_of(graph_of(helper.make_node("Classify", ["image"], ["logits"], domain="mine")))


def function() -> Any:
    model = model_of(graph_of(helper.make_node("Identity", ["image"], ["logits"])))
    model.functions.append(helper.make_function("mine", "F", ["a"], ["a"], [], [helper.make_opsetid("", 17)]))
    return model


def external_data() -> Any:
    weight = onnx.numpy_helper.from_array(np.zeros(4, np.float32), "w")
    onnx.external_data_helper.set_external_data(weight, "../../etc/passwd")
    weight.ClearField("raw_data")
    return model_of(graph_of(helper.make_node("Add", ["image", "w"], ["logits"]), weights=[weight]))


def sparse(part: str) -> Any:
    """A sparse weight, of which one part lies in another file."""
    parts = {
        "values": onnx.numpy_helper.from_array(np.zeros(1, np.float32), "w"),
        "indices": onnx.numpy_helper.from_array(np.zeros(1, np.int64), "i"),
    }
    onnx.external_data_helper.set_external_data(parts[part], "weights.bin")
    parts[part].ClearField("raw_data")
    return helper.make_sparse_tensor(parts["values"], parts["indices"], [4])


def sparse_weight(part: str) -> Any:
    model = model_of(graph_of(helper.make_node("Add", ["image", "w"], ["logits"])))
    model.graph.sparse_initializer.append(sparse(part))
    return model


def sparse_constant(part: str) -> Any:
    return model_of(graph_of(helper.make_node("Constant", [], ["logits"], sparse_value=sparse(part))))


def constant() -> Any:
    weight = onnx.numpy_helper.from_array(np.zeros(4, np.float32), "w")
    onnx.external_data_helper.set_external_data(weight, "weights.bin")
    return model_of(graph_of(helper.make_node("Constant", [], ["logits"], value=weight)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sparse_weight("values"), "weight w: is kept in another file"),
        (lambda: sparse_weight("indices"), "weight i: is kept in another file"),
        (lambda: sparse_constant("values"), "weight w: is kept in another file"),
        (lambda: sparse_constant("indices"), "weight i: is kept in another file"),
        (constant, "weight w: is kept in another file"),
        (branch, "operator If: expected a graph without loops and branches"),
        (loop_inside, "operator Loop: expected a graph without loops and branches"),
        (foreign_operator, "operator mine:Classify: expected standard operators only"),
        (function, "operator mine:F: expected standard operators only"),
        (external_data, "weight w: is kept in another file"),
    ],
)
def test_onnx_that_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        read_specs(make().SerializeToString(), "onnx", GLYPHS)


def changed(content: bytes, change: Callable[[Any], None]) -> bytes:
    """A .tflite file with its first operator made into another."""
    return remade(content, lambda model: change(model.operatorCodes[0]))


def remade(content: bytes, change: Callable[[Any], None]) -> bytes:
    import flatbuffers

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(content), 0))
    change(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def custom(code: Any) -> None:
    code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM, schema.BuiltinOperator.CUSTOM
    code.customCode = b"FlexConv2D"


def endless(code: Any) -> None:
    code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.WHILE, schema.BuiltinOperator.WHILE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (custom, "operator custom:FlexConv2D: expected standard operators only"),
        (endless, "operator WHILE: expected a graph without loops and branches"),
    ],
)
def test_tflite_that_is_refused(change: Callable[[Any], None], message: str) -> None:
    content = BUNDLE.content(BUNDLE.manifest.artifact("fp32.tflite"))
    assert "CONV_2D" in operator_names(changed(content, lambda _: None))
    with pytest.raises(IntegrityError, match=message):
        read_specs(changed(content, change), "tflite", GLYPHS)


def test_a_second_graph_and_weights_outside_the_tables_are_refused() -> None:
    content = BUNDLE.content(BUNDLE.manifest.artifact("fp32.tflite"))
    with pytest.raises(IntegrityError, match="expected one graph, found 2"):
        describe(remade(content, lambda model: model.subgraphs.append(model.subgraphs[0])), "tflite")
    with pytest.raises(IntegrityError, match="is kept outside the tables"):
        describe(remade(content, lambda model: setattr(model.buffers[1], "offset", 64)), "tflite")


@pytest.mark.parametrize("row", BUNDLE.manifest.usable, ids=lambda row: row.name)
def test_what_ships_is_described_as_by_the_formats_own_libraries(row: Artifact) -> None:
    content = BUNDLE.content(row)
    description = describe(content, row.format)
    assert description.precision == row.precision
    if row.format == "onnx":
        graph = onnx.load_from_string(content).graph
        assert description.operators == tuple(sorted({node.op_type for node in graph.node}))
        ends = [(value.name, value.type.tensor_type.elem_type) for value in (graph.input[0], graph.output[0])]
        ours = [(tensor.name, tensor.dtype) for tensor in (description.input, description.output)]
        assert ours == [(name, helper.tensor_dtype_to_np_dtype(kind).name) for name, kind in ends]
        return
    interpreter = Interpreter(model_content=content)
    assert "CONV_2D" in operator_names(content)
    for tensor, details in (
        (description.input, interpreter.get_input_details()[0]),
        (description.output, interpreter.get_output_details()[0]),
    ):
        assert (tensor.name, np.dtype(tensor.dtype)) == (details["name"], details["dtype"])
        assert tensor.shape == tuple("N" if size == -1 else size for size in details["shape_signature"])
        assert (tensor.scale or 0.0, tensor.zero_point or 0) == details["quantization"]
