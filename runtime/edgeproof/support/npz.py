"""Arrays in .npz files: written so that equal arrays give equal bytes, read so that damage is one clear error."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed .npz with fixed time stamps: the same arrays give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in sorted(arrays.items()):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def read_arrays(file: Path, *names: str) -> list[NDArray[Any]]:
    """The arrays called `names` of an .npz. Raises IntegrityError when one is missing or the file is damaged."""
    try:
        content = file.read_bytes()  # np.load leaves a damaged file open
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return [archive[name] for name in names]
    except FileNotFoundError:
        raise IntegrityError(f"{file}: missing: this folder is no run, or an incomplete copy of one") from None
    except KeyError as missing:
        raise IntegrityError(f"{file}: expected the array {missing}, found none: train again") from None
    except (ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):  # TypeError: a bare .npy
        raise IntegrityError(f"{file}: is no .npz, or truncated: copy the run folder again, or train again") from None
