"""Arrays in .npz files: written so that equal arrays give equal bytes, read so that damage is one clear error."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError

MAX_UNPACKED_BYTES = 2**30  # of a whole file: a megabyte can claim a thousand times as much


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed .npz with fixed time stamps: the same arrays give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in sorted(arrays.items()):
            content = io.BytesIO()
            npy.write_array(content, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def sizes_in(file: Path) -> dict[str, int]:
    """Bytes that each array of an .npz unpacks to, as the file states. Raises IntegrityError when it is no .npz, or truncated."""
    with _damage_told(str(file)), zipfile.ZipFile(file) as archive:
        return {item.filename.removesuffix(".npy"): item.file_size for item in archive.infolist()}


def arrays_in(
    content: bytes | Path, where: str, most: int = MAX_UNPACKED_BYTES, names: Sequence[str] | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz that are called `names`, by default all; one that is not there is left out. Nothing is unpacked
    before its stated size is known to fit.

    `content`: the file's bytes, or its path. `where` names it in messages. Raises IntegrityError when it is no .npz, is damaged,
    holds objects, or would unpack to more than `most` bytes.
    """
    source = content if isinstance(content, Path) else io.BytesIO(content)
    with _damage_told(where), zipfile.ZipFile(source) as archive:
        items = {item.filename.removesuffix(".npy"): item for item in archive.infolist()}
        if len(items) != len(archive.infolist()):
            raise _DamageError("two arrays of one name")
        wanted = items if names is None else {name: items[name] for name in names if name in items}
        size = sum(item.file_size for item in wanted.values())
        if size > most:
            raise IntegrityError(f"{where}: expected at most {most} bytes unpacked, found {size}: copy the file again")
        return {name: _array(_unpacked(archive, item)) for name, item in wanted.items()}


def read_arrays(file: Path, *names: str) -> list[NDArray[Any]]:
    """The arrays called `names` of an .npz. Raises IntegrityError when one is missing or the file is damaged."""
    try:
        found = arrays_in(file.read_bytes(), str(file), names=names)
    except FileNotFoundError:
        raise IntegrityError(f"{file}: missing: this folder is no run, or an incomplete copy of one") from None
    for name in names:
        if name not in found:
            raise IntegrityError(f"{file}: expected the array '{name}', found none: train again")
    return [found[name] for name in names]


class _DamageError(Exception):
    """What does not fit."""


@contextmanager
def _damage_told(where: str) -> Iterator[None]:
    """Whatever is raised inside as one IntegrityError; but for what is no damage: no memory, no permission."""
    try:
        yield
    except (IntegrityError, MemoryError, PermissionError):
        raise
    except Exception as error:  # zipfile and numpy raise something else for each way of being none
        why = f" ({error})" if isinstance(error, _DamageError) else ""
        raise IntegrityError(f"{where}: is no .npz, or truncated{why}: copy it again, or make it again") from None


def _unpacked(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> bytes:
    """A member as large as it states; zipfile checks its sum."""
    if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _DamageError("packed as numpy does not")
    with archive.open(item) as file:
        return file.read(item.file_size)  # without a number it would first unpack whatever comes


def _array(content: bytes) -> NDArray[Any]:
    """A .npy's array, a copy; its shape is held beside its bytes before memory is taken."""
    stream = io.BytesIO(content)
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(stream)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about what Python 2 wrote
        try:
            shape, by_columns, dtype = read_header(stream)
        except MemoryError:  # Python's parser says so of signs within signs; a header is short
            raise _DamageError("an array without a header") from None
    if dtype.hasobject:
        raise _DamageError("an array of objects")
    size = math.prod(shape) * dtype.itemsize
    if size != len(content) - stream.tell() or any(axis < 0 for axis in shape):
        raise _DamageError("a shape that its bytes do not fill")
    values = np.frombuffer(content, dtype, offset=stream.tell()) if size else np.empty(0, dtype)
    return values.reshape(shape, order="F" if by_columns else "C").copy()
