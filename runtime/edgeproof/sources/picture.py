"""Picture files: decoded within stated limits, upright, as BGR on white."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import SourceError
from edgeproof.sources.source import Frame, Source
from edgeproof.support.opencv import MAX_PIXELS, cv2

MAX_FILE_BYTES = 256 * 2**20  # of a picture file


def decode(data: bytes, name: str) -> NDArray[np.uint8]:
    """A picture file's content as uint8 BGR (H, W, 3), turned upright; transparent parts become white paper.

    16 bits are reduced to 8, grey becomes BGR. Raises SourceError naming `name` when it is no picture, is damaged, or has
    more than 100 megapixels.
    """
    if not data:
        raise SourceError(f"{name}: expected a picture, found an empty file: copy it again")
    encoded = np.frombuffer(data, np.uint8)
    try:
        image: Any = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error as error:
        if "pixels" in str(error).lower():
            raise SourceError(
                f"{name}: expected at most {MAX_PIXELS / 1e6:.0f} megapixels, found more: reduce the picture"
            ) from None
        image = None
    if image is None:
        raise SourceError(
            f"{name}: expected a picture, found a file that does not decode: it is damaged or something else"
        )
    if _may_be_transparent(data):
        raw: Any = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        if raw is not None and raw.ndim == 3 and raw.shape[2] == 4 and raw.shape[:2] == image.shape[:2]:
            full = np.float32(np.iinfo(raw.dtype).max) if raw.dtype.kind == "u" else np.float32(1)
            opaque = raw[..., 3:].astype(np.float32) / full
            image = (image * opaque + 255 * (1 - opaque) + 0.5).astype(np.uint8)
    return image  # type: ignore[no-any-return]


def _may_be_transparent(data: bytes) -> bool:
    if data.startswith(b"\x89PNG"):
        return data[25:26] in (b"\x04", b"\x06") or b"tRNS" in data[:4096]
    return data[:4] in (b"RIFF", b"II*\0", b"MM\0*", b"GIF8")


def picture_frame(source: Source) -> Frame:
    """The one frame of a picture file. Raises SourceError when it is missing, too large, or does not decode."""
    start = time.perf_counter()
    path = Path(source.location)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SourceError(
                f"{source.name}: expected a picture of at most {MAX_FILE_BYTES >> 20} MB, found a larger file"
            )
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{source.name}: cannot be read: {error.strerror}") from None
    image = decode(data, source.name)
    return Frame(source.name, 0, 0.0, image, 1000 * (time.perf_counter() - start))
