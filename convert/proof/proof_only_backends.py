"""Runtimes that an artifact is proven on where they are installed, and that no device code of ours drives: OpenVINO for
both formats, tflite-micro for .tflite.

They are proof only: not ranked, not timed, not offered by `edgeproof read`. Whoever has one of them on a device learns here
whether it answers as Keras does.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.backends import Backend
from edgeproof.errors import UnavailableError
from edgeproof.support.native_output import native_output

FORMATS = {"openvino": ("onnx", "tflite"), "tflite-micro": ("tflite",)}


def open_proof_only(name: str, content: bytes) -> Backend:
    """Load the `content` of a model file with the runtime `name`.

    Raises UnavailableError when it is not installed, or does not run the file.
    """
    return _OpenVINO(content) if name == "openvino" else TFLiteMicro(content)


class _OpenVINO:
    fills_batches = False

    def __init__(self, content: bytes) -> None:
        # Importing it would report to its maker's server, through this package; without it, nothing is missing.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        try:
            import openvino
        except ImportError as missing:
            raise UnavailableError(f"OpenVINO is not installed ({missing}): install openvino") from None
        core = openvino.Core()
        # By default it computes in bfloat16 on CPUs that can: the file says float32.
        options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        # From memory it reads .onnx alone; it tells the format by the name.
        with (
            native_output(),
            tempfile.NamedTemporaryFile(suffix=".tflite" if content[4:8] == b"TFL3" else ".onnx") as file,
        ):
            file.write(content)
            file.flush()
            try:
                model = core.compile_model(core.read_model(file.name), "CPU", options)
            except RuntimeError as error:
                raise UnavailableError(f"OpenVINO does not run it: {_one_line(error)}") from None
        self._request: Any = model.create_infer_request()
        self.provider = " ".join(model.get_property("EXECUTION_DEVICES"))
        self.version = metadata.version("openvino")

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        return np.array(self._request.infer([images])[0])  # a copy: the next call writes over its memory

    def close(self) -> None:
        self._request = None


class TFLiteMicro:
    """The interpreter of microcontrollers. arena: bytes for all tensors; null for ample."""

    provider = "reference kernels"
    fills_batches = False

    def __init__(self, content: bytes, arena: int | None = None) -> None:
        try:
            from tflite_micro.python.tflite_micro import runtime
        except ImportError as missing:
            raise UnavailableError(
                f"tflite-micro is not installed ({missing}): install tflite-micro (x86-64 only)"
            ) from None
        with native_output() as printed:  # it says there what it does not like, and raises a word
            try:
                self.interpreter: Any = runtime.Interpreter.from_bytes(content, arena_size=arena)
            except RuntimeError as error:
                raise UnavailableError(f"tflite-micro does not run it: {_one_line(printed() or error)}") from None
        self.version = metadata.version("tflite-micro")

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([self._one(image[None]) for image in images])

    def _one(self, image: NDArray[Any]) -> NDArray[Any]:
        self.interpreter.set_input(image, 0)
        self.interpreter.invoke()
        return np.array(self.interpreter.get_output(0))

    def close(self) -> None:
        self.interpreter = None


def _one_line(what: object) -> str:
    return " ".join(str(what).split())[-200:] or "no reason given"
