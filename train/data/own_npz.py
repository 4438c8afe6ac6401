"""An .npz of one's own: images and labels, or x_train, y_train, x_test and y_test as the files of Keras' data sets have them.

What can be meant in one way only is taken: labels as a column or one-hot, pixels that were divided by 255.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError, SourceError, UsageError
from edgeproof.support.npz import arrays_in

OURS, KERAS = (("images", "labels"),), (("x_train", "y_train"), ("x_test", "y_test"))
BLOCK = 1024  # images that are looked at as float64 at a time
WAYS_OUT = {
    2: ": reshape them to (N, H, W)",
    (4, 1): ": put the channels last",
    (4, 3): ": put the channels last",
    4: ": leave out what is neither grey nor RGB",
}


@dataclass(frozen=True)
class Part:
    """name: of its array of images. images: uint8 (N, H, W) or RGB (N, H, W, 3). labels: int64 (N,).

    test: whether these are the test images that the file states.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test: bool


def read_npz(path: Path, most: int) -> tuple[tuple[str, ...], list[Part]]:
    """The names of the classes in label order, and the images.

    most: bytes that its arrays may have. Raises SourceError when it is no .npz, UsageError naming the array when one is not as
    expected, or all are too large.
    """
    arrays = _arrays(path, most)
    pairs = KERAS if "x_train" in arrays and "images" not in arrays else OURS
    names = [name for pair in pairs for name in pair]
    for name in names:
        if name not in arrays:
            raise UsageError(f"{path}: expected the arrays {', '.join(names[:-1])} and {names[-1]}, found no {name}")
    parts = []
    for name, labelled in pairs:
        pixels = _pixels(f"{path}: {name}", arrays[name])
        parts.append(
            Part(name, pixels, _labels(f"{path}: {labelled}", arrays[labelled], len(pixels)), name == "x_test")
        )
    labels = np.concatenate([part.labels for part in parts])
    classes = _names(arrays.get("classes"), labels)
    outside = labels[(labels < 0) | (labels >= len(classes))]
    if outside.size:
        raise UsageError(
            f"{path}: expected labels from 0 to {len(classes) - 1}, found {outside[0]} ({outside.size} outside)"
        )
    return classes, parts


def _arrays(path: Path, most: int) -> dict[str, NDArray[Any]]:
    known = ["classes", *(name for pair in (*OURS, *KERAS) for name in pair)]
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(item.file_size for item in archive.infolist() if item.filename.removesuffix(".npy") in known)
        if size > most:
            raise UsageError(
                f"{path}: expected at most {most / 2**30:g} GiB of arrays, found {size / 2**30:.1f}: "
                "leave images out, or make them smaller"
            )
        return arrays_in(path.read_bytes(), str(path), names=known, most=most)
    except (IntegrityError, zipfile.BadZipFile, OSError):
        raise SourceError(f"{path}: expected an .npz with plain arrays: it is damaged or something else") from None


def _pixels(where: str, images: NDArray[Any]) -> NDArray[np.uint8]:
    """`images` as uint8 (N, H, W) or (N, H, W, 3)."""
    shape = images.shape
    if not (images.ndim == 3 or (images.ndim == 4 and shape[3] in (1, 3))) or not all(shape):
        way_out = WAYS_OUT.get((images.ndim, *shape[1:2]), WAYS_OUT.get(images.ndim, ""))
        raise UsageError(
            f"{where}: expected uint8 (N, H, W) or RGB (N, H, W, 3), found {images.dtype} {shape}{way_out}"
        )
    if images.ndim == 4 and shape[3] == 1:
        images = images[..., 0]
    return images if images.dtype == np.uint8 else _whole(where, images)


def _whole(where: str, images: NDArray[Any]) -> NDArray[np.uint8]:
    """Numbers that are whole, from 0 to 255, or floats that are such numbers divided by 255, as uint8."""
    made = np.empty(images.shape, np.uint8)
    kind, low, high = images.dtype.kind, images.min(), images.max()
    factor = 255 if kind == "f" and high <= 1 else 1
    tolerance = 255 * float(np.finfo(images.dtype).eps) if factor == 255 else 0.0
    fits = kind in "iuf" and low >= 0 and (factor == 255 or 1 < high <= 255)
    if not fits or not all(_fill(made, images, factor, tolerance)):
        raise UsageError(
            f"{where}: expected uint8, or whole numbers from 0 to 255, or those divided by 255, found {images.dtype} "
            f"from {low:g} to {high:g}: save the pictures as they were before they were scaled"
        )
    return made


def _fill(made: NDArray[np.uint8], images: NDArray[Any], factor: int, tolerance: float) -> Iterator[bool]:
    """Fill `made` with factor · images, some at a time; of each whether those are whole numbers."""
    for start in range(0, len(images), BLOCK):
        values = images[start : start + BLOCK].astype(np.float64) * factor
        made[start : start + BLOCK] = np.rint(values)
        yield bool((np.abs(values - made[start : start + BLOCK]) <= tolerance).all())


def _labels(where: str, labels: NDArray[Any], count: int) -> NDArray[np.int64]:
    """One whole number per image, from (N,), (N, 1) or one-hot (N, classes)."""
    given = f"{labels.dtype} {labels.shape}"
    if labels.dtype.kind in "biuf" and labels.ndim == 2:
        if labels.shape[1] == 1:
            labels = labels[:, 0]
        elif np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all():
            labels = labels.argmax(axis=1)
    if labels.dtype.kind == "f" and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise UsageError(f"{where}: expected integers ({count},), one per image, found {given}")
    return labels.astype(np.int64)


def _names(given: NDArray[Any] | None, labels: NDArray[np.int64]) -> tuple[str, ...]:
    """The names of the classes in label order: as given, else the labels themselves."""
    if given is None:
        return tuple(str(label) for label in range(int(labels.max(initial=-1)) + 1))
    return tuple(str(name) for name in given.ravel())
