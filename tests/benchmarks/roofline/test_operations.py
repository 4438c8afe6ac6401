"""What is multiplied, read from the files themselves: by hand for small graphs, and alike in every format of one model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from benchmarks.roofline import one_operator
from benchmarks.roofline.measure import read_work
from benchmarks.roofline.operations import Operation, Work
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.errors import UsageError

FLOAT, INT8 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT8


def graph_of(nodes: list[onnx.NodeProto], taken: list[int], given: list[int], **weights: np.ndarray) -> bytes:
    held = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    ends = [helper.make_tensor_value_info(n, FLOAT, ["N", *sides]) for n, sides in (("x", taken), ("y", given))]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def test_a_convolution_by_hand() -> None:
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", pads=[1, 1, 1, 1], strides=[2, 2])
    content = graph_of([node], [3, 8, 6], [5, 4, 3], w=np.zeros((5, 3, 3, 3), np.float32), b=np.zeros(5, np.float32))
    (found,) = read_work(content, "onnx").operations
    # 4·3 pixels of 5 channels, each of 3·3·3 products; weights and 5 biases, 3·8·6 values in and 5·4·3 out, of 4 bytes
    assert found == Operation("conv", "Conv", 12 * 5 * 27, "fp32", 4 * (135 + 5), 4 * (144 + 60))


@pytest.mark.parametrize(("group", "weights"), [(1, (4, 4, 3, 3)), (4, (4, 1, 3, 3))])
def test_groups_divide_the_products(group: int, weights: tuple[int, ...]) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], group=group)
    content = graph_of([node], [4, 5, 5], [4, 5, 5], w=np.zeros(weights, np.float32))
    assert read_work(content, "onnx").macs == 25 * 4 * 4 * 9 // group


def test_weights_behind_a_dequantization_are_eight_bits() -> None:
    """Between its pairs of quantization a product reads and writes bytes: 10 of 6 in, 5 out, 6·5 weights."""
    scale, zero = np.float32(0.1).reshape(()), np.zeros((), np.int8)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wd"]),
        helper.make_node("MatMul", ["xd", "wd"], ["m"], name="product"),
        helper.make_node("QuantizeLinear", ["m", "s", "z"], ["mq"]),
        helper.make_node("DequantizeLinear", ["mq", "s", "z"], ["y"]),
    ]
    content = graph_of(nodes, [10, 6], [10, 5], w=np.zeros((6, 5), np.int8), s=scale, z=zero)
    assert read_work(content, "onnx").operations == (Operation("product", "MatMul", 10 * 6 * 5, "int8", 30, 60 + 50),)


def test_weights_of_an_operator_that_is_not_known_are_an_error() -> None:
    node = helper.make_node("Einsum", ["x", "w"], ["y"], equation="bi,io->bo")
    content = graph_of([node], [6], [5], w=np.zeros((6, 5), np.float32))
    with pytest.raises(UsageError, match="operator Einsum: its multiply-accumulates are not known"):
        read_work(content, "onnx")


def test_what_stands_behind_an_operator_that_onnx_does_not_know_is_an_error() -> None:
    nodes = [
        helper.make_node("Fused", ["x"], ["f"], domain="elsewhere"),
        helper.make_node("MatMul", ["f", "w"], ["y"]),
    ]
    model = onnx.load_from_string(graph_of(nodes, [6], [5], w=np.zeros((6, 5), np.float32)))
    model.opset_import.append(helper.make_opsetid("elsewhere", 1))
    content = model.SerializeToString()
    with pytest.raises(UsageError, match="operator Fused: its multiply-accumulates are not known"):
        read_work(content, "onnx")


def test_a_model_without_weights_is_an_error() -> None:
    content = graph_of([helper.make_node("Relu", ["x"], ["y"])], [6], [6])
    with pytest.raises(UsageError, match="found none"):
        read_work(content, "onnx")


def test_a_product_in_tflite_by_hand() -> None:
    (found,) = read_work(one_operator.product("tflite", "int8", 16), "tflite").operations
    assert (found.operator, found.arithmetic, found.macs) == ("FULLY_CONNECTED", "int8", 16 * 16)
    assert (found.weight_bytes, found.activation_bytes) == (256, 32)


def test_work_divides_the_weights_among_the_images_of_a_call() -> None:
    work = Work((Operation("a", "Conv", 600, "fp32", 400, 100), Operation("b", "Gemm", 40, "int8", 240, 60)))
    assert work.macs == 640
    assert work.bytes_per_image(1) == 800
    assert work.bytes_per_image(64) == 170
    assert work.intensity(64) == pytest.approx(1280 / 170)


@pytest.mark.parametrize("name", ["carried", "colour"])
def test_every_format_of_a_model_multiplies_alike(name: str) -> None:
    """Exporters fold, fuse and quantize; what is multiplied stays."""
    bundle = load_bundle(None if name == "carried" else Path(__file__).parents[2] / "runtime" / "colour")
    found = works(bundle)
    assert {work.macs for work in found.values()} == {found["fp32.onnx"].macs}
    for artifact in bundle.manifest.usable:
        eights = [one for one in found[artifact.name].operations if one.arithmetic == "int8"]
        assert bool(eights) is ("int8" in artifact.precision), artifact.name
        assert sum(one.weight_bytes for one in found[artifact.name].operations) <= artifact.bytes


def works(bundle: Bundle) -> dict[str, Work]:
    return {row.name: read_work(bundle.content(row), row.format) for row in bundle.manifest.usable}
