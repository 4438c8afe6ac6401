"""Keras → ONNX, float32 and static 8 bits.

Two conversions of one model give the same bytes. tf2onnx numbers its names by a counter of the process and lists the
weights in a different order each time, so everything is renamed in the order of use, before quantization names more.
"""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph
from edgeproof.quiet import native_output

OPSET = 17  # 18 turns the global average into Transpose and ReduceMean; tf2onnx has no 19
IR_VERSION = 8  # what belongs to opset 17: read by ONNX Runtime since 1.12
INPUT, OUTPUT, BATCH = "image", "logits", "N"
CALIBRATION_BATCH = 50  # images per call; the extremes do not depend on it


def to_onnx(model: Any) -> bytes:
    """The float32 .onnx file of a Keras model: image float32 (N, 1, 28, 28) in 0..255 → logits float32 (N, classes)."""
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec((None, glyph.SIZE, glyph.SIZE, 1), tf.float32, name=INPUT)]
    # Not tf2onnx's from_keras: it loses the outputs of a Sequential model.
    function = tf.function(lambda image: model(image, training=False), input_signature=signature)
    with native_output():
        exported, _ = tf2onnx.convert.from_function(
            function, input_signature=signature, opset=OPSET, inputs_as_nchw=[INPUT]
        )
    return _canonical(exported)


def to_int8_onnx(model: Any, *, calibration: NDArray[np.uint8]) -> bytes:
    """The same graph with 8-bit weights (signed, a scale per channel) and activations (unsigned), as Q/DQ pairs.

    The activations' ranges are their extremes over `calibration`, uint8 (n, 28, 28). Input and output stay float32.
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = _nchw_batches(calibration)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._batches, None)

    with tempfile.TemporaryDirectory() as folder, native_output():
        float_file, folded_file, int8_file = (Path(folder, f"{name}.onnx") for name in ("float", "folded", "int8"))
        float_file.write_bytes(to_onnx(model))
        # Folds what is left of BatchNorm and scaling into the convolutions, which is what makes them quantizable.
        quant_pre_process(float_file, folded_file, skip_symbolic_shape=True)
        folded = onnx.load(folded_file)
        quantize_static(
            folded,
            int8_file,
            Reader(),
            quant_format=QuantFormat.QDQ,
            calibrate_method=CalibrationMethod.MinMax,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_exclude=_stem(folded.graph),
        )
        return _canonical(onnx.load(int8_file))


def _stem(graph: Any) -> list[str]:
    """Names of the scaling and the first convolution: with one input channel its 8-bit kernel is slower than float."""
    names = []
    for node in graph.node:
        names.append(node.name)
        if node.op_type == "Conv":
            return names
        if node.op_type not in ("Mul", "Add"):
            break
    return []


def _nchw_batches(images: NDArray[np.uint8]) -> Iterator[dict[str, NDArray[np.float32]]]:
    for start in range(0, len(images), CALIBRATION_BATCH):
        yield {INPUT: images[start : start + CALIBRATION_BATCH, None].astype(np.float32)}  # (n, 1, 28, 28)


def _canonical(model: Any) -> bytes:
    """Checked bytes of an ONNX model in a form that depends on nothing but its content."""
    import onnx

    opset = {entry.domain: entry.version for entry in model.opset_import}[""]
    if opset != OPSET:
        raise ValueError(f"expected opset {OPSET}, found {opset}")
    graph = model.graph
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
    onnx.checker.check_model(clean, full_check=True)
    return bytes(clean.SerializeToString(deterministic=True))


def _rename(graph: Any) -> None:
    """Give nodes and values their names without tf2onnx's counters, made unique in the order in which they appear."""
    names = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    taken = {INPUT, OUTPUT}

    def renamed(name: str) -> str:
        if name not in names:
            plain = re.sub(r"__\d+", "", name).removesuffix(":0")
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
