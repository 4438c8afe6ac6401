"""Data of a model from elsewhere: in the forms of `own_arrays`, as training and test images of one shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.elsewhere import data as module
from convert.elsewhere.data import read_data
from edgeproof.errors import UsageError
from edgeproof.support.npz import npz_bytes

Arrays = dict[str, NDArray[Any]]
_RANDOM = np.random.default_rng(7)
WHOLE: Arrays = {"images": _RANDOM.integers(0, 256, (40, 12, 10), np.uint8), "labels": np.arange(40) % 4}
SPLIT: Arrays = {
    **{"x_train": WHOLE["images"][:24], "y_train": WHOLE["labels"][:24]},
    **{"x_test": WHOLE["images"][24:], "y_test": WHOLE["labels"][24:]},
}


def in_file(folder: Path, arrays: Arrays) -> Path:
    file = folder / "data.npz"
    file.write_bytes(npz_bytes(arrays))
    return file


def test_a_split_that_the_file_states_is_kept(tmp_path: Path) -> None:
    data = read_data(in_file(tmp_path, SPLIT))
    assert data.said == ()
    assert (data.train.images == SPLIT["x_train"]).all()
    assert (data.test.images == SPLIT["x_test"]).all()
    assert (data.train.labels == SPLIT["y_train"]).all()
    assert (data.test.labels == SPLIT["y_test"]).all()
    assert data.classes == ("0", "1", "2", "3")
    assert data.tensor_shape == (12, 10, 1)


def test_what_was_changed_is_said(tmp_path: Path) -> None:
    colour = np.stack([SPLIT["x_train"], SPLIT["x_train"] // 2, 255 - SPLIT["x_train"]], axis=1)
    changed = {
        "X_TRAIN": colour,
        "Y_TRAIN": np.eye(4)[SPLIT["y_train"]],
        "X_TEST": colour / 255,
        "Y_TEST": SPLIT["y_train"],
    }
    data = read_data(in_file(tmp_path, changed))
    assert data.tensor_shape == (12, 10, 3)
    assert (data.test.images[..., 2] == 255 - SPLIT["x_train"]).all()
    assert data.said == (
        "channels come first: they are put last",
        "labels are one-hot",
        "pixels are float64, divided by 255: multiplied back",
    )


def test_images_without_a_split_are_split_by_a_seed(tmp_path: Path) -> None:
    file = in_file(tmp_path, WHOLE | {"classes": np.array(list("abcd"))})
    data, again = read_data(file), read_data(file)
    assert (len(data.train), len(data.test), data.classes) == (32, 8, tuple("abcd"))
    assert (data.test.images == again.test.images).all()
    label_of = {image.tobytes(): label for image, label in zip(*WHOLE.values(), strict=True)}
    found = [pair for part in (data.train, data.test) for pair in zip(part.images, part.labels, strict=True)]
    assert {image.tobytes(): label for image, label in found} == label_of
    assert "every 5th image, drawn by seed 1, is a test image" in data.said[0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (SPLIT | {"x_test": SPLIT["x_test"][:, :8]}, r"of one shape, found \(12, 10\) and \(8, 10\): make them so"),
        (SPLIT | {"y_train": SPLIT["y_train"] * 1000}, r"y_train: expected classes in 0..999, found 0..3000"),
        (WHOLE | {"labels": WHOLE["labels"] * 0}, "classes: expected 2 to 1000 names"),
        (WHOLE | {"classes": np.array(["a", "b", "a", "d"])}, "classes: expected different names"),
        ({name: values[:5] for name, values in WHOLE.items()}, r"expected at least 10 images, found 5: give more"),
    ],
)
def test_what_cannot_be_tested_with_is_refused(arrays: Arrays, message: str, tmp_path: Path) -> None:
    file = in_file(tmp_path, arrays)
    with pytest.raises(UsageError, match=message) as refused:
        read_data(file)
    assert str(refused.value).startswith(f"{file}: ")


def test_more_than_is_read_back_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", 2**12)
    with pytest.raises(UsageError, match=r"expected arrays of at most \S+ GiB, found \S+: give images as uint8"):
        read_data(in_file(tmp_path, SPLIT))
