"""Arrays in .npz files: written so that equal arrays give equal bytes, read so that damage is one clear error."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError

MAX_UNPACKED_BYTES = 2**30  # of a whole file: a megabyte can claim a thousand times as much
_DAMAGE = (ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, RecursionError)


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed .npz with fixed time stamps: the same arrays give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in sorted(arrays.items()):
            content = io.BytesIO()
            npy.write_array(content, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def arrays_in(content: bytes, where: str, most: int = MAX_UNPACKED_BYTES) -> dict[str, NDArray[Any]]:
    """Every array of an .npz by its name. Nothing is unpacked before its stated size is known to fit.

    `where` names the file in messages. Raises IntegrityError when it is no .npz, is damaged, holds objects, or would unpack
    to more than `most` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            items = archive.infolist()
            size = sum(item.file_size for item in items)
            if size > most:
                raise IntegrityError(
                    f"{where}: expected at most {most} bytes unpacked, found {size}: copy the file again"
                )
            if len({item.filename for item in items}) != len(items):
                raise ValueError("two arrays of one name")
            return {item.filename.removesuffix(".npy"): _array(_unpacked(archive, item)) for item in items}
    except _DAMAGE:  # a bare .npy is none of them: it is no zip file
        raise IntegrityError(f"{where}: is no .npz, or truncated: copy it again, or make it again") from None


def read_arrays(file: Path, *names: str) -> list[NDArray[Any]]:
    """The arrays called `names` of an .npz. Raises IntegrityError when one is missing or the file is damaged."""
    try:
        found = arrays_in(file.read_bytes(), str(file))
    except FileNotFoundError:
        raise IntegrityError(f"{file}: missing: this folder is no run, or an incomplete copy of one") from None
    for name in names:
        if name not in found:
            raise IntegrityError(f"{file}: expected the array '{name}', found none: train again")
    return [found[name] for name in names]


def _unpacked(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> bytes:
    with archive.open(item) as file:
        content = file.read(item.file_size)  # without a number it would first unpack whatever comes
        if file.read(1):  # also checks the sum at the end
            raise ValueError("more content than stated")
    return content


def _array(content: bytes) -> NDArray[Any]:
    """A .npy's array, a copy; its shape is held beside its bytes before memory is taken."""
    stream = io.BytesIO(content)
    version = npy.read_magic(stream)
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read_header is None:
        raise ValueError(f"version {version} of .npy")
    shape, by_columns, dtype = read_header(stream)
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or size != len(content) - stream.tell() or any(axis < 0 for axis in shape):
        raise ValueError("a shape that its bytes do not fill")
    values = np.frombuffer(content, dtype, offset=stream.tell()) if size else np.empty(0, dtype)
    return values.reshape(shape, order="F" if by_columns else "C").copy()
