"""Data in the forms in which people have them: each is taken in one way, and that is said, or refused with a way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.elsewhere.data import read_data
from edgeproof.errors import EdgeproofError, IntegrityError, SourceError, UsageError
from edgeproof.support.npz import npz_bytes

Arrays = dict[str, NDArray[Any]]
_RANDOM = np.random.default_rng(7)
IMAGES: Arrays = {
    "x_train": _RANDOM.integers(0, 256, (40, 12, 12), np.uint8), "x_test": _RANDOM.integers(0, 256, (20, 12, 12), np.uint8)
}  # fmt: skip
LABELS: Arrays = {"y_train": np.arange(40) % 4, "y_test": np.arange(20) % 4}


def changed(images: Callable[[Any], Any] = lambda x: x, labels: Callable[[Any], Any] = lambda y: y) -> Arrays:
    pictures = {name: images(values) for name, values in IMAGES.items()}
    return {**pictures, **{name: labels(values) for name, values in LABELS.items()}}


def in_file(folder: Path, arrays: Arrays) -> Path:
    file = folder / "data.npz"
    file.write_bytes(npz_bytes(arrays))
    return file


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (changed(), ""),
        (changed(lambda x: x[..., None]), ""),
        (changed(lambda x: x.reshape(-1, 144)), "rows of 144 are pictures of 12×12"),
        (changed(lambda x: x[:, None]), "channels come first: they are put last"),
        (changed(lambda x: x.astype(np.int64)), "pixels are int64"),
        (changed(lambda x: x.astype(np.float32)), "pixels are float32"),
        (changed(lambda x: x / 255), "pixels are float64, divided by 255: multiplied back"),
        (changed(lambda x: (x / 255).astype(np.float32)), "pixels are float32, divided by 255: multiplied back"),
        (changed(lambda x: (x / 255).astype(np.float16)), "pixels are float16, divided by 255: multiplied back"),
        (changed(labels=lambda y: y[:, None]), ""),
        (changed(labels=lambda y: y.astype(np.float32)), ""),
        (changed(labels=lambda y: np.eye(4)[y]), "labels are one-hot"),
        ({name.upper(): values for name, values in changed().items()}, ""),
        ({"train_images": IMAGES["x_train"], "train_labels": LABELS["y_train"],
          "test_images": IMAGES["x_test"], "test_labels": LABELS["y_test"]}, ""),
    ],
)  # fmt: skip
def test_one_meaning_is_taken(arrays: Arrays, said: str, tmp_path: Path) -> None:
    data = read_data(in_file(tmp_path, arrays))
    assert "; ".join(data.said) == said
    assert (data.train.images == IMAGES["x_train"]).all()
    assert (data.test.images == IMAGES["x_test"]).all()
    assert (data.train.labels == LABELS["y_train"]).all()
    assert data.train.labels.dtype == np.int64
    assert data.classes == ("0", "1", "2", "3")
    assert data.tensor_shape == (12, 12, 1)


def test_colour_with_its_channels_first(tmp_path: Path) -> None:
    colour = changed(lambda x: np.stack([x, x // 2, 255 - x], axis=1))
    data = read_data(in_file(tmp_path, colour))
    assert data.tensor_shape == (12, 12, 3)
    assert (data.test.images[..., 2] == 255 - IMAGES["x_test"]).all()


def test_images_without_a_split_are_split_by_a_seed(tmp_path: Path) -> None:
    file = in_file(
        tmp_path, {"images": IMAGES["x_train"], "labels": LABELS["y_train"], "classes": np.array(list("abcd"))}
    )
    data, again = read_data(file), read_data(file)
    assert (len(data.train), len(data.test), data.classes) == (32, 8, tuple("abcd"))
    assert (data.test.images == again.test.images).all()
    everything = {image.tobytes() for image in (*data.train.images, *data.test.images)}
    assert everything == {image.tobytes() for image in IMAGES["x_train"]}
    assert "every 5th image, drawn by seed 1, is a test image" in data.said[0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (changed(lambda x: x / 127.5 - 1), r"x_train: expected raw pixels.*found float64 in -1..1: give them as they were"),
        (changed(lambda x: x / 300), r"x_train: expected raw pixels"),
        (changed(lambda x: np.where(x > 9, np.nan, 1)), r"x_train: expected raw pixels.*found float64 in nan"),
        (changed(lambda x: x.astype(np.int32) * 2), r"x_train: expected raw pixels.*found int32"),
        (changed(lambda x: x > 9), r"x_train: expected uint8 images, found bool"),
        (changed(lambda x: np.stack([x] * 4, axis=-1)), r"found \(40, 12, 12, 4\): \[..., :3\] leaves the transparency out"),
        (changed(lambda x: x.reshape(-1, 6, 24)[:, :5].reshape(-1, 120)), r"found \(40, 120\): reshape them so"),
        (changed(lambda x: x[:0]), "x_train: expected images, found uint8"),
        ({**changed(), "x_test": IMAGES["x_test"][:, :8]}, r"of one shape, found \(12, 12\) and \(8, 12\)"),
        (changed(labels=lambda y: y[:-1]), r"y_train: expected 40 whole numbers, found int64 \(39,\): one for each"),
        (changed(labels=lambda y: y + 0.5), "y_train: expected whole numbers, found float64 that are none"),
        (changed(labels=lambda y: y - 1), r"y_train: expected classes in 0..999, found -1..2: number them from 0"),
        (changed(labels=lambda y: y * 1000), r"y_train: expected classes in 0..999, found 0..3000"),
        (changed(labels=lambda y: np.array(list("abcd"))[y]), "number the classes as the model's outputs are"),
        (changed(labels=lambda y: 0 * y), "expected labels of two classes or more"),
        ({**changed(), "classes": np.array(["a", "b"])}, r"classes: expected 4 names, as labels go to 3, found 2: a, b"),
        ({**changed(), "classes": np.array(["a", "b", "a", "d"])}, "classes: expected different names"),
        ({"x_test": IMAGES["x_test"]}, r"expected the arrays x_train, y_train, .*found x_test: numpy.savez"),
        ({"images": IMAGES["x_test"][:5], "labels": LABELS["y_test"][:5]}, r"expected at least 10 images"),
    ],
)  # fmt: skip
def test_what_has_no_one_meaning_is_refused_with_a_way_out(arrays: Arrays, message: str, tmp_path: Path) -> None:
    file = in_file(tmp_path, arrays)
    with pytest.raises(UsageError, match=message) as refused:
        read_data(file)
    assert str(refused.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, SourceError, "expected an .npz with images and labels, found nothing there"),
        (b"PK", IntegrityError, "is no .npz, or truncated"),
    ],
)
def test_a_file_that_is_none(content: bytes | None, error: type[EdgeproofError], message: str, tmp_path: Path) -> None:
    file = tmp_path / "data.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error, match=re.escape(message)):
        read_data(file)
    with pytest.raises(UsageError, match="found a folder"):
        read_data(tmp_path)
