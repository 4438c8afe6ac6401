"""LiteRT (formerly TensorFlow Lite): .tflite files on the CPU with XNNPACK."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeproof.bundle import Artifact
from edgeproof.errors import IntegrityError, UnavailableError
from edgeproof.quiet import native_output


class _LiteRTModel:
    provider = "XNNPACK"

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]
        self._batch = 0
        self.version = metadata.version("ai-edge-litert")

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        if len(images) != self._batch:  # a new batch size allocates anew: callers keep to a few sizes
            self._interpreter.resize_tensor_input(self._input, images.shape)
            self._interpreter.allocate_tensors()
            self._batch = len(images)
        self._interpreter.set_tensor(self._input, images)
        self._interpreter.invoke()
        output: NDArray[Any] = self._interpreter.get_tensor(self._output)
        return output

    def close(self) -> None:
        self._interpreter = None


def open_model(file: Path, _artifact: Artifact, device: str, threads: int) -> _LiteRTModel:
    """Load a .tflite file; `device` must be "cpu"."""
    if device != "cpu":
        raise UnavailableError(
            f"device {device}: LiteRT runs on the CPU here: use --backend onnxruntime, or --device cpu"
        )
    from ai_edge_litert.interpreter import Interpreter

    with native_output():  # it greets on stderr
        try:
            interpreter = Interpreter(model_path=str(file), num_threads=threads)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise IntegrityError(f"{file.name}: LiteRT refuses it: {str(error).splitlines()[0]}") from None
    return _LiteRTModel(interpreter)
