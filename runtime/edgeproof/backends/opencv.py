"""OpenCV's own DNN module: .onnx files on the CPU, where OpenCV is all that is installed.

OpenCV 5 has two engines and falls back from neither to the other: the classic one runs 8-bit graphs and is the faster for
float32, the new one runs the casts of a float16 graph. Which of them runs a file is found by running it.

A network serves one batch size only. The classic engine keeps what it laid out for the first size: with a larger batch, a
matrix product behind a Squeeze then reads beyond its memory.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from edgeproof.backends import Runtime
from edgeproof.errors import UnavailableError
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeproof.manifest import Artifact

_ENGINES = ("ENGINE_CLASSIC", "ENGINE_NEW")

RUNTIME = Runtime(
    title="OpenCV DNN",
    format="onnx",
    own=False,
    module="cv2",
    packages=("opencv-python-headless", "opencv-python"),
    extras=("headless", "desktop"),
    devices={"cpu": "install edgeproof[headless] or edgeproof[desktop]"},
)


class _OpenCVModel:
    fills_batches = False

    def __init__(self, content: bytes, engine: str, threads: int) -> None:
        import cv2

        self._file, self._engine, self._threads = _private_file(content), engine, threads
        self._nets: dict[int, Any] = {}  # by batch size: callers keep to a few
        self.provider = engine or "DNN_BACKEND_OPENCV"
        self.version = cv2.__version__

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        import cv2

        if cv2.getNumThreads() != self._threads:  # one setting for the whole process, segmentation included
            cv2.setNumThreads(self._threads)
        net = self._nets.get(len(images))
        if net is None:
            net = cv2.dnn.readNetFromONNX(
                _name(self._file), *([getattr(cv2.dnn, self._engine)] if self._engine else [])
            )
            net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
            self._nets[len(images)] = net
        net.setInput(images)
        output: NDArray[Any] = net.forward()
        return output.reshape(len(images), -1)  # the classic engine gives (N, 1, classes) for N > 1

    def close(self) -> None:
        self._nets.clear()
        self._file.close()


def _private_file(content: bytes) -> IO[bytes]:
    """A file that holds `content` and that nobody else can reach: given bytes, OpenCV 5 takes the new engine alone."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        file: IO[bytes] = os.fdopen(os.memfd_create("edgeproof-model"), "wb")
    else:
        file = tempfile.NamedTemporaryFile(suffix=".onnx")  # noqa: SIM115 (closed with the model)
    file.write(content)
    file.flush()
    return file


def _name(file: IO[bytes]) -> str:
    return file.name if isinstance(file.name, str) else f"/proc/self/fd/{file.fileno()}"


def open_model(content: bytes, artifact: Artifact, _device: str, threads: int) -> _OpenCVModel:
    """Load an .onnx file on the first engine that runs it.

    Raises UnavailableError when no engine of this OpenCV does: it covers fewer operators than ONNX Runtime.
    """
    import cv2

    if artifact.input is None or artifact.input.dtype != "float32":
        found = artifact.input.dtype if artifact.input else "nothing"
        raise UnavailableError(
            f"{artifact.name}: OpenCV DNN takes float32 here, found {found}: use --backend onnxruntime"
        )
    if artifact.integer and not hasattr(cv2.dnn, _ENGINES[0]):
        raise UnavailableError(
            f"{artifact.name}: OpenCV {cv2.__version__} answers 8-bit graphs wrongly: use OpenCV 5, or --artifact fp32.onnx"
        )
    engines = tuple(name for name in _ENGINES if hasattr(cv2.dnn, name)) or ("",)  # OpenCV 4 has one, without a name
    reasons = []
    for engine in engines:
        with native_output():  # it prints the whole graph when it refuses a file
            try:
                model = _OpenCVModel(content, engine, threads)
                _check_batches(model, artifact)
            except (cv2.error, ValueError, UnavailableError) as error:  # ValueError: not one row per image
                reasons.append(f"{engine or 'DNN'}: {_reason(error)}")
                continue
        return model
    raise UnavailableError(f"{artifact.name}: OpenCV {cv2.__version__} does not run it ({'; '.join(reasons)})")


def _check_batches(model: _OpenCVModel, artifact: Artifact) -> None:
    """Raise UnavailableError when noise is answered differently alone and in company, cv2.error when not at all."""
    import numpy as np

    assert artifact.input is not None
    sides = [int(side) for side in artifact.input.shape[1:]]
    noise = np.random.default_rng(0).integers(0, 256, (4, *sides)).astype(np.float32)
    together, apart = model.run(noise), np.concatenate([model.run(image[None]) for image in noise])
    if artifact.output is not None and together.shape[1] != artifact.output.shape[1]:
        raise UnavailableError(f"it gives {together.shape[1]} values per image, expected {artifact.output.shape[1]}")
    # Float sums in another order, or one step of an 8-bit output: far below what mixed-up axes give.
    if together.shape != apart.shape or np.abs(together - apart).max() > 0.05 * np.abs(apart).max():
        raise UnavailableError("its answers depend on the batch")


def _reason(error: Exception) -> str:
    """ "OpenCV(5.0.0) path:line: error: (-215:Assertion failed) what in function 'f'" → "what in function 'f'"."""
    text = " ".join(str(error).split())
    text = text.partition("error: ")[2] or text
    return text[:160]
