"""A surface that is written on, with the truth of which ink is whose."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand.pen import Colour, Pen
from train.data.pages.sheet.noise import grain
from train.data.pages.truth import Kind

Random = np.random.Generator
Ink = NDArray[np.uint8]

SEEN = 90
"""Ink (0..255) from which on a pixel belongs to a thing: paler is the rim that the eye leaves out."""


class Sheet:
    """canvas: uint8 BGR (H, W, 3). owners: uint16 (H, W), 0 or 1 + the index in `things` of what is on top there.

    things: kind and text of each. sizes: pixels that each had when it was put. colour: of the bare surface, BGR.
    """

    def __init__(self, canvas: Ink, colour: Colour, random: Random) -> None:
        self.canvas, self.colour = canvas, colour
        self.owners = np.zeros(canvas.shape[:2], np.uint16)
        self.things: list[tuple[Kind, str]] = []
        self.sizes: list[int] = []
        self._tooth = grain((512, 512), random)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.canvas.shape[1], self.canvas.shape[0]

    def add(self, kind: Kind, text: str = "") -> int:
        """A new thing; its number in `owners`."""
        self.things.append((kind, text))
        self.sizes.append(0)
        return len(self.things)

    def put(self, ink: Ink, corner: tuple[int, int], pen: Pen, owner: int) -> None:
        """Lay `ink` uint8 (h, w) with its corner at x, y in the colour of `pen`; what is beyond the sheet is lost."""
        x, y = corner
        left, top = max(0, -x), max(0, -y)
        ink = ink[top : max(top, self.size[1] - y), left : max(left, self.size[0] - x)]
        if not ink.size:
            return
        x, y = x + left, y + top
        place = np.s_[y : y + ink.shape[0], x : x + ink.shape[1]]
        cover = ink.astype(np.float32) * np.float32(pen.strength / 255)
        if pen.grain:
            tooth = self._tooth[np.ix_(np.arange(y, y + ink.shape[0]) % 512, np.arange(x, x + ink.shape[1]) % 512)]
            cover *= np.clip(1 + np.float32(pen.grain / 32) * (tooth.astype(np.float32) - 160), 0, 1)
        below = self.canvas[place]
        mixed = below + cover[..., None] * (np.array(pen.colour, np.float32) - below)
        self.canvas[place] = np.rint(mixed).astype(np.uint8)
        seen = ink > SEEN
        self.owners[place][seen] = owner
        self.sizes[owner - 1] += int(np.count_nonzero(seen))

    def line(
        self, start: tuple[float, float], end: tuple[float, float], pen: Pen, width: float, kind: Kind = "line"
    ) -> None:
        """A straight line, `width` pixels wide, as one thing."""
        box = np.array([start, end])
        reach = int(width) + 2
        left, top = (np.floor(box.min(axis=0)).astype(int) - reach).tolist()
        right, low = (np.ceil(box.max(axis=0)).astype(int) + reach).tolist()
        left, top, right, low = max(left, -9), max(top, -9), min(right, self.size[0] + 9), min(low, self.size[1] + 9)
        if right <= left or low <= top:
            return
        ink = np.zeros((low - top, right - left), np.uint8)
        fixed = np.rint((box - (left, top)) * 16).astype(int).tolist()
        cv2.line(ink, fixed[0], fixed[1], int(255 * min(1.0, max(width, 0.4))), max(1, round(width)), cv2.LINE_AA, 4)
        self.put(ink, (left, top), pen, self.add(kind))

    def fill(self, box: tuple[int, int, int, int], colour: Colour) -> None:
        """Colour a rectangle (x, y, width, height): a heading's ground; no thing by itself."""
        x, y, width, height = box
        x, y, right, low = max(0, x), max(0, y), x + width, y + height
        self.canvas[y:low, x:right] = cv2.addWeighted(
            self.canvas[y:low, x:right], 0.25, np.full_like(self.canvas[y:low, x:right], colour), 0.75, 0
        )
