"""Arrays that people have: the images and labels of an .npz, taken in every form that can mean one thing only."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import SourceError, UsageError
from edgeproof.support.npz import arrays_in, sizes_in

#: What the arrays are called, in small letters or capitals.
SETS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images", "labels"),
    ("x", "y"),
)
CLASSES = ("classes", "class_names")
CHANNELS = (1, 3)
BLOCK = 2**22  # pixels that are looked at as float64 at a time, or one image
NAMED = 9  # arrays of a file that are named where they are not as expected


@dataclass(frozen=True)
class Part:
    """name: of its array of images. images: uint8 (n, h, w) or RGB (n, h, w, 3). labels: int64 (n,), index of the class.

    test: whether these are the test images that the file states.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test: bool


@dataclass(frozen=True)
class OwnArrays:
    """parts: all images, or those to train with and those to test with. classes: their names in label order.

    said: how the arrays were taken, where not as they are.
    """

    parts: tuple[Part, ...]
    classes: tuple[str, ...]
    said: tuple[str, ...]


def read_own_arrays(file: Path, most: int, most_classes: int) -> OwnArrays:
    """Read an .npz. Other arrays in it are left alone.

    most: bytes that images, labels and names may unpack to. most_classes: labels are below it. Raises SourceError when there is
    no file, IntegrityError when it is damaged or no .npz, UsageError naming the array when one is not as expected, or all are
    too large.
    """
    if not file.is_file():
        found = "a folder" if file.is_dir() else "nothing there"
        raise SourceError(f"{file}: expected an .npz with images and labels, found {found}")
    sizes = sizes_in(file)
    called = {name.lower(): name for name in sorted(sizes)}  # capitals come first: of "X" and "x" the latter is taken
    names = [called[name] for name in _set_of(file, called)]
    classes = [called[name] for name in CLASSES if name in called][:1]
    wanted = [*names, *classes]
    size = sum(sizes[name] for name in wanted)
    if size > most:
        raise UsageError(
            f"{file}: expected arrays of at most {most / 2**30:.4g} GiB, found {size / 2**30:.4g}: give images as uint8 "
            "(floats take four to eight times as much), smaller ones, or fewer"
        )
    arrays = arrays_in(file, str(file), names=wanted, most=most)
    said: list[str] = []
    parts = []
    for i, (pixels, labelled) in enumerate(zip(names[::2], names[1::2], strict=True)):
        images = _images(f"{file}: {pixels}", arrays[pixels], said.append)
        labels = _labels(f"{file}: {labelled}", arrays[labelled], len(images), most_classes, said.append)
        parts.append(Part(pixels, images, labels, test=i == 1))
    count = max(int(part.labels.max()) for part in parts) + 1
    given = _names(file, arrays[classes[0]], count) if classes else tuple(map(str, range(count)))
    return OwnArrays(tuple(parts), given, tuple(dict.fromkeys(said)))


def _set_of(file: Path, found: Collection[str]) -> tuple[str, ...]:
    """What the arrays to take are called: images, labels, and where the file has a split, those of the test images."""
    sets = [names for names in SETS if all(name in found for name in names)]
    if len(sets) == 1:
        return sets[0]
    if sets:
        both = " and ".join(", ".join(names) for names in sets)
        raise UsageError(f"{file}: expected images and labels once, found {both}: leave out one of them")
    others = ", ".join(sorted(found)[:NAMED]) or "none"
    raise UsageError(
        f"{file}: expected the arrays {', '.join(SETS[0])}, or images, labels; found {others}: "
        "numpy.savez('data.npz', x_train=…, y_train=…, x_test=…, y_test=…)"
    )


def _images(where: str, values: NDArray[Any], say: Callable[[str], None]) -> NDArray[np.uint8]:
    values = _shaped(where, values, say)
    return np.ascontiguousarray(values if values.dtype == np.uint8 else _whole(where, values, say))


