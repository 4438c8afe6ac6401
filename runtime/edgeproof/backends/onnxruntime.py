"""ONNX Runtime: the CPU, CUDA and TensorRT providers, and the truth about which of them runs."""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeproof.backends import Runtime
from edgeproof.errors import IntegrityError, UnavailableError, first_line
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeproof.manifest import Artifact

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_LIBRARIES = {"cuda": "libonnxruntime_providers_cuda.so", "tensorrt": "libonnxruntime_providers_tensorrt.so"}
FATAL = 4  # onnxruntime's severity scale; what matters of its errors is in the exceptions and in `_why_not`

RUNTIME = Runtime(
    title="ONNX Runtime",
    format="onnx",
    own=True,
    module="onnxruntime",
    packages=("onnxruntime", "onnxruntime-gpu"),
    extras=("cpu", "gpu"),
    devices={
        "cpu": "install edgeproof[cpu]",
        "cuda": "only with an NVIDIA GPU: install its driver and edgeproof[gpu]",
        "tensorrt": "only with an NVIDIA GPU: install TensorRT beside edgeproof[gpu]",
    },
)


class _OnnxModel:
    def __init__(self, session: Any, version: str) -> None:
        self._session = session
        self._input, self._output = session.get_inputs()[0].name, session.get_outputs()[0].name
        self.provider: str = session.get_providers()[0]
        self.fills_batches = self.provider != PROVIDERS["cpu"]
        self.version = version
        # By batch size, on the CPU: a binding to memory for the images and for the answer, which no call need make then.
        self._bound: dict[int, tuple[Any, NDArray[Any], NDArray[Any]]] = {}

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        bound = self._bound.get(len(images))
        if bound is None:
            return self._first_run(images)
        binding, given, output = bound
        given[...] = images  # of the same shape: Classifier.logits lets no other through, which would be stretched here
        self._session.run_with_iobinding(binding)
        return output.copy()  # the next call writes over it

    def _first_run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The raw output, which on the CPU says how much memory to bind for as many images."""
        output: NDArray[Any] = self._session.run([self._output], {self._input: images})[0]
        if self.provider == PROVIDERS["cpu"]:
            from onnxruntime import OrtValue

            binding, given, kept = self._session.io_binding(), images.copy(), output.copy()
            binding.bind_ortvalue_input(self._input, OrtValue.ortvalue_from_numpy(given))
            binding.bind_ortvalue_output(self._output, OrtValue.ortvalue_from_numpy(kept))
            self._bound[len(images)] = binding, given, kept
        return output

    def close(self) -> None:
        self._bound.clear()
        self._session = None


def open_model(content: bytes, artifact: Artifact, device: str, threads: int) -> _OnnxModel:
    """Load an ONNX file. Asked for a GPU that does not work, raises UnavailableError naming the missing library."""
    import onnxruntime

    wanted = PROVIDERS[device]
    if device != "cpu":
        if artifact.integer:
            raise UnavailableError(f"device {device}: takes a float artifact, found {artifact.name}: choose fp32.onnx")
        if wanted not in onnxruntime.get_available_providers():
            raise UnavailableError(
                f"device {device}: onnxruntime {onnxruntime.__version__} here was built without {wanted} "
                f"({_LIBRARIES[device]} is missing): install edgeproof[gpu], or use --device cpu"
            )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning pool burns a core between frames to save microseconds inside one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    onnxruntime.set_default_logger_severity(FATAL)
    with native_output() as printed:
        if device != "cpu":
            with contextlib.suppress(Exception):
                onnxruntime.preload_dlls()
        try:
            session = onnxruntime.InferenceSession(
                content, options, providers=[wanted] if device == "cpu" else [wanted, PROVIDERS["cpu"]]
            )
        except Exception as error:  # its exceptions share no base class
            raise IntegrityError(f"{artifact.name}: onnxruntime refuses it: {first_line(error)}") from None
    # get_available_providers() says what was compiled in; only the session says what runs.
    if session.get_providers()[0] != wanted:
        raise UnavailableError(
            f"device {device}: {wanted} did not start: {_why_not(device) or first_line(printed())}; "
            "install the NVIDIA driver with edgeproof[gpu], or use --device cpu"
        )
    return _OnnxModel(session, onnxruntime.__version__)


def _why_not(device: str) -> str:
    """The loader's own words about the library that the provider lacks; empty when it loads."""
    import onnxruntime.capi

    library = Path(onnxruntime.capi.__file__).parent / _LIBRARIES[device]
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return str(error)
    return ""
