"""Whether sums of 8-bit products overflow on this CPU.

Without VNNI instructions, x86 kernels multiply unsigned by signed bytes and add neighbours in 16 bits, with saturation:
255·127 + 255·127 becomes 32,767. A graph with large weights beside large activations then answers differently from one
CPU to the next, with no error anywhere.
"""

from __future__ import annotations

import numpy as np

from edgeproof.support.native_output import native_output

DEPTH, WIDTH = 64, 16  # of the probed product: enough for every kernel to take its vector path
ACTIVATION, WEIGHT = 255, 127  # the largest of both: two products do not fit 16 bits, 64 fit 32


def saturates() -> bool:
    """True when ONNX Runtime's kernels on this CPU get an exact product of bytes wrong."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    graph = helper.make_graph(
        [node],
        "probe",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, (1, DEPTH))],
        [helper.make_tensor_value_info("y", TensorProto.INT32, (1, WIDTH))],
        [onnx.numpy_helper.from_array(np.full((DEPTH, WIDTH), WEIGHT, np.int8), "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with native_output():
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        product = session.run(None, {"a": np.full((1, DEPTH), ACTIVATION, np.uint8)})[0]
    return bool((product != ACTIVATION * WEIGHT * DEPTH).any())
