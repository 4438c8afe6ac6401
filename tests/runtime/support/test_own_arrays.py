"""Arrays in the forms in which people have them: each is taken in one way, and that is said, or refused with a way out."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.errors import EdgeproofError, IntegrityError, SourceError, UsageError
from edgeproof.support import own_arrays
from edgeproof.support.own_arrays import OwnArrays, read_own_arrays

Arrays = dict[str, NDArray[Any]]
COUNT = 30
GREY = np.random.default_rng(0).integers(0, 256, (COUNT, 6, 6), np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (COUNT, 6, 5, 3), np.uint8)
LABELS = np.arange(COUNT) % 3
SPLIT: Arrays = {"x_train": RGB[:20], "y_train": LABELS[:20], "x_test": RGB[20:], "y_test": LABELS[20:]}


def written(folder: Path, arrays: Arrays) -> Path:
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


def read(folder: Path, most: int = 2**20, **arrays: Any) -> OwnArrays:
    return read_own_arrays(written(folder, arrays), most, 1000)


DIVIDED = "divided by 255: multiplied back"


@pytest.mark.parametrize(
    ("given", "expected", "said"),
    [
        (GREY, GREY, ""),
        (GREY[..., None], GREY, ""),
        (GREY.reshape(-1, 36), GREY, "rows of 36 are pictures of 6×6"),
        (GREY[:, None], GREY, "channels come first: they are put last"),
        (RGB, RGB, ""),
        (np.asfortranarray(RGB), RGB, ""),
        (np.moveaxis(RGB, -1, 1), RGB, "channels come first: they are put last"),
        (RGB.astype(np.int64), RGB, "pixels are int64"),
        (RGB.astype(">u2"), RGB, "pixels are >u2"),
        (GREY.astype(np.float32), GREY, "pixels are float32"),
        (GREY / 255, GREY, f"pixels are float64, {DIVIDED}"),
        (RGB.astype(np.float32) * np.float32(1 / 255), RGB, f"pixels are float32, {DIVIDED}"),
        ((GREY / 255).astype(np.float16), GREY, f"pixels are float16, {DIVIDED}"),
        (
            (GREY / 255).reshape(-1, 36),
            GREY,
            f"rows of 36 are pictures of 6×6; pixels are float64, {DIVIDED}",
        ),
    ],
)
def test_images_of_one_meaning(
    given: NDArray[Any], expected: NDArray[np.uint8], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_arrays, "BLOCK", 4 * 90)  # a few images at a time: none may be left out
    own = read(tmp_path, images=given, labels=LABELS)
    (part,) = own.parts
    assert part.images.dtype == np.uint8
    assert np.array_equal(part.images, expected)
    assert "; ".join(own.said) == said
    assert own.classes == ("0", "1", "2")
    assert not part.test


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (LABELS.astype(np.uint8), ""),
        (LABELS[:, None], ""),
        (LABELS.astype(np.float32), ""),
        (np.eye(3)[LABELS], "labels are one-hot"),
        (np.eye(3, dtype=bool)[LABELS], "labels are one-hot"),
    ],
)
def test_labels_of_one_meaning(labels: NDArray[Any], said: str, tmp_path: Path) -> None:
    own = read(tmp_path, images=GREY, labels=labels)
    assert own.parts[0].labels.dtype == np.int64
    assert np.array_equal(own.parts[0].labels, LABELS)
    assert "; ".join(own.said) == said


def test_truth_values_are_two_classes(tmp_path: Path) -> None:
    own = read(tmp_path, images=GREY, labels=LABELS == 2, class_names=np.array(["other", "two"]))
    assert own.parts[0].labels.tolist() == (LABELS == 2).tolist()
    assert own.classes == ("other", "two")


@pytest.mark.parametrize("names", own_arrays.SETS)
@pytest.mark.parametrize("spelt", [str.lower, str.upper])
def test_what_arrays_are_called(names: tuple[str, ...], spelt: Callable[[str], str], tmp_path: Path) -> None:
    parts = zip(names, SPLIT.values(), strict=False)
    own = read(tmp_path, **{spelt(name): values for name, values in parts}, another=np.array(["of no matter"]))
    assert [part.name for part in own.parts] == [spelt(name) for name in names[::2]]
    assert [part.test for part in own.parts] == [False, True][: len(own.parts)]
    assert np.array_equal(np.concatenate([part.images for part in own.parts]), RGB[: 30 if len(names) == 4 else 20])


def test_what_is_not_asked_for_may_be_anything(tmp_path: Path) -> None:
    assert read(tmp_path, images=GREY, labels=LABELS, about=np.array([{}])).classes == ("0", "1", "2")


RANGE = "expected uint8, or whole numbers in 0..255, or those divided by 255, found"
IMAGES = r"images: expected uint8 \(n, h, w\) or RGB \(n, h, w, 3\), found"
NUMBERS = r"labels: expected whole numbers \(30,\), found"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": GREY / 127.5 - 1}, f"images: {RANGE} float64 in -1..1: give the pictures as they were"),
        ({"images": GREY / 300}, f"images: {RANGE} float64 in 0..0.85:"),
        ({"images": np.full((COUNT, 2, 2), 1.5)}, f"{RANGE} float64 in 1.5..1.5"),
        ({"images": np.where(GREY > 9, np.nan, 1)}, f"{RANGE} float64 in nan..nan"),
        ({"images": GREY.astype(np.int32) * 2}, f"{RANGE} int32 in 0..510"),
        ({"images": GREY.astype(np.int32) // 128}, f"{RANGE} int32 in 0..1:"),  # nearly black, or white of 0..1?
        ({"images": GREY > 9}, f"{IMAGES} bool"),
        ({"images": GREY.astype(str)}, f"{IMAGES} <U3"),
        ({"images": GREY.astype(complex)}, f"{IMAGES} complex128"),
        ({"images": GREY[:0]}, f"{IMAGES} uint8"),
        ({"images": np.uint8(1)}, f"{IMAGES} uint8"),
        ({"images": GREY.reshape(-1, 36)[:, :35]}, rf"{IMAGES} uint8 \(30, 35\): make them so"),
        ({"images": np.stack([GREY] * 4, axis=-1)}, rf"{IMAGES} uint8 \(30, 6, 6, 4\): \[..., :3\] leaves the"),
        ({"labels": LABELS[:-1]}, rf"{NUMBERS} int64 \(29,\): one for each"),
        ({"labels": LABELS[None]}, rf"{NUMBERS} int64 \(1, 30\)"),
        ({"labels": np.full((COUNT, 3), 1 / 3)}, rf"{NUMBERS} float64 \(30, 3\)"),
        ({"labels": np.ones((COUNT, 2))}, rf"{NUMBERS} float64 \(30, 2\)"),
        ({"labels": LABELS + 0.5}, f"{NUMBERS} float64"),
        ({"labels": np.full(COUNT, np.nan)}, f"{NUMBERS} float64"),
        ({"labels": np.full(COUNT, np.inf)}, f"{NUMBERS} float64"),
        ({"labels": np.array(["a"] * COUNT)}, f"{NUMBERS} <U1 .*, classes numbered from 0"),
        ({"labels": LABELS - 1}, r"labels: expected classes in 0..999, found -1..1: number them from 0"),
        ({"labels": LABELS * 20_000_000}, r"labels: expected classes in 0..999, found 0..40000000"),
        ({"labels": LABELS * 1e30}, r"labels: expected classes in 0..999, found 0..2000"),
        ({"classes": np.array(["a", "b"])}, r"classes: expected 3 names, as labels go to 2, found 2: name them all"),
        ({"labels": None}, r"expected the arrays x_train, y_train, .*; found images: numpy\.savez"),
        ({"x_train": GREY, "labels": None}, r"or images, labels; found images, x_train: numpy\.savez"),
        ({"x": GREY, "y": LABELS}, r"expected images and labels once, found images, labels and x, y: leave out one"),
    ],
)
def test_what_has_no_one_meaning_is_refused_with_a_way_out(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    arrays = {
        name: values for name, values in ({"images": GREY, "labels": LABELS} | changes).items() if values is not None
    }
    with pytest.raises(UsageError, match=message) as refused:
        read(tmp_path, **arrays)
    assert str(refused.value).startswith(f"{tmp_path / 'set.npz'}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, SourceError, "expected an .npz with images and labels, found nothing there"),
        (b"PK", IntegrityError, "is no .npz, or truncated"),
        (b"", IntegrityError, "is no .npz, or truncated"),
    ],
)
def test_a_file_that_is_none(content: bytes | None, error: type[EdgeproofError], message: str, tmp_path: Path) -> None:
    file = tmp_path / "data.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error, match=message):
        read_own_arrays(file, 2**20, 1000)
    with pytest.raises(SourceError, match="found a folder"):
        read_own_arrays(tmp_path, 2**20, 1000)


def test_what_is_too_large_is_refused_by_what_the_file_states(tmp_path: Path) -> None:
    """The image's bytes are damaged, which whoever read them would find out first."""
    file = written(tmp_path, {"images": GREY, "labels": LABELS})
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo("images.npy").header_offset + 200
    content = bytearray(file.read_bytes())
    content[start : start + 99] = bytes(99)
    file.write_bytes(content)
    with pytest.raises(
        UsageError, match=r"set\.npz: expected arrays of at most 9\.5\S+ GiB, found 1\.4\S+: give images as"
    ):
        read_own_arrays(file, 2**10, 1000)
    with pytest.raises(IntegrityError, match=r"is no \.npz, or truncated"):
        read_own_arrays(file, 2**20, 1000)


def test_an_array_of_objects_is_never_unpacked(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="an array of objects"):
        read(tmp_path, images=GREY, labels=np.array([{}] * COUNT))
