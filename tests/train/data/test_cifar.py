"""CIFAR-10 in its published layout, with a few pictures made here: what is right goes through, what is forged runs nothing."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from edgeproof.errors import IntegrityError, SourceError
from edgeproof.support.files import sha256
from train.data import cifar, datasets, sources
from train.data.datasets import Dataset
from train.data.sources import CIFAR_ARCHIVE, DataSource

EACH = 12  # pictures in a batch
IMAGES = np.random.default_rng(6).integers(0, 256, (6, EACH, 32, 32, 3), np.uint8)
LABELS = np.random.default_rng(7).integers(0, 10, (6, EACH))
Batches = dict[str, bytes]


class Python2(pickle._Pickler):  # type: ignore[misc,name-defined]  # the pure one: each type has a method to replace
    """Pickles text as Python 2 did, with which the archive was made: it comes back as bytes."""

    def save_text(self, text: str | bytes) -> None:
        content = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)

    dispatch: ClassVar[dict[type, Any]] = pickle._Pickler.dispatch | {str: save_text, bytes: save_text}  # type: ignore[attr-defined]


def pickled(found: object) -> bytes:
    file = io.BytesIO()
    Python2(file, protocol=2).dump(found)
    return file.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def batch(number: int) -> dict[str, object]:
    data = IMAGES[number].transpose(0, 3, 1, 2).reshape(EACH, 3072)  # all reds of a picture, then all greens
    return {"batch_label": f"batch {number}", "data": data, "labels": LABELS[number].tolist(), "filenames": ["a.png"]}


@pytest.fixture(scope="module")
def batches() -> Batches:
    return {name: pickled(batch(number)) for number, name in enumerate(cifar.BATCHES)}


def packed(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz of files by their whole path."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def archive_of(batches: Batches) -> bytes:
    return packed({f"{cifar.FOLDER}/{name}": content for name, content in batches.items()})


def is_ours(loaded: Dataset) -> bool:
    return (
        np.array_equal(loaded.train_images, IMAGES[:5].reshape(-1, 32, 32, 3))
        and np.array_equal(loaded.train_labels, LABELS[:5].ravel())
        and np.array_equal(loaded.test_images, IMAGES[5])
        and np.array_equal(loaded.test_labels, LABELS[5])
    )


def pinned(content: bytes) -> dict[str, dict[str, str]]:
    return {"cifar-10": {CIFAR_ARCHIVE: sha256(content)}}


# --- the archive ------------------------------------------------------------------------------------------------------


def test_the_pinned_hash_is_the_one_that_keras_asks_for() -> None:
    keras = find_spec("keras")  # found, not imported: that takes 10 s
    assert keras is not None
    assert keras.origin is not None
    module = (Path(keras.origin).parent / "src/datasets/cifar10.py").read_text()
    assert datasets.PINNED["cifar-10"][CIFAR_ARCHIVE] in module
    assert sources.CIFAR_URL in module


def test_from_a_folder_with_the_archive(tmp_path: Path, batches: Batches) -> None:
    content = archive_of(batches)
    (tmp_path / CIFAR_ARCHIVE).write_bytes(content)
    loaded = datasets.load("cifar-10", tmp_path, pinned=pinned(content))
    assert is_ours(loaded)
    assert loaded.image_shape == (32, 32, 3)
    assert loaded.classes[3] == "cat"
    assert loaded.train_labels.dtype == np.int64


def test_fetched_once_then_from_the_cache(tmp_path: Path, batches: Batches) -> None:
    content, calls = archive_of(batches), []

    def fetch(_: Path) -> sources.Files:
        calls.append(1)
        return {CIFAR_ARCHIVE: content}

    served = {"cifar-10": (DataSource("a local source", fetch),)}
    for _ in range(2):
        assert is_ours(datasets.load("cifar-10", cache=tmp_path, sources=served, pinned=pinned(content)))
    assert len(calls) == 1
    damaged = bytearray(content)
    damaged[100] ^= 1
    (tmp_path / "cifar-10" / CIFAR_ARCHIVE).write_bytes(damaged)
    assert is_ours(datasets.load("cifar-10", cache=tmp_path, sources=served, pinned=pinned(content)))
    assert len(calls) == 2


def test_another_archive_is_refused(tmp_path: Path, batches: Batches) -> None:
    content = archive_of(batches)
    (tmp_path / CIFAR_ARCHIVE).write_bytes(content)
    with pytest.raises(IntegrityError, match=r"cifar-10-python.tar.gz of cifar-10 should have sha256 6d958be07457…"):
        datasets.load("cifar-10", tmp_path)
    served = {"cifar-10": (DataSource("a forger", lambda _: {CIFAR_ARCHIVE: content}),)}
    with pytest.raises(SourceError, match=r"a forger .*should have sha256"):
        datasets.load("cifar-10", cache=tmp_path / "cache", sources=served)
    assert not (tmp_path / "cache/cifar-10" / CIFAR_ARCHIVE).exists()


def test_without_a_source_the_way_out_is_said(tmp_path: Path) -> None:
    def unreachable(_: Path) -> sources.Files:
        raise SourceError("no connection: it is a test")

    with pytest.raises(SourceError, match=r"no package registry carries its pictures.*--data-dir with cifar-10-python"):
        datasets.load("cifar-10", cache=tmp_path, sources={"cifar-10": (DataSource("its server", unreachable),)})


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_an_archive_that_is_cut_off(tmp_path: Path, batches: Batches, kept: float) -> None:
    content = archive_of(batches)
    content = content[: int(kept * len(content))]
    (tmp_path / CIFAR_ARCHIVE).write_bytes(content)
    with pytest.raises(IntegrityError, match=r"cifar-10-python.tar.gz: damaged or cut off"):
        datasets.load("cifar-10", tmp_path, pinned=pinned(content))


def test_an_archive_without_a_batch(batches: Batches) -> None:
    del (fewer := dict(batches))["data_batch_4"]
    with pytest.raises(IntegrityError, match="expected the file cifar-10-batches-py/data_batch_4 in it, found none"):
        cifar.from_archive(archive_of(fewer))


def test_paths_of_an_archive_touch_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: Batches) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    tricks = {"../data_batch_1": b"x", f"{tmp_path}/absolute": b"x", f"{cifar.FOLDER}/../../data_batch_2": b"x"}
    right = {f"{cifar.FOLDER}/{name}": content for name, content in batches.items()}
    arrays = cifar.from_archive(packed(tricks | right))
    assert np.array_equal(arrays["t10k-images"], IMAGES[5])
    assert list(tmp_path.rglob("*")) == [inside]


def test_a_link_is_no_batch(tmp_path: Path, batches: Batches) -> None:
    (tmp_path / "secret").write_bytes(batches["test_batch"])
    del (fewer := dict(batches))["test_batch"]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in fewer.items():
            member = tarfile.TarInfo(f"{cifar.FOLDER}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo(f"{cifar.FOLDER}/test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(link)
    with pytest.raises(IntegrityError, match="expected the file cifar-10-batches-py/test_batch"):
        cifar.from_archive(content.getvalue())


# --- the unpacked batches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("within", ["", cifar.FOLDER])
def test_from_the_unpacked_folder(tmp_path: Path, batches: Batches, within: str) -> None:
    (tmp_path / within).mkdir(exist_ok=True)
    for name, content in batches.items():
        (tmp_path / within / name).write_bytes(content)
    digests = {name: hashlib.md5(content).hexdigest() for name, content in batches.items()}
    arrays = cifar.from_batches(tmp_path, digests)
    assert np.array_equal(arrays["train-images"], IMAGES[:5].reshape(-1, 32, 32, 3))
    assert np.array_equal(arrays["t10k-labels"], LABELS[5])
    with pytest.raises(IntegrityError, match="data_batch_1 should have md5 c99cafc15224…"):
        datasets.load("cifar-10", tmp_path)


def test_a_folder_with_neither(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"expected cifar-10-python.tar.gz or cifar-10-batches-py/data_batch_1"):
        datasets.load("cifar-10", tmp_path)


# --- untrusted bytes --------------------------------------------------------------------------------------------------


class Malicious:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("echo owned > owned",)


def test_a_batch_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batches: Batches) -> None:
    monkeypatch.chdir(tmp_path)
    forged = batches | {"data_batch_2": pickled(batch(1) | {"filenames": Malicious()})}
    with pytest.raises(IntegrityError, match="system: only numpy arrays are allowed; nothing was run"):
        cifar.from_archive(archive_of(forged))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (b"", "expected a pickled dictionary"),
        (pickled([1, 2]), "expected a pickled dictionary"),
        (pickled({"data": IMAGES[0].reshape(EACH, 3072)}), "expected a pickled dictionary"),
        (
            pickled(batch(0) | {"data": IMAGES[0]}),
            r"expected uint8 \(N, 3072\) and N labels, found uint8 \(12, 32, 32, 3\)",
        ),
        (pickled(batch(0) | {"labels": [1, 2]}), r"found uint8 \(12, 3072\) and \(2,\)"),
    ],
)
def test_a_batch_of_another_form_is_named(batches: Batches, wrong: bytes, said: str) -> None:
    with pytest.raises(IntegrityError, match=f"test_batch: .*{said}|test_batch: {said}"):
        cifar.from_archive(archive_of(batches | {"test_batch": wrong}))
