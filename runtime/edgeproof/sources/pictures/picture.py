"""Picture files: decoded within stated limits, upright, as BGR on white."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import SourceError
from edgeproof.sources.pictures.decoder_child import raster_in_child
from edgeproof.sources.pictures.header import look
from edgeproof.sources.pictures.raster import TOO_LARGE, UndecodableError, raster
from edgeproof.sources.source import Frame, Source
from edgeproof.support.opencv import MAX_PIXELS

MAX_FILE_BYTES = 256 * 2**20  # of a picture file


def decode(data: bytes, name: str) -> NDArray[np.uint8]:
    """A picture file's content as uint8 BGR (H, W, 3), turned upright; transparent parts become white paper.

    16 bits are reduced to 8, grey becomes BGR, the first of several pictures counts. A JPEG or PNG whose header bounds its
    cost is decoded here; everything else in a child process with limits of time and memory. Raises SourceError naming `name`
    when it is no picture, is damaged, has more than 100 megapixels, or takes more than those limits.
    """
    if not data:
        raise SourceError(f"{name}: expected a picture, found an empty file: copy it again")
    header = look(data)
    try:
        if header.width * header.height > MAX_PIXELS:
            raise UndecodableError(TOO_LARGE)
        if header.hollow:
            raise UndecodableError(
                f"expected {header.width}×{header.height} pixels, as its header says, found {len(data)} bytes, too few for so "
                "many: it is damaged, copy it again"
            )
        return raster(data, header) if header.bounded else raster_in_child(data)
    except UndecodableError as why:
        raise SourceError(f"{name}: {why}") from None


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
