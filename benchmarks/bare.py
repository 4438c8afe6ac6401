"""*Bare*, in every benchmark: a runtime's own Python calls, as somebody would write them without edgeproof, on one thread of
the CPU, from a tensor that was made before to the raw output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

Call = Callable[[Any], Any]


def onnxruntime(content: bytes) -> Call:
    """Of an ONNX file with one input and one output."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda tensor: session.run(None, {name: tensor})[0]


def litert(content: bytes, *, fetch: bool = True) -> Call:
    """Of a TensorFlow Lite file with one input and one output. fetch: False leaves the output where it is."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def call(tensor: NDArray[Any]) -> Any:
        interpreter.set_tensor(taken, tensor)
        interpreter.invoke()
        return interpreter.get_tensor(given) if fetch else None

    return call


#: By backend: from a model file's content to its call.
BARE: dict[str, Callable[[bytes], Call]] = {"litert": litert, "onnxruntime": onnxruntime}