def _shaped(where: str, values: NDArray[Any], say: Callable[[str], None]) -> NDArray[Any]:
    """`values` as (n, h, w) or (n, h, w, 3)."""
    shape, side = values.shape, math.isqrt(values.shape[1]) if values.ndim == 2 else 0
    if values.dtype.kind in "iuf" and values.size:
        if values.ndim == 2 and side**2 == shape[1]:
            say(f"rows of {shape[1]} are pictures of {side}×{side}")
            return values.reshape(-1, side, side)
        if values.ndim == 4 and shape[3] not in CHANNELS and shape[1] in CHANNELS:
            say("channels come first: they are put last")
            values = np.moveaxis(values, 1, -1)
        if values.ndim == 3 or (values.ndim == 4 and values.shape[3] in CHANNELS):
            return values[..., 0] if values.shape[3:] == (1,) else values
    way_out = "[..., :3] leaves the transparency out" if shape[3:] == (4,) else "make them so"
    raise UsageError(f"{where}: expected uint8 (n, h, w) or RGB (n, h, w, 3), found {values.dtype} {shape}: {way_out}")


def _whole(where: str, values: NDArray[Any], say: Callable[[str], None]) -> NDArray[np.uint8]:
    """Whole numbers in 0..255, or floats that are such numbers divided by 255, as uint8.

    Integers that are all 0 or 1 are refused: 1 may be white, or nearly black.
    """
    kind, low, high = values.dtype.kind, values.min(), values.max()
    factor = 255 if kind == "f" and high <= 1 else 1
    # What division by 255 leaves of a whole number; nothing where there was none.
    tolerance = 255 * float(np.finfo(values.dtype).eps) if factor == 255 else 0.0
    whole = bool(low >= 0 and (factor == 255 or 1 < high <= 255))  # also false for what is not a number
    made = np.empty(values.shape, np.uint8)
    step = max(1, BLOCK // values[0].size)
    for start in range(0, len(values) if whole else 0, step):
        raw = values[start : start + step].astype(np.float64) * factor
        rounded = np.rint(raw)
        whole = whole and bool((np.abs(raw - rounded) <= tolerance).all())
        made[start : start + step] = rounded
    if not whole:
        raise UsageError(
            f"{where}: expected uint8, or whole numbers in 0..255, or those divided by 255, found {values.dtype} in "
            f"{low:g}..{high:g}: give the pictures as they were before they were scaled"
        )
    say(f"pixels are {values.dtype}" + (", divided by 255: multiplied back" if factor == 255 else ""))
    return made


def _labels(
    where: str, values: NDArray[Any], count: int, most_classes: int, say: Callable[[str], None]
) -> NDArray[np.int64]:
    """One class for each of `count` images, from (n,), (n, 1) or one-hot (n, classes)."""
    found = f"{values.dtype} {values.shape}"
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    elif values.ndim == 2 and values.dtype.kind in "iufb" and _one_hot(values):
        say("labels are one-hot")
        values = values.argmax(axis=1)
    numbers = values.shape == (count,) and values.dtype.kind in "iufb" and bool(np.isfinite(values).all())
    if not numbers or (values != np.rint(values)).any():
        raise UsageError(
            f"{where}: expected whole numbers ({count},), found {found}: one for each image, classes numbered from 0"
        )
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= most_classes:
        raise UsageError(f"{where}: expected classes in 0..{most_classes - 1}, found {low}..{high}: number them from 0")
    return values.astype(np.int64)


def _one_hot(values: NDArray[Any]) -> bool:
    return bool(((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all())


def _names(file: Path, given: NDArray[Any], count: int) -> tuple[str, ...]:
    names = tuple(map(str, given.ravel().tolist()))
    if len(names) < count:
        raise UsageError(
            f"{file}: classes: expected {count} names, as labels go to {count - 1}, found {len(names)}: name them all"
        )
    return names
