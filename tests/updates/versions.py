"""Versions of one bundle, good and bad ones: real ONNX files, made of the shipped one without training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from edgeproof.bundle import Golden, load_bundle, publish_bundle
from edgeproof.input_contract import InputContract
from edgeproof.manifest import Choice

FP32 = "fp32.onnx"
PICTURES = InputContract((32, 32), 1, "stretch")
Change = Callable[[Any, np.random.Generator], None]


def write_version(
    folder: Path, change: Change, seed: int, *, claimed: bool = False, contract: InputContract | None = None
) -> Path:
    """A bundle at `folder` with the shipped network, changed.

    claimed: whether its golden answers are what the shipped network gave, and not its own. contract: what it takes instead of
    glyphs.
    """
    shipped = load_bundle()
    model = onnx.load_from_string(shipped.models[FP32])
    change(model, np.random.default_rng(seed))
    content = model.SerializeToString()
    row = shipped.manifest.artifact(FP32)
    images, labels, logits = shipped.golden.images, shipped.golden.labels, shipped.golden.logits[FP32]
    if contract:
        side = contract.size[0]
        images = np.pad(images, ((0, 0), (0, side - 28), (0, side - 28)))
        shape = ("N", 1, side, side)
        row = replace(row, input=replace(row.input, shape=shape), deciding=None, accuracy_through_glyph=None)
    if not claimed:
        logits = answers(content, images)
        right = logits.argmax(axis=1) == labels  # what it has wrong is no golden input of its own
        images, labels, logits = images[right], labels[right], logits[right]
    manifest = replace(
        shipped.manifest,
        artifacts=(replace(row, file=FP32),),
        ranking=(Choice(FP32, "onnxruntime", 0.1, "the only one"),),
        proofs=(),
        page=None,  # it was fitted on the answers of the shipped files
        **({"input": contract} if contract else {}),
    )
    note = {"version.txt": str(seed).encode()}
    return publish_bundle(folder, manifest, {FP32: content}, Golden(images, labels, {FP32: logits}), attachments=note)


def answers(content: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run(None, {"image": images[:, None].astype(np.float32)})[0]
    return found


def good(model: Any, random: np.random.Generator) -> None:
    """As right as the shipped one: its weights, some ten-thousandths off."""
    _weights(model, lambda values: values * (1 + random.normal(0, 1e-4, values.shape)))


def not_a_number(model: Any, _random: np.random.Generator) -> None:
    """As after a training that diverged."""
    _weights(model, lambda values: values * np.nan)


def worse(model: Any, random: np.random.Generator) -> None:
    """Noise on its weights, so much that it errs in ten golden inputs or more."""
    golden = load_bundle().golden
    kept = onnx.ModelProto()
    kept.CopyFrom(model)
    for share in np.geomspace(0.1, 3, 30):
        model.CopyFrom(kept)
        _weights(model, lambda values, share=share: values + random.normal(0, share * values.std(), values.shape))
        if (answers(model.SerializeToString(), golden.images).argmax(axis=1) != golden.labels).sum() >= 10:
            return
    raise AssertionError("so much noise, and it is right all the same")


def other_shape(model: Any, _random: np.random.Generator) -> None:
    """Pictures of 32×32."""
    for dimension in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dimension.dim_value = 32


def twice_as_slow(model: Any, _random: np.random.Generator) -> None:
    """All its layers once more, with other weights, so that no runtime finds them to be the same; their logits count nothing."""
    graph = model.graph
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        again = values if values.dtype.kind != "f" else values * np.float32(1.01)
        graph.initializer.append(numpy_helper.from_array(again, f"{tensor.name}/again"))
    nodes = list(graph.node)
    del graph.node[:]
    outside = {graph.input[0].name}
    copies = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = f"{node.name}/again"
        copy.input[:] = [name if name in outside else f"{name}/again" for name in node.input]
        copy.output[:] = [f"{name}/again" for name in node.output]
        copies.append(copy)
    output = graph.output[0].name
    nodes[-1].output[:] = [f"{output}/first"]
    zero = numpy_helper.from_array(np.float32(0), "zero")
    graph.initializer.append(zero)
    last = [
        onnx.helper.make_node("Mul", [f"{output}/again", "zero"], ["nothing"]),
        onnx.helper.make_node("Add", [f"{output}/first", "nothing"], [output]),
    ]
    graph.node.extend([*nodes, *copies, *last])


def _weights(model: Any, change: Callable[[Any], Any]) -> None:
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim > 1:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(change(values), np.float32), tensor.name))
