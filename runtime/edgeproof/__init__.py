"""edgeproof reads handwritten digits from pictures and cameras with a model bundle whose every claim was proven.

    import edgeproof
    with edgeproof.open_reader() as reader:             # the bundle that the wheel carries
        reading = reader.read(frame)                    # uint8 BGR (height, width, 3)
        print([number.text for number in reading.numbers])

Importing this package loads nothing heavy; numpy, OpenCV and the model runtimes are imported when first needed.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgeproof.bundle import load_bundle
    from edgeproof.classifier import open_classifier
    from edgeproof.page.reader import open_reader

__all__ = ["load_bundle", "open_classifier", "open_reader"]

try:
    __version__ = metadata.version("edgeproof")
except metadata.PackageNotFoundError:  # run from the source tree without being installed
    __version__ = "0+unknown"

_HOMES = {
    "load_bundle": "edgeproof.bundle",
    "open_classifier": "edgeproof.classifier",
    "open_reader": "edgeproof.page.reader",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'edgeproof' has no attribute '{name}'")
