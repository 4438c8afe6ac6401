"""Model runtimes behind one small protocol: one module each, with one function, `open_model`, imported when called."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from edgeproof.errors import UnavailableError
from edgeproof.manifest import Artifact

#: Which runtimes can run which format, in no order of preference: preference is the manifest's ranking.
FORMATS = {"onnxruntime": "onnx", "litert": "tflite", "opencv": "onnx"}

#: What to install when a runtime's package is missing.
_EXTRAS = {
    "onnxruntime": "edgeproof[cpu] or edgeproof[gpu]",
    "litert": "edgeproof[litert]",
    "opencv": "edgeproof[headless] or edgeproof[desktop]",
}


class Backend(Protocol):
    """A model held by a runtime.

    provider: what really runs it, in the runtime's own words, read after loading and never assumed.
    version: of the runtime.
    """

    provider: str
    version: str

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The raw output (N, classes) for images in the artifact's own dtype and layout."""
        ...

    def close(self) -> None: ...


def open_backend(backend: str, file: Path, artifact: Artifact, device: str, threads: int) -> Backend:
    """Load `file` with `backend` on `device` ("cpu", "cuda", "tensorrt") with `threads` CPU threads.

    Raises UnavailableError when the runtime is not installed or the device does not work, IntegrityError when the runtime
    refuses the file.
    """
    try:
        module = importlib.import_module(f"edgeproof.backends.{backend}")
        opened: Backend = module.open_model(file, artifact, device, threads)
    except ImportError as missing:
        hint = f"install {_EXTRAS[backend]}"
        raise UnavailableError(f"backend {backend}: its package does not import ({missing}): {hint}") from None
    return opened
