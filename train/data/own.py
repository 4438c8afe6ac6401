"""A data set of one's own: a folder of pictures, one sub-folder per class, or an .npz.

    FOLDER/<class>/*.png          split here, the same way for the same seed, each class in proportion
    FOLDER/train/<class>/*.png    the split is the user's
    FOLDER/test/<class>/*.png
    FILE.npz                      images and labels, and classes (names) if wanted; or x_train, y_train, x_test, y_test: the split
                                  is the user's; in the forms of edgeproof.support.own_arrays

Pictures may be of any size, grey or colour, with transparent parts (white paper then), 8 or 16 bits, all in one folder. Where the
recipe says `resize = "ink-1"`, a picture holds one character, dark on light or light on dark, and becomes a glyph by
`train.data.ink`; else it is classified as a whole. A class named "reject" is what the model shall not read. Everything is looked
through before anything is trained: what is wrong with a picture is said with its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import GateError, SourceError, UsageError
from edgeproof.input_contract import InputContract, in_bgr
from edgeproof.manifest import MAX_CLASSES, check_classes
from edgeproof.run_folder import image_digest
from edgeproof.scores import REJECT
from edgeproof.sources.pictures.picture import picture_frame
from edgeproof.sources.source import Source
from edgeproof.support.npz import MAX_UNPACKED_BYTES
from edgeproof.support.own_arrays import read_own_arrays
from train.data.datasets import Dataset
from train.data.ink import make_image

NAME = "own"
FEWEST = 10  # images of a class outside the user's test set: fewer leave none to choose by or to test with
NAMED = 5  # skipped pictures, or classes, that are named one by one
MAX_BYTES = 2**32  # of all images as the model takes them: a training holds them about three times

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
class Own:
    """The data set, and lines that say what was found: how arrays were taken, counts per class, what was skipped and what was
    there twice."""

    dataset: Dataset
    notes: tuple[str, ...]


def load_own(path: Path, *, contract: InputContract, test: float, strict: bool, seed: int) -> Own:
    """The data set at `path`.

    test: share of the images, in (0, 1), that becomes the test set where the user has made none. The training images
    are ordered so that any run of them holds each class in proportion. Raises SourceError when there is nothing to read
    (or, with `strict`, when one picture is not readable), UsageError when the classes, the labels or the number of images are
    not usable, IntegrityError when an .npz is damaged, GateError when an image is in training and test.
    """
    said: tuple[str, ...] = ()
    if path.is_dir():
        classes, pictures = _from_folder(path)
    elif path.is_file():
        classes, pictures, said = _from_npz(path)
    else:
        raise SourceError(
            f"{path}: expected a folder with one sub-folder of pictures per class, or an .npz; found nothing"
        )
    try:
        check_classes(classes)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    _check_counts(path, classes, pictures)
    _check_size(path, classes, pictures, contract, test)
    skipped: list[str] = []
    readable, images = _read(pictures, contract, skipped, strict=strict)
    first = _without_duplicates(readable, images)
    kept = [readable[i] for i in first]
    _check_counts(path, classes, kept)
    labels = np.array([picture.label for picture in kept])
    order = _spread(labels, np.random.default_rng(seed))
    given = np.array([picture.test for picture in kept])[order]
    if given.any():
        in_test, in_train = order[given], order[~given]
    else:
        count = max(len(classes), round(len(order) * test))
        in_test, in_train = order[-count:], order[:-count]
    dataset = Dataset(NAME, classes, images[first[in_train]], labels[in_train], images[first[in_test]], labels[in_test])
    return Own(dataset, (*said, *_notes(dataset, len(readable) - len(kept), skipped)))


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
    return picture_frame(Source("picture", str(file), str(file))).image


def _from_npz(path: Path) -> tuple[tuple[str, ...], list[Picture], tuple[str, ...]]:
    own = read_own_arrays(path, MAX_BYTES, MAX_CLASSES)
    pictures = []
    for part in own.parts:
        as_decoded: Callable[[Image], Image] = in_bgr if part.images.ndim == 4 else np.ascontiguousarray
        pictures += [
            Picture(f"{path}: {part.name}[{i}]", int(label), part.test, partial(as_decoded, part.images[i]))
            for i, label in enumerate(part.labels)
        ]
    return own.classes, pictures, own.said


def _check_counts(path: Path, classes: tuple[str, ...], pictures: list[Picture]) -> None:
    """Raises UsageError when a class has too few pictures; asked before any is decoded, and of those that could be."""
    labels = [picture.label for picture in pictures if not picture.test]
    counts = np.bincount(np.array(labels, np.int64), minlength=len(classes))
    few = [f"{counts[label]} of class {classes[label]}" for label in np.flatnonzero(counts < FEWEST)]
    if few:
        more = f" and too few of {len(few) - NAMED} more" if len(few) > NAMED else ""
        beside = " beside the test set" if len(labels) < len(pictures) else ""
        raise UsageError(
            f"{path}: expected at least {FEWEST} different readable images of each class{beside}, found "
            f"{', '.join(few[:NAMED])}{more}: add some, or leave the class out"
        )


def _check_size(
    path: Path, classes: tuple[str, ...], pictures: list[Picture], contract: InputContract, test: float
) -> None:
    """Raises UsageError when the images would be too many to hold, or the test images with their answers to be read back."""
    each, given = math.prod(contract.shape), sum(picture.test for picture in pictures)
    size = len(pictures) * each
    test_size = (given or round(len(pictures) * test)) * (each + 8 + 4 * len(classes))
    for what, found, most, way_out in (
        ("images", size, MAX_BYTES, "take fewer, or a smaller [model] input"),
        ("test images and answers", test_size, MAX_UNPACKED_BYTES, "test with fewer, or a smaller [model] input"),
    ):
        if found > most:
            raise UsageError(
                f"{path}: expected at most {most / 2**30:g} GiB of {what}, found {found / 2**30:.1f} GiB, "
                f"{len(pictures):,} pictures at {contract}: {way_out}"
            )


# --- what the model will see ------------------------------------------------------------------------------------------


def _read(
    pictures: list[Picture], contract: InputContract, skipped: list[str], *, strict: bool
) -> tuple[list[Picture], Image]:
    """Those that can be read, and the image of each; why others cannot goes to `skipped`, or with `strict` is an error."""
    from tqdm import tqdm

    readable: list[Picture] = []
    images = np.empty((len(pictures), *contract.shape), np.uint8)
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
        images[len(readable)] = image
        readable.append(picture)
    return readable, images[: len(readable)]


def _without_duplicates(pictures: list[Picture], images: Image) -> NDArray[np.int64]:
    """Where the first of each image stands. Raises when two equal ones contradict each other."""
    first: dict[bytes, int] = {}
    leaks = []
    for i, picture in enumerate(pictures):
        earlier = pictures[first.setdefault(image_digest(images[i]), i)]
        if earlier.label != picture.label:
            raise UsageError(
                f"{earlier.where} and {picture.where} are the same to the model but of different classes: "
                "keep one of them"
            )
        if earlier.test != picture.test:
            leaks.append((earlier, picture))
    if leaks:
        earlier, picture = leaks[0]
        raise GateError(
            f"{len(leaks)} test images are training images too, for example {earlier.where} and {picture.where}: "
            "take them out of one of the two, or the accuracy says nothing"
        )
    return np.array([*first.values()], np.int64)


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
