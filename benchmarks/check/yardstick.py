"""The model that all speeds are held against: the graph of recipe `cnn-32` as convert exports it to fp32.onnx, with weights that
are drawn. How long a network takes does not depend on their values, so 2.7 MB need not lie in the repository.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.bundle import Golden, write_bundle
from edgeproof.input_contract import GLYPHS
from edgeproof.manifest import SCHEMA, Artifact, Choice, Manifest, TensorSpec

ARTIFACT, BACKEND = "fp32.onnx", "onnxruntime"
SEED = 0
_IR_VERSION, _OPSET = 8, 17  # as in every file that convert writes


def write(folder: Path) -> Path:
    """Make the yardstick a bundle in the new `folder`, which is returned. Raises UnavailableError where onnx or ONNX Runtime
    is not installed."""
    from edgeproof.backends import open_backend

    folder.mkdir()
    content = model()
    row = Artifact(
        name=ARTIFACT, format="onnx", precision="fp32", status="✅", reason="drawn, not trained", file=ARTIFACT,
        accuracy_high=1.0,
        input=TensorSpec("image", "float32", "NCHW", ("N", 1, 28, 28)),
        output=TensorSpec("logits", "float32", "NC", ("N", 10)),
    )  # fmt: skip
    images = np.random.default_rng(SEED).integers(0, 256, (64, 28, 28), np.uint8)
    opened = open_backend(BACKEND, content, row, "cpu", 1)
    logits = opened.run(images[:, None].astype(np.float32))
    opened.close()
    manifest = Manifest(
        schema=SCHEMA, name="yardstick", classes=tuple("0123456789"), input=GLYPHS, artifacts=(row,),
        ranking=(Choice(ARTIFACT, BACKEND, 0.0, "the only one"),), golden_sha256="0" * 64,
    )  # fmt: skip
    write_bundle(folder, manifest, {ARTIFACT: content}, Golden(images, logits.argmax(axis=1), {ARTIFACT: logits}))
    return folder


def model() -> bytes:
    """The ONNX file: raw pixels float32 (N, 1, 28, 28) → logits float32 (N, 10), 693,962 parameters."""
    from onnx import TensorProto, checker, helper

    graph = helper.make_graph(
        _nodes(),
        "yardstick",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        _constants(),
    )
    made = helper.make_model(
        graph, producer_name="edgeproof", ir_version=_IR_VERSION, opset_imports=[helper.make_opsetid("", _OPSET)]
    )
    checker.check_model(made)
    return bytes(made.SerializeToString())


def _nodes() -> list[Any]:
    """Layer by layer, with the detour by which the converter flattens a batch of unknown size, for it is timed too."""
    from onnx import TensorProto
    from onnx.helper import make_node as node

    return [
        node("Mul", ["image", "scale"], ["scaled"]),
        node("Conv", ["scaled", "conv_weights", "conv_bias"], ["conv"], kernel_shape=[3, 3], strides=[1, 1]),
        node("Relu", ["conv"], ["conv_relu"]),
        node("MaxPool", ["conv_relu"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", ["pooled"], ["shape"]),
        node("Gather", ["shape", "channels_last"], ["shape_nhwc"]),
        node("Cast", ["shape_nhwc"], ["shape_int32"], to=TensorProto.INT32),
        node("Slice", ["shape_int32", "zero", "one", "zero"], ["count"]),
        node("Concat", ["count", "features"], ["flat_int32"], axis=0),
        node("Cast", ["flat_int32"], ["flat_shape"], to=TensorProto.INT64),
        node("Transpose", ["pooled"], ["pooled_nhwc"], perm=[0, 2, 3, 1]),
        node("Reshape", ["pooled_nhwc", "flat_shape"], ["flat"]),
        node("Gemm", ["flat", "dense_weights", "dense_bias"], ["dense"]),
        node("Relu", ["dense"], ["dense_relu"]),
        node("Gemm", ["dense_relu", "logits_weights", "logits_bias"], ["logits"]),
    ]


def _constants() -> list[Any]:
    from onnx import numpy_helper

    rng = np.random.default_rng(SEED)

    def drawn(*shape: int, inputs: int) -> NDArray[np.float32]:
        return rng.normal(0, inputs**-0.5, shape).astype(np.float32)

    values: dict[str, NDArray[Any]] = {
        "scale": np.array(1 / 255, np.float32),
        "conv_weights": drawn(32, 1, 3, 3, inputs=9),
        "conv_bias": drawn(32, inputs=9),
        "dense_weights": drawn(5408, 128, inputs=5408),
        "dense_bias": drawn(128, inputs=5408),
        "logits_weights": drawn(128, 10, inputs=128),
        "logits_bias": drawn(10, inputs=128),
        "channels_last": np.array([0, 2, 3, 1], np.int64),
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "features": np.array([5408], np.int32),
    }
    return [numpy_helper.from_array(value, name) for name, value in values.items()]
