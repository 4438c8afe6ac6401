"""What an exporter made, opened as its own runtime's documentation does it, on one thread: from an image to the file's answer.

The same few lines serve every file, edgeproof's own too, so that no exporter is helped: what a float file takes is cast, what
an 8-bit file takes is quantized by the scale that it states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Answer = Callable[[NDArray[np.uint8]], NDArray[Any]]


@dataclass(frozen=True)
class Opened:
    """A file in its runtime. answer: of one image uint8 (1, H, W, C), the raw output (1, classes)."""

    runtime: str
    answer: Answer

    def classes(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """int64 (n,): index of the largest output for each of images uint8 (n, H, W, C)."""
        return np.array([self.answer(images[i : i + 1])[0].argmax() for i in range(len(images))], np.int64)


def opened(file: Path) -> Opened:
    """The model file, ready to answer. Raises what its runtime raises when it refuses the file."""
    return Opened("LiteRT", _litert(file)) if file.suffix == ".tflite" else Opened("ONNX Runtime", _onnxruntime(file))


def _litert(file: Path) -> Answer:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = taken["quantization"]

    def answer(image: NDArray[np.uint8]) -> NDArray[Any]:
        interpreter.set_tensor(taken["index"], _as_taken(image, taken["dtype"], scale, zero_point))
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(given["index"]))

    return answer


def _as_taken(image: NDArray[np.uint8], dtype: Any, scale: float, zero_point: int) -> NDArray[Any]:
    if dtype == np.float32:
        return image.astype(np.float32)
    if dtype == np.uint8 and scale == 1 and zero_point == 0:
        return image
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(image / scale) + zero_point, limits.min, limits.max), dtype)


def _onnxruntime(file: Path) -> Answer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()

    def answer(image: NDArray[np.uint8]) -> NDArray[Any]:
        tensor = image.astype(np.float32)
        if tuple(taken.shape[1:]) != image.shape[1:]:  # channels first
            tensor = np.ascontiguousarray(np.moveaxis(tensor, -1, 1))
        return np.asarray(session.run(None, {taken.name: tensor})[0])

    return answer
