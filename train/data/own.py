"""A data set of one's own: a folder of pictures, one sub-folder per class, or an .npz.

    FOLDER/<class>/*.png          split here, the same way for the same seed, each class in proportion
    FOLDER/train/<class>/*.png    the split is the user's
    FOLDER/test/<class>/*.png
    FILE.npz                      images uint8 (N, H, W) or RGB (N, H, W, 3), labels int (N,), and classes (names) if wanted

A picture holds one character, of any size, dark on light or light on dark; each becomes a glyph by `train.data.ink`.
A class named "reject" is what the model shall not read. Everything is looked through before anything is trained: what
is wrong with a picture is said with its name.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import GateError, SourceError, UsageError
from edgeproof.input_contract import InputContract
from edgeproof.manifest import check_classes
from edgeproof.scores import REJECT
from edgeproof.sources.pictures.picture import decode
from train.data.datasets import Dataset
from train.data.ink import make_image

NAME = "own"
FEWEST = 10  # glyphs of a class outside the user's test set: fewer leave none to choose by or to test with
NAMED = 5  # skipped pictures that are named one by one

Image = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Picture:
    """where: its file, or its place in the .npz. label: index of its class. test: the user put it into the test set.

    pixels: reads it, uint8 (H, W) or BGR (H, W, 3); raises SourceError when it is no picture.
    """

    where: str
    label: int
    test: bool
    pixels: Callable[[], Image]


@dataclass(frozen=True)
class Glyph:
    where: str
    label: int
    test: bool
    image: Image


@dataclass(frozen=True)
class Own:
    """The data set, and lines that say what was found: counts per class, what was skipped and what was there twice."""

    dataset: Dataset
    notes: tuple[str, ...]


def load_own(path: Path, *, contract: InputContract, test: float, strict: bool, seed: int) -> Own:
    """The data set at `path`.

    test: share of the images, in (0, 1), that becomes the test set where the user has made none. The training images
    are ordered so that any run of them holds each class in proportion. Raises SourceError when there is nothing to read
    (or, with `strict`, when one picture is not readable), UsageError when the classes or labels are not usable,
    GateError when an image is in training and test.
    """
    if path.is_dir():
        classes, pictures = _from_folder(path)
    elif path.is_file():
        classes, pictures = _from_npz(path)
    else:
        raise SourceError(
            f"{path}: expected a folder with one sub-folder of pictures per class, or an .npz; found nothing"
        )
    try:
        check_classes(classes)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    skipped: list[str] = []
    found = list(_glyphs(pictures, contract, skipped, strict=strict))
    kept = _without_duplicates(found)
    _check_counts(path, classes, kept)
    images, labels = np.array([item.image for item in kept]), np.array([item.label for item in kept])
    order = _spread(labels, np.random.default_rng(seed))
    given = np.array([item.test for item in kept])[order]
    if given.any():
        in_test, in_train = order[given], order[~given]
    else:
        count = max(len(classes), round(len(order) * test))
        in_test, in_train = order[-count:], order[:-count]
    dataset = Dataset(NAME, classes, images[in_train], labels[in_train], images[in_test], labels[in_test])
    return Own(dataset, tuple(_notes(dataset, len(found) - len(kept), skipped)))


# --- where the pictures are -------------------------------------------------------------------------------------------


def _from_folder(path: Path) -> tuple[tuple[str, ...], list[Picture]]:
    parts = {name: path / name for name in ("train", "test")}
    split = {folder.name for folder in _folders(path)} == set(parts)
    roots = [(parts["train"], False), (parts["test"], True)] if split else [(path, False)]
    names = [tuple(folder.name for folder in _folders(root)) for root, _ in roots]
    if not names[0]:
        raise UsageError(f"{roots[0][0]}: expected one sub-folder of pictures per class, found none")
    if split and names[0] != names[1]:
        differing = ", ".join(sorted(set(names[0]) ^ set(names[1])))
        raise UsageError(
            f"{path}: expected the same classes in train/ and test/, found in only one of them: {differing}"
        )
    classes = tuple(sorted(names[0], key=lambda name: (name == REJECT, name)))  # "reject" is last by convention
    pictures = []
    for root, test in roots:
        for label, name in enumerate(classes):
            files = [file for file in sorted((root / name).rglob("*")) if file.is_file() and not _hidden(file, root)]
            if not files:
                raise UsageError(
                    f"{root / name}: expected pictures of class {name}, found none: fill or remove the folder"
                )
            pictures += [Picture(str(file), label, test, partial(_decoded, file)) for file in files]
    return classes, pictures


def _folders(path: Path) -> list[Path]:
    return [entry for entry in sorted(path.iterdir()) if entry.is_dir() and not _hidden(entry, path)]


def _hidden(entry: Path, root: Path) -> bool:
    """What file managers leave behind."""
    return any(part.startswith((".", "__MACOSX")) for part in entry.relative_to(root).parts)


def _decoded(file: Path) -> Image:
    try:
        return decode(file.read_bytes(), str(file))
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror}") from None


def _from_npz(path: Path) -> tuple[tuple[str, ...], list[Picture]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("images", "labels", "classes") if name in archive}
    except (ValueError, EOFError, OSError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error):
        raise SourceError(f"{path}: expected an .npz with plain arrays: it is damaged or something else") from None
    for name in ("images", "labels"):
        if name not in arrays:
            raise UsageError(f"{path}: expected the arrays images and labels, found no {name}")
    images, labels = arrays["images"], arrays["labels"]
    if images.dtype != np.uint8 or not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3))):
        raise UsageError(
            f"{path}: images: expected uint8 (N, H, W) or RGB (N, H, W, 3), found {images.dtype} {images.shape}"
        )
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        raise UsageError(
            f"{path}: labels: expected integers ({len(images)},), one per image, found {labels.dtype} {labels.shape}"
        )
    classes = _names(arrays.get("classes"), labels)
    outside = labels[(labels < 0) | (labels >= len(classes))]
    if outside.size:
        raise UsageError(
            f"{path}: expected labels from 0 to {len(classes) - 1}, found {outside[0]} ({outside.size} outside)"
        )
    if images.ndim == 4:
        images = images[..., ::-1] if images.shape[3] == 3 else images[..., 0]  # RGB → BGR
    return classes, [
        Picture(f"{path}: image {i}", int(label), False, partial(np.ascontiguousarray, images[i]))
        for i, label in enumerate(labels)
    ]


def _names(given: NDArray[Any] | None, labels: NDArray[Any]) -> tuple[str, ...]:
    """The names of the classes in label order: as given, else the labels themselves."""
    if given is None:
        return tuple(str(label) for label in range(int(labels.max(initial=-1)) + 1))
    return tuple(str(name) for name in given.ravel())


# --- what the model will see ------------------------------------------------------------------------------------------


def _glyphs(pictures: list[Picture], contract: InputContract, skipped: list[str], *, strict: bool) -> Iterator[Glyph]:
    """The glyph of each picture; what cannot be read goes to `skipped`, or with `strict` is an error."""
    from tqdm import tqdm

    for picture in tqdm(pictures, desc="pictures", unit="", disable=len(pictures) < 1000):
        try:
            image = make_image(picture.pixels(), contract)
            if image is None:
                raise SourceError(f"{picture.where}: expected something written, found an empty picture")
        except SourceError as error:
            if strict:
                raise
            skipped.append(str(error))
            continue
        yield Glyph(picture.where, picture.label, picture.test, image)


def _without_duplicates(glyphs: list[Glyph]) -> list[Glyph]:
    """The first of each glyph. Raises when two equal ones contradict each other."""
    first: dict[bytes, Glyph] = {}
    leaks = []
    for item in glyphs:
        earlier = first.setdefault(item.image.tobytes(), item)
        if earlier.label != item.label:
            raise UsageError(
                f"{earlier.where} and {item.where} are the same to the model but of different classes: keep one of them"
            )
        if earlier.test != item.test:
            leaks.append((earlier, item))
    if leaks:
        earlier, item = leaks[0]
        raise GateError(
            f"{len(leaks)} test images are training images too, for example {earlier.where} and {item.where}: "
            "take them out of one of the two, or the accuracy says nothing"
        )
    return list(first.values())


def _check_counts(path: Path, classes: tuple[str, ...], glyphs: list[Glyph]) -> None:
    for label, name in enumerate(classes):
        count = sum(item.label == label and not item.test for item in glyphs)
        if count < FEWEST:
            raise UsageError(
                f"{path}: expected at least {FEWEST} different readable images of class {name}, found {count}"
            )


def _spread(labels: Labels, rng: np.random.Generator) -> NDArray[np.intp]:
    """A random order in which every run of images holds the classes in proportion: a slice of it is a stratified sample."""
    place = np.empty(len(labels))
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        place[own] = (np.arange(len(own)) + rng.random(len(own))) / len(own)
    return np.argsort(place)


def _notes(data: Dataset, duplicates: int, skipped: list[str]) -> Iterator[str]:
    each = [np.bincount(labels, minlength=len(data.classes)) for labels in (data.train_labels, data.test_labels)]
    for name, train, test in zip(data.classes, *each, strict=True):
        yield f"class {name}: {train} images to train with and choose by, {test} to test with"
    if duplicates:
        yield f"duplicates: {duplicates}, each the same to the model as an earlier image of its class; left out"
    if skipped:
        yield f"skipped: {len(skipped)} that cannot be read"
        yield from (f"  {reason}" for reason in skipped[:NAMED])
        if len(skipped) > NAMED:
            yield f"  and {len(skipped) - NAMED} more; --strict stops at the first"
