"""Model runtimes behind one small protocol: one module each, which says what it is and opens a model file's content.

A module here declares `RUNTIME` and defines `open_model(content, artifact, device, threads)`; it imports its library, and
numpy, only when it is called: the doctor asks what there is where neither runs. Every list of backends in the project
derives from these declarations: adding one is adding its file, and its package to an extra in pyproject.toml.

May import `edgeproof.manifest`, `edgeproof.support` and `edgeproof.errors`.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from edgeproof.errors import UnavailableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeproof.manifest import Artifact, Format

CPU = "cpu"


@dataclass(frozen=True)
class Runtime:
    """What a backend is.

    title: its name for people. format: of the model files that it runs. own: whether the format is this runtime's own, so that
        artifacts are proven on it first. module: what Python imports.
    packages: distributions, any one of which brings the module, the usual one first. extras: of edgeproof, which install them.
    devices: where it can run a model, "cpu" among them, each with what to do where that does not work.
    """

    title: str
    format: Format
    own: bool
    module: str
    packages: tuple[str, ...]
    extras: tuple[str, ...]
    devices: Mapping[str, str]

    @property
    def installed(self) -> bool:
        """Whether its package is there; whether it works is another question."""
        return importlib.util.find_spec(self.module.partition(".")[0]) is not None

    @property
    def remedy(self) -> str:
        """What to install."""
        return f"install {' or '.join(f'edgeproof[{extra}]' for extra in self.extras)}"

    def takes(self, artifact: Artifact, device: str = CPU) -> bool:
        """Whether it may run `artifact` on `device`: a GPU takes float artifacts only."""
        return artifact.format == self.format and device in self.devices and (device == CPU or not artifact.integer)


#: By name, which is the module's. In no order of preference: preference is the manifest's ranking.
BACKENDS: dict[str, Runtime] = {
    found.name: importlib.import_module(f"{__name__}.{found.name}").RUNTIME for found in pkgutil.iter_modules(__path__)
}
#: Every device that some backend can use, the CPU first.
DEVICES = tuple(dict.fromkeys([CPU, *(device for runtime in BACKENDS.values() for device in runtime.devices)]))
#: The backend that is each format's own.
OWN: dict[Format, str] = {runtime.format: name for name, runtime in BACKENDS.items() if runtime.own}


class Backend(Protocol):
    """A model held by a runtime.

    provider: what really runs it, in the runtime's own words, read after loading and never assumed.
    version: of the runtime. fills_batches: whether few large calls are cheaper than exact ones, as on a GPU.
    """

    provider: str
    version: str
    fills_batches: bool

    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """The raw output (N, classes) for images in the artifact's own dtype and layout: an array of the caller's own, which no
        later call changes. One call at a time."""
        ...

    def close(self) -> None: ...


def open_backend(backend: str, content: bytes, artifact: Artifact, device: str, threads: int) -> Backend:
    """Load the `content` of a model file with `backend` on `device` (one of DEVICES) with `threads` CPU threads.

    Raises UnavailableError when the runtime is not installed or the device does not work, IntegrityError when the runtime
    refuses the file.
    """
    runtime = BACKENDS[backend]
    if device not in runtime.devices:
        others = " or ".join(f"--backend {name}" for name, other in BACKENDS.items() if device in other.devices)
        raise UnavailableError(f"device {device}: {runtime.title} runs on the CPU here: use {others}, or --device cpu")
    try:
        opened: Backend = importlib.import_module(f"{__name__}.{backend}").open_model(
            content, artifact, device, threads
        )
    except ImportError as missing:
        raise UnavailableError(
            f"backend {backend}: its package does not import ({missing}): {runtime.remedy}"
        ) from None
    return opened
