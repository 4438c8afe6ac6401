"""Keras → ONNX, float32 and float16; `onnx_int8` makes the 8-bit graph of the same.

Two conversions of one model give the same bytes. tf2onnx numbers its names by a counter of the process and lists the
weights in a different order each time, so everything is renamed in the order of use, before quantization names more.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    import keras
    import onnx

OPSET = 17  # 18 turns the global average into Transpose and ReduceMean; tf2onnx has no 19
IR_VERSION = 8  # what belongs to opset 17; run with ONNX Runtime 1.19.0, the oldest we support (make test-oldest)
CONTROL_FLOW = "{operator} at {name}: control flow, which no device takes"
INPUT, OUTPUT, BATCH = "image", "logits", "N"
COUNTER = re.compile(r"(\.\d+)+$")  # what an earlier renaming put behind equal names
#: Of equal constants tf2onnx keeps one, under now this name, now that.
CONSTANT = re.compile(r"^const(_[a-z_]+)?$", re.IGNORECASE)


def to_onnx(model: keras.Model) -> bytes:
    """The float32 .onnx file of a Keras model: image float32 (N, C, H, W) in 0..255 → logits float32 (N, classes)."""
    import tf2onnx

    with native_output():
        graph, image, logits = _frozen(model)
        exported, _ = tf2onnx.convert.from_graph_def(
            graph, input_names=[image], output_names=[logits], opset=OPSET, inputs_as_nchw=[image]
        )
    return _folded(canonical(exported))


def to_fp16_onnx(model: keras.Model) -> bytes:
    """The same graph with float16 weights and arithmetic; input and output stay float32."""
    import onnx
    from onnxconverter_common import float16

    with native_output():
        exported = float16.convert_float_to_float16(onnx.load_from_string(to_onnx(model)), keep_io_types=True)
    return canonical(exported)


def _frozen(model: keras.Model) -> tuple[Any, str, str]:
    """The model as a TensorFlow graph with all its values inside, and the names of its input and its output.

    tf2onnx makes another input of every constant that a layer has kept since it was built, and loses the outputs of a
    Sequential model: it is given neither.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = [tf.TensorSpec(model.input_shape, tf.float32, name=INPUT)]
    function = tf.function(lambda image: model(image, training=False), input_signature=signature)
    frozen = convert_variables_to_constants_v2(
        function.get_concrete_function(), lower_control_flow=False, aggressive_inlining=True
    )
    graph = frozen.graph.as_graph_def(add_shapes=True)
    for node in [node for node in graph.node if node.op == "Erfc"]:
        _write_as_erf(graph, node)
    return graph, frozen.inputs[0].name, frozen.outputs[0].name


def _write_as_erf(graph: Any, node: Any) -> None:
    """Turn the Erfc `node` of a TensorFlow `graph` into 1 − Erf: ONNX has no other. The exact GELU asks for it."""
    one, erf = graph.node.add(), graph.node.add()
    one.name, one.op = f"{node.name}/one", "Const"
    one.attr["dtype"].CopyFrom(node.attr["T"])
    one.attr["value"].tensor.dtype = node.attr["T"].type
    one.attr["value"].tensor.tensor_shape.SetInParent()
    one.attr["value"].tensor.float_val.append(1.0)
    erf.CopyFrom(node)
    erf.name, erf.op = f"{node.name}/erf", "Erf"
    node.op = "Sub"
    node.input[:] = [one.name, erf.name]


def _folded(content: bytes) -> bytes:
    """What is left of BatchNorm and scaling folded into the convolutions, matrix product and bias made one node.

    Without it those layers could not be quantized, and OpenCV's classic engine would meet a Squeeze that it gets wrong.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, native_output():
        before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
        before.write_bytes(content)
        quant_pre_process(before, after, skip_symbolic_shape=True)
        return canonical(onnx.load(after))


def canonical(model: onnx.ModelProto, notes: Mapping[str, str] | None = None) -> bytes:
    """Checked bytes of an ONNX model in a form that depends on nothing but its content; `notes` become its metadata."""
    import onnx

    opset = {entry.domain: entry.version for entry in model.opset_import}[""]
    if opset != OPSET:
        raise ValueError(f"expected opset {OPSET}, found {opset}")
    graph = model.graph
    for node in graph.node:
        if any(attribute.type in (attribute.GRAPH, attribute.GRAPHS) for attribute in node.attribute):
            raise ValueError(CONTROL_FLOW.format(operator=node.op_type, name=node.name))
    _rename(graph)
    for value in (graph.input[0], graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    weights = sorted(graph.initializer, key=lambda weight: str(weight.name))
    clean = onnx.helper.make_model(
        onnx.helper.make_graph(list(graph.node), "glyphs", list(graph.input), list(graph.output), weights),
        # Only the standard operators: quantization declares seven sets that it does not use.
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="edgeproof",
    )
    onnx.helper.set_model_props(clean, dict(notes or {}))
    onnx.checker.check_model(clean, full_check=True)
    return bytes(clean.SerializeToString(deterministic=True))


def _rename(graph: onnx.GraphProto) -> None:
    """Give nodes and values their names without tf2onnx's counters or our own, made unique in the order in which they appear."""
    names = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    taken = {INPUT, OUTPUT}

    def renamed(name: str) -> str:
        if name not in names:
            plain = re.sub(r"__\d+", "", name).removesuffix(":0")
            plain = CONSTANT.sub("const", COUNTER.sub("", plain))
            options = itertools.chain([plain], (f"{plain}.{i}" for i in itertools.count(2)))
            names[name] = next(option for option in options if option not in taken)
            taken.add(names[name])
        return names[name]

    for node in graph.node:
        node.input[:] = [renamed(name) if name else "" for name in node.input]  # "" = an input left out
        node.output[:] = [renamed(name) if name else "" for name in node.output]
        node.doc_string = ""
        node.name = f"{node.op_type}:{node.output[0]}"
    for weight in graph.initializer:
        weight.name = renamed(weight.name)
    graph.input[0].name, graph.output[0].name = INPUT, OUTPUT
