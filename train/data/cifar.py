"""CIFAR-10 as its authors publish it: an archive of six pickles, five batches to train on and one to test on.

Nothing is unpacked onto the disk, and nothing is unpickled before its hash was found right; then still only arrays are.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgeproof.errors import IntegrityError, SourceError
from train.data.idx import Array
from train.data.sources import CIFAR_ARCHIVE, Arrays, ArraysOnly

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"

#: md5 of the batches, as is published for them; there is no sha256. To forge one, its own twin would have to be found,
#: which nobody can for md5 either.
BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
SIDE = 32


def from_archive(content: bytes) -> Arrays:
    """The arrays of a verified cifar-10-python.tar.gz. Raises IntegrityError where a batch is missing or not as expected."""
    batches: dict[str, bytes] = {}
    wanted = {f"{FOLDER}/{name}": name for name in BATCHES}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:  # read from memory, never unpacked: an archive's paths cannot touch the disk
                if member.name in wanted and member.isfile():
                    batches[wanted[member.name]] = archive.extractfile(member).read()  # type: ignore[union-attr]
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise IntegrityError(f"{CIFAR_ARCHIVE}: damaged or cut off: {error}") from None
    for path, name in wanted.items():
        if name not in batches:
            raise IntegrityError(f"{CIFAR_ARCHIVE}: expected the file {path} in it, found none")
    return _joined(batches)


def from_batches(folder: Path, pinned: Mapping[str, str] = BATCHES) -> Arrays:
    """The arrays of a folder that holds cifar-10-batches-py/, or is that folder: each batch is checked against its md5.

    Raises SourceError where a batch is missing, IntegrityError where it is not the published one.
    """
    unpacked = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    batches: dict[str, bytes] = {}
    for name, digest in pinned.items():
        path = unpacked / name
        if not path.is_file():
            raise SourceError(f"{folder}: expected {CIFAR_ARCHIVE} or {FOLDER}/{name}, found neither")
        batches[name] = path.read_bytes()
        found = hashlib.md5(batches[name], usedforsecurity=False).hexdigest()
        if found != digest:
            raise IntegrityError(f"{path} should have md5 {digest[:12]}…, found {found[:12]}…")
    return _joined(batches)


def _joined(batches: Mapping[str, bytes]) -> Arrays:
    read = {name: _batch(batches[name], name) for name in BATCHES}
    training = [batch for name, batch in read.items() if name != "test_batch"]
    images, labels = read["test_batch"]
    return {
        "train-images": np.concatenate([part for part, _ in training]),
        "train-labels": np.concatenate([part for _, part in training]),
        "t10k-images": images,
        "t10k-labels": labels,
    }


def _batch(content: bytes, name: str) -> tuple[Array, Array]:
    """uint8 (N, 32, 32, 3) RGB and uint8 (N,) from a pickled dictionary, which has all reds of a picture, then all greens."""
    try:
        found = ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        data, labels = np.asarray(found[b"data"]), np.asarray(found[b"labels"])
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise IntegrityError(f"{name}: expected a pickled dictionary with data and labels: {error}") from None
    if data.dtype != np.uint8 or data.shape != (len(labels), 3 * SIDE * SIDE) or labels.dtype.kind != "i":
        raise IntegrityError(
            f"{name}: expected uint8 (N, {3 * SIDE * SIDE}) and N labels, found {data.dtype} {data.shape} and "
            f"{labels.shape} of {labels.dtype}"
        )
    planes = data.reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels.astype(np.uint8)
