"""Fixtures of the benchmarks' tests: handwriting, a reader, and where ink may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.scenes.writer import Digits
from edgeproof.page.reader import Reader, open_reader
from train.data import datasets as data

CheckInk = Callable[..., None]


@pytest.fixture(scope="session")
def digits() -> Digits:
    mnist = data.load("mnist")
    return mnist.test_images, mnist.test_labels


@pytest.fixture(scope="session")
def run(digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What benchmarks take of a run folder: the test images, here with logits that are sure and right."""
    images, labels = digits
    folder = tmp_path_factory.mktemp("run")
    np.savez(folder / "test.npz", images=images, labels=labels, logits=20 * np.eye(10, dtype=np.float32)[labels])
    return folder


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    """The bundle that the wheel carries."""
    with open_reader() as opened:
        yield opened


def ink_of(picture: NDArray[np.uint8], below: float) -> NDArray[np.bool_]:
    """Where the red channel (which most pens swallow) is below that share of the paper around it."""
    red = picture[..., 2]
    paper = cv2.medianBlur(cv2.morphologyEx(red, cv2.MORPH_CLOSE, np.ones((31, 31), np.uint8)), 31)
    return np.asarray(red < below * paper, np.bool_)


@pytest.fixture(scope="session")
def check_ink() -> CheckInk:
    """`check_ink(picture, boxes, slack)`: every box holds ink that comes near each of its sides; no ink lies outside of all.

    slack: pixels that blur and compression may carry ink beyond its box.
    """

    def check(picture: NDArray[np.uint8], boxes: Sequence[Sequence[int]], slack: int = 4, below: float = 0.72) -> None:
        ink = ink_of(picture, below)
        outside = ink.copy()
        for box in boxes:
            x, y, width, height = box
            inside = ink[y : y + height, x : x + width]
            assert inside.any(), box
            rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
            assert max(rows[0], columns[0], height - 1 - rows[-1], width - 1 - columns[-1]) <= slack, box
            outside[max(0, y - slack) : y + height + slack, max(0, x - slack) : x + width + slack] = False
        assert outside.sum() <= 3, f"{int(outside.sum())} pixels of ink outside all boxes"

    return check
