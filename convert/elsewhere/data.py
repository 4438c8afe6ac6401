"""The data of a model from elsewhere: the arrays of an .npz, in any form that can be taken in one way only."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.elsewhere.labels import as_labels
from convert.elsewhere.pictures import as_pictures
from edgeproof.errors import SourceError, UsageError
from edgeproof.manifest import check_classes
from edgeproof.run_folder import Images
from edgeproof.support.npz import MAX_UNPACKED_BYTES, arrays_in

SEED = 1  # of what is drawn
TEST_SHARE = 5  # one image in so many is a test image, where the file does not say which are
#: Training and test images with their labels, as they are called in files; without regard to capitals.
SPLIT = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
WHOLE = (("images", "labels"), ("x", "y"))
CLASSES = ("classes", "class_names")


@dataclass(frozen=True)
class Data:
    """train, test: images of the data's own size, uint8 (n, h, w) or RGB (n, h, w, 3). classes: their names.

    said: how the arrays were taken, where not as they are.
    """

    train: Images
    test: Images
    classes: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def tensor_shape(self) -> tuple[int, int, int]:
        """Of one image: height, width, channels."""
        height, width, *channels = self.train.images.shape[1:]
        return height, width, channels[0] if channels else 1


def read_data(file: Path) -> Data:
    """Read an .npz. Raises SourceError when it is not there, IntegrityError when damaged, UsageError for other arrays."""
    arrays = _arrays(file)
    said: list[str] = []
    names, values = _named(file, arrays, said)
    x_train, x_test = (as_pictures(file, name, values[name], said) for name in names[::2])
    if x_train.shape[1:] != x_test.shape[1:]:
        raise UsageError(
            f"{file}: expected training and test images of one shape, found {x_train.shape[1:]} and {x_test.shape[1:]}"
        )
    y_train, y_test = (
        as_labels(file, name, values[name], len(images), said)
        for name, images in zip(names[1::2], (x_train, x_test), strict=True)
    )
    found = next((arrays[name] for name in CLASSES if name in arrays), None)
    classes = _classes(file, found, int(max(y_train.max(), y_test.max())) + 1)
    return Data(Images(x_train, y_train), Images(x_test, y_test), classes, tuple(dict.fromkeys(said)))


def _arrays(file: Path) -> dict[str, NDArray[Any]]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"{file}: expected an .npz with images and labels, found nothing there") from None
    except IsADirectoryError:
        raise UsageError(f"{file}: expected an .npz with images and labels, found a folder") from None
    _check_size(file, content)
    arrays = arrays_in(content, str(file))
    return {name.lower(): values for name, values in arrays.items()} | arrays


def _check_size(file: Path, content: bytes) -> None:
    """Raise UsageError for more than is read; what is no archive is told by whoever unpacks it."""
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(item.file_size for item in archive.infolist())
        if size > MAX_UNPACKED_BYTES:
            raise UsageError(
                f"{file}: expected arrays of at most {MAX_UNPACKED_BYTES:,} bytes, found {size:,}: give images as uint8 "
                "(floats take four to eight times as much), or fewer"
            )


def _named(
    file: Path, arrays: Mapping[str, NDArray[Any]], said: list[str]
) -> tuple[tuple[str, ...], dict[str, NDArray[Any]]]:
    """The names of training images, their labels, test images, their labels, and the arrays by these names."""
    for names in SPLIT:
        if all(name in arrays for name in names):
            return names, {name: arrays[name] for name in names}
    for images, labels in WHOLE:
        if images in arrays and labels in arrays:
            return SPLIT[0], _split(file, arrays[images], arrays[labels], said)
    raise UsageError(
        f"{file}: expected the arrays {', '.join(SPLIT[0])}, or images, labels; found "
        f"{', '.join(sorted(arrays)) or 'none'}: numpy.savez('data.npz', x_train=…, y_train=…, x_test=…, y_test=…)"
    )


def _split(file: Path, images: NDArray[Any], labels: NDArray[Any], said: list[str]) -> dict[str, NDArray[Any]]:
    count = len(labels) if labels.ndim else 0
    if not images.ndim or len(images) != count or count < 2 * TEST_SHARE:
        raise UsageError(
            f"{file}: expected at least {2 * TEST_SHARE} images and as many labels, found {images.shape} and {labels.shape}"
        )
    order = np.random.default_rng(SEED).permutation(count)
    test, train = order[: count // TEST_SHARE], order[count // TEST_SHARE :]
    said.append(
        f"every {TEST_SHARE}th image, drawn by seed {SEED}, is a test image: the model's own training must not have seen them"
    )
    arrays = (images[train], labels[train], images[test], labels[test])
    return dict(zip(SPLIT[0], arrays, strict=True))


def _classes(file: Path, found: NDArray[Any] | None, count: int) -> tuple[str, ...]:
    if count < 2:
        raise UsageError(f"{file}: expected labels of two classes or more, found one class")
    names = tuple(map(str, range(count) if found is None else found.ravel().tolist()))
    if len(names) < count:
        raise UsageError(
            f"{file}: classes: expected {count} names, as labels go to {count - 1}, found {len(names)}: {', '.join(names)}"
        )
    try:
        check_classes(names)
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from None
    return names
