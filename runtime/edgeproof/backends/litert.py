"""LiteRT (formerly TensorFlow Lite): .tflite files on the CPU, with XNNPACK where that has kernels for them."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from edgeproof.backends import Runtime
from edgeproof.errors import IntegrityError
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeproof.manifest import Artifact

RUNTIME = Runtime(
    title="LiteRT",
    format="tflite",
    own=True,
    module="ai_edge_litert.interpreter",
    packages=("ai-edge-litert",),
    extras=("litert",),
    devices={"cpu": "install edgeproof[litert]"},
)


class _LiteRTModel:
    fills_batches = False

    def __init__(self, content: bytes, threads: int) -> None:
        self._content, self._threads = content, threads
        # By batch size: an interpreter that changes its own would allocate anew each time.
        self._interpreters: dict[int, tuple[Any, int, int]] = {}
        with native_output():  # the first of a process greets on stderr
            interpreter, _, _ = self._interpreter_for(1)
        delegated = any(step["op_name"] == "DELEGATE" for step in interpreter._get_ops_details())
        self.provider = "XNNPACK" if delegated else "LiteRT's own kernels"
        self.version = metadata.version("ai-edge-litert")

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        interpreter, taken, given = self._interpreters.get(len(images)) or self._interpreter_for(len(images))
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        output: NDArray[Any] = interpreter.get_tensor(given)
        return output

    def _interpreter_for(self, batch: int) -> tuple[Any, int, int]:
        """An interpreter for `batch` images, with the numbers of its input and its output tensor."""
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=self._content, num_threads=self._threads)
        taken = interpreter.get_input_details()[0]
        interpreter.resize_tensor_input(taken["index"], (batch, *taken["shape"][1:]))
        interpreter.allocate_tensors()
        made = interpreter, int(taken["index"]), int(interpreter.get_output_details()[0]["index"])
        self._interpreters[batch] = made
        return made

    def close(self) -> None:
        self._interpreters.clear()


def open_model(content: bytes, artifact: Artifact, _device: str, threads: int) -> _LiteRTModel:
    """Load a .tflite file. Raises IntegrityError when LiteRT refuses it."""
    try:
        return _LiteRTModel(content, threads)
    except (ValueError, RuntimeError) as error:
        raise IntegrityError(f"{artifact.name}: LiteRT refuses it: {str(error).splitlines()[0]}") from None
