"""Arrays of one's own: what can be meant in one way only is taken, and gives the very pixels and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.errors import UsageError
from train.data.own_npz import read_npz

MOST = 2**20
COUNT = 30
GREY = np.random.default_rng(0).integers(0, 256, (COUNT, 6, 5), dtype=np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (COUNT, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(COUNT) % 3


def written(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


IMAGES: dict[str, tuple[NDArray[Any], NDArray[np.uint8]]] = {
    "grey": (GREY, GREY),
    "grey with its channel": (GREY[..., None], GREY),
    "RGB": (RGB, RGB),
    "int64": (RGB.astype(np.int64), RGB),
    "whole float32": (GREY.astype(np.float32), GREY),
    "float64 / 255": (GREY / 255, GREY),
    "float32 / 255": (RGB.astype(np.float32) / 255, RGB),
    "float32 times 1 / 255": (RGB.astype(np.float32) * np.float32(1 / 255), RGB),
    "float16 / 255": ((GREY / 255).astype(np.float16), GREY),
    "float32 / 255, with its channel": ((GREY / np.float32(255))[..., None], GREY),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images_that_are_understood(tmp_path: Path, kind: str) -> None:
    given, expected = IMAGES[kind]
    classes, (part,) = read_npz(written(tmp_path, images=given, labels=LABELS), MOST)
    assert classes == ("0", "1", "2")
    assert part.images.dtype == np.uint8
    assert np.array_equal(part.images, expected)
    assert not part.test


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.astype(np.uint8),
        LABELS[:, None],
        LABELS.astype(np.float32),
        np.eye(3)[LABELS],
        np.eye(3, dtype=bool)[LABELS],
    ],
)
def test_labels_that_are_understood(tmp_path: Path, labels: NDArray[Any]) -> None:
    _, (part,) = read_npz(written(tmp_path, images=GREY, labels=labels), MOST)
    assert part.labels.dtype == np.int64
    assert np.array_equal(part.labels, LABELS)


def test_a_file_as_keras_has_them(tmp_path: Path) -> None:
    file = written(tmp_path, x_train=RGB[:20], y_train=LABELS[:20, None], x_test=RGB[20:], y_test=LABELS[20:, None])
    _, (train, test) = read_npz(file, MOST)
    assert (train.test, test.test) == (False, True)
    assert np.array_equal(np.concatenate([train.images, test.images]), RGB)
    assert np.array_equal(np.concatenate([train.labels, test.labels]), LABELS)


def test_half_a_file_of_keras(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected the arrays x_train, y_train, x_test and y_test, found no x_test"):
        read_npz(written(tmp_path, x_train=GREY, y_train=LABELS), MOST)


@pytest.mark.parametrize(
    "labels", [np.full((COUNT, 2), 1), np.zeros((COUNT, 2)), np.full(COUNT, np.nan), np.array(["a"] * COUNT), LABELS[None]]
)  # fmt: skip
def test_labels_that_may_mean_anything(tmp_path: Path, labels: NDArray[Any]) -> None:
    with pytest.raises(UsageError, match=r"labels: expected integers \(30,\), one per image, found ") as raised:
        read_npz(written(tmp_path, images=GREY, labels=labels), MOST)
    assert "\n" not in str(raised.value)
