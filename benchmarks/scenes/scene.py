"""A photograph with everything that is written on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Mark:
    """One digit, sign or letter on the paper.

    text: what it is. line: of writing, counted from the top. number: which number of the scene it is part of, −1 for none.
    outline: float32 (n, 2), hull of its ink, x and y in picture pixels.
    """

    text: str
    line: int
    number: int
    outline: Floats

    @property
    def is_digit(self) -> bool:
        return self.text.isascii() and self.text.isdigit()

    @property
    def box(self) -> Box:
        """x, y, width, height: the smallest whole pixels that hold the outline."""
        x0, y0 = np.floor(self.outline.min(axis=0)).astype(int).tolist()
        x1, y1 = np.ceil(self.outline.max(axis=0)).astype(int).tolist()
        return x0, y0, max(1, x1 - x0), max(1, y1 - y0)


@dataclass(frozen=True)
class Scene:
    """picture: uint8 BGR (H, W, 3). marks: in the order in which they were written."""

    picture: Picture
    marks: tuple[Mark, ...]

    @property
    def digits(self) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.marks if mark.is_digit)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The digits of each number, in writing order."""
        found: dict[int, str] = {}
        for mark in self.digits:
            found[mark.number] = found.get(mark.number, "") + mark.text
        return tuple(found[number] for number in sorted(found))

    def moved(self, picture: Picture, matrix: Matrix) -> Scene:
        """The scene after its picture became `picture` and each point went through the homography `matrix` (3, 3)."""
        return Scene(picture, moved(self.marks, matrix))

    def labels(self, name: str, source: str) -> dict[str, Any]:
        """One row of a labels file, as scorers of photographs read it."""
        boxes = [
            {"digit": int(mark.text), "bbox": list(mark.box), "line": mark.line, "number": mark.number}
            for mark in self.digits
        ]
        others = [{"sign": mark.text, "bbox": list(mark.box)} for mark in self.marks if not mark.is_digit]
        height, width = self.picture.shape[:2]
        return {"image": name, "source": source, "width": width, "height": height, "numbers": list(self.numbers),
                "boxes": boxes, "others": others}  # fmt: skip


def moved(marks: Sequence[Mark], matrix: Matrix) -> tuple[Mark, ...]:
    return tuple(
        Mark(
            mark.text,
            mark.line,
            mark.number,
            cv2.perspectiveTransform(mark.outline[None], matrix)[0].astype(np.float32),
        )
        for mark in marks
    )
