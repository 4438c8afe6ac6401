"""The IDX format of MNIST: a big-endian header, then the bytes. Every array is pinned by the sha256 of this form."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError

Array = NDArray[np.uint8]

_UINT8 = 0x08  # the only element type that the digit sets use


def to_idx(array: NDArray[Any]) -> bytes:
    """The IDX file of a uint8 array of any rank: two zero bytes, type, rank, one uint32 per axis, then the elements."""
    if array.dtype != np.uint8:
        raise TypeError(f"IDX arrays are uint8 here, found {array.dtype}")
    return struct.pack(f">HBB{array.ndim}I", 0, _UINT8, array.ndim, *array.shape) + array.tobytes()


def from_idx(content: bytes, name: str) -> Array:
    """The uint8 array in the IDX file `content`, read-only. Raises IntegrityError, naming the file, on anything else."""
    if len(content) < 4 or content[:3] != bytes([0, 0, _UINT8]):
        raise IntegrityError(
            f"{name}: expected an IDX file of bytes, found the header {content[:4].hex(' ') or 'empty'}"
        )
    rank = content[3]
    start = 4 + 4 * rank
    if len(content) < start:
        raise IntegrityError(f"{name}: the IDX header is cut off after {len(content)} bytes; fetch the file again")
    shape = struct.unpack(f">{rank}I", content[4:start])
    expected, found = int(np.prod(shape)), len(content) - start
    if found != expected:
        raise IntegrityError(
            f"{name}: expected {expected} bytes for shape {shape}, found {found}; fetch the file again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
