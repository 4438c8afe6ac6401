"""Digits that touch: how many groups are read entirely right, by how far their strokes run into each other.

    python -m benchmarks touching --run runs/digits

Groups of two and three MNIST *test* digits are pushed together, each until its ink first meets the one before it, then 1 to 3
pixels (of a 28-pixel digit) further, enlarged and photographed as ink on paper after two digits that stand by themselves.
Only digits that are read right alone, on the same paper, count: what is measured is the cutting, not the model. The same seed
gives the same groups.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.photograph import camera
from benchmarks.scenes.photograph.camera import Light, Look, View
from edgeproof import glyph
from edgeproof.errors import BenchmarkError
from edgeproof.page.reader import Reader, open_reader
from edgeproof.run_folder import read_test

Image = NDArray[np.uint8]

INKED = 96  # of 255, from which a pixel is stroke: two digits touch where such pixels are neighbours
OVERLAPS = (0, 1, 2, 3)  # pixels beyond the first contact
ENLARGED = 3  # times
SHARP = 64  # of 255, over which an edge goes from paper to ink
APART = 2  # digits before the group: a page on which nothing is read gives no reason to cut what is none
MOST_TRIED = 100  # digits for one group; of a bundle that reads digits nearly every one will do
MARGIN = 60  # pixels of paper around, enlarged


@dataclass(frozen=True)
class Group:
    """text: what is written. picture: uint8 BGR, dark on light."""

    text: str
    picture: Image


def groups(
    reader: Reader, digits: tuple[Image, NDArray[np.int64]], *, size: int, overlap: int, count: int, seed: int
) -> Iterator[Group]:
    """`count` groups of `size` digits each. `digits`: images uint8 (N, 28, 28) and labels 0–9.

    Raises BenchmarkError when `reader` reads hardly any of them alone.
    """
    images, labels = digits
    for number in range(count):
        rng = np.random.default_rng([seed, size, number])  # anew, for the same digits at every overlap
        ink, text = np.zeros((28, 0), np.uint8), ""
        before: list[Image] = []
        tried = 0
        while len(text) < APART + size:
            if (tried := tried + 1) > MOST_TRIED:
                raise BenchmarkError(
                    f"expected digits that are read when they stand alone, found none among {MOST_TRIED}"
                )
            i = int(rng.integers(len(images)))
            if not reads_alone(reader, images[i], str(labels[i]), rng):
                continue
            text += str(labels[i])
            if len(before) < APART:
                before.append(images[i])
            else:
                ink = _joined(ink, images[i], overlap)
        yield Group(text, photograph(np.hstack([*before, np.zeros((28, 4), np.uint8), ink]), rng))


def reads_alone(reader: Reader, image: Image, text: str, rng: np.random.Generator) -> bool:
    return _read(reader, photograph(image, rng)) == text


def photograph(ink: Image, rng: np.random.Generator) -> Image:
    """Ink uint8 (h, w), 255 = full, as a photograph of it on paper: what is INKED is what the pen left there."""
    look = Look()
    size = ENLARGED * ink.shape[1] + 2 * MARGIN, ENLARGED * ink.shape[0] + 2 * MARGIN
    scale = ENLARGED * look.oversampled
    large = cv2.resize(ink.astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    layer = camera.blank_layer(size, look)
    camera.stamp(layer, np.clip((large - INKED) / SHARP + 0.5, 0, 1), (size[0] / 2, size[1] / 2), size, look)
    sheet = camera.ink_sheet(layer, (), size, ENLARGED * glyph.BOX, look, rng)
    return camera.shoot(sheet, View.handheld(rng), Light.indoors(rng), rng).picture


def right(reader: Reader, given: Iterator[Group]) -> int:
    """How many groups are read entirely right."""
    return sum(_read(reader, group.picture) == group.text for group in given)


def run(args: argparse.Namespace) -> int:
    test = read_test(args.run)
    digits = test.images[test.labels < 10], test.labels[test.labels < 10]
    with open_reader(args.bundle) as reader:
        print(f"{'overlap, px of 28':<20}" + "".join(f"{overlap:>10}" for overlap in OVERLAPS))
        for name, size in (("pairs", 2), ("triples", 3)):
            shares = [
                right(reader, groups(reader, digits, size=size, overlap=overlap, count=args.count, seed=args.seed))
                / args.count
                for overlap in OVERLAPS
            ]
            print(f"{name + ' right':<20}" + "".join(f"{share:>10.1%}" for share in shares))
    return 0


def _joined(ink: Image, image: Image, overlap: int) -> Image:
    """`ink` with `image` pushed up to it from the right until strokes meet, and `overlap` pixels further."""
    inked = np.flatnonzero((image >= INKED).any(axis=0))
    image = image[:, inked[0] : inked[-1] + 1]
    if ink.shape[1] == 0:
        return image
    # Per row: how much paper the two leave between their strokes, side by side.
    left = [np.flatnonzero(row >= INKED) for row in ink]
    right = [np.flatnonzero(row >= INKED) for row in image]
    room = [
        ink.shape[1] - 1 - max(left[near]) + min(right[row])
        for row in range(28)
        for near in range(max(0, row - 1), min(28, row + 2))
        if left[near].size and right[row].size
    ]
    start = max(0, ink.shape[1] - min(room) - overlap)
    joined = np.zeros((28, max(ink.shape[1], start + image.shape[1])), np.uint8)
    joined[:, : ink.shape[1]] = ink
    part = joined[:, start : start + image.shape[1]]
    np.maximum(part, image, out=part)
    return joined


def _read(reader: Reader, picture: Image) -> str:
    """All digits of a picture, from left to right."""
    return "".join(digit.name for digit in sorted(reader.read(picture).digits, key=lambda digit: digit.box[0]))
