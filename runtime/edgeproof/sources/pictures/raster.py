"""From a picture file's content to pixels as a person sees them: upright, 8 bits, BGR, on white paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.sources.pictures.header import Header
from edgeproof.support.native_output import working_quietly
from edgeproof.support.opencv import MAX_PIXELS, cv2

BLOCK_PIXELS = 2**16  # converted at a time: what lies between stays in the processor's cache, not in 4 GB of memory
BYTES_PER_PIXEL = 12  # a progressive JPEG: 3 of the picture, 3 to turn it, 6 of coefficients
_OUT_OF_MEMORY = re.compile("insufficient memory|out of memory|memory error|exceeds system limits", re.IGNORECASE)
_WHITES = (1.0, 255.0, 65535.0)  # what white may be in a picture of real numbers


class UndecodableError(Exception):
    """Why a picture does not decode: what stands behind its name in the one line of a SourceError."""


DAMAGED = "expected a picture, found a file that does not decode: it is damaged or something else"
TOO_LARGE = f"expected at most {MAX_PIXELS / 1e6:.0f} megapixels, found more: reduce the picture"
NO_MEMORY = "expected enough memory to decode it, found too little: reduce the picture or free memory"


def raster(data: bytes, header: Header) -> NDArray[np.uint8]:
    """The pixels, uint8 BGR (H, W, 3), decoded in this process. Raises UndecodableError.

    What the libraries say on stdout and stderr meanwhile is thrown away: it would stand beside the one line of an error.
    """
    opaque = header.format == "jpeg" or (header.format == "png" and not header.transparent and header.orientation == 1)
    try:
        with working_quietly() as said:
            encoded = np.frombuffer(data, np.uint8)
            raw: Any = cv2.imdecode(encoded, cv2.IMREAD_COLOR if opaque else cv2.IMREAD_UNCHANGED)
            words = said() if raw is None else ""
        if raw is not None:
            return raw if opaque else turned(on_white(raw, header), header.orientation)  # type: ignore[no-any-return]
        if _OUT_OF_MEMORY.search(words):
            raise UndecodableError(NO_MEMORY)
        # libjpeg does not tell: MemoryError if there was too little.
        np.empty(header.width * header.height * BYTES_PER_PIXEL, np.uint8)
    except MemoryError:
        raise UndecodableError(NO_MEMORY) from None
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise UndecodableError(NO_MEMORY) from None
        if "pixels" in str(error).lower():
            raise UndecodableError(TOO_LARGE) from None
    raise UndecodableError(DAMAGED)


def on_white(raw: NDArray[Any], header: Header) -> NDArray[np.uint8]:
    """What IMREAD_UNCHANGED delivers, of any depth and with or without alpha, as opaque 8-bit BGR."""
    if raw.dtype == np.uint8 and raw.ndim == 3 and raw.shape[2] == 3:
        return raw
    if header.grey_alpha:  # OpenCV drops the alpha, and a page that is drawn in it would be all ink
        raise UndecodableError("expected a TIFF of grey, RGB or RGBA, found grey with alpha: save it as PNG")
    height, width = raw.shape[:2]
    page = np.empty((height, width, 3), np.uint8)
    white = _white(raw)
    for rows in _blocks(height, width):
        page[rows] = _rows_on_white(raw[rows], white, header)
    return page


def _blocks(height: int, width: int) -> Iterator[slice]:
    """The rows of a picture, some at a time."""
    step = max(1, BLOCK_PIXELS // width)
    return (slice(top, top + step) for top in range(0, height, step))


def _rows_on_white(rows: NDArray[Any], white: float, header: Header) -> NDArray[np.uint8]:
    levels: Any = _eight_bits(rows, white)
    if levels.ndim == 2:
        if header.inverted and rows.dtype != np.uint8:
            levels = 255 - levels
        page: Any = cv2.cvtColor(levels, cv2.COLOR_GRAY2BGR)
        if header.clear_grey is not None:
            page[rows == header.clear_grey] = 255
        return page  # type: ignore[no-any-return]
    if levels.shape[2] == 3:
        return levels  # type: ignore[no-any-return]
    alpha = levels[..., 3:].astype(np.uint16)
    colours = levels[..., :3].astype(np.uint16)
    # libtiff delivers 8 bits multiplied by alpha, whatever the file holds.
    if header.format == "tiff" and (rows.dtype == np.uint8 or header.premultiplied):
        return np.minimum(colours + (255 - alpha), 255).astype(np.uint8)  # type: ignore[no-any-return]
    # At most 65,152: 16 bits are enough.
    return ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)  # type: ignore[no-any-return]


def _eight_bits(rows: NDArray[Any], white: float) -> NDArray[np.uint8]:
    if rows.dtype == np.uint8:
        return rows
    real = np.nan_to_num(rows.astype(np.float32), nan=white)
    return (np.clip(real, 0, white) * np.float32(255 / white) + np.float32(0.5)).astype(np.uint8)


def _white(raw: NDArray[Any]) -> float:
    """The level that stands for white, and for opaque."""
    if raw.dtype.kind in "iu":
        return float(np.iinfo(raw.dtype).max)
    parts = (raw[rows] for rows in _blocks(*raw.shape[:2]))
    highest = max(float(part.max(initial=0.0, where=np.isfinite(part))) for part in parts)
    return next((white for white in _WHITES if highest <= white), highest)


def turned(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A picture as stored, turned upright as its EXIF orientation (1..8) says."""
    if orientation in (5, 6, 7, 8):
        image = cv2.transpose(image)  # type: ignore[assignment]
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return image if flip is None else cv2.flip(image, flip)  # type: ignore[return-value]
