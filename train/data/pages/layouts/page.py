"""A page while it is being written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand import fonts
from train.data.pages.hand.pen import Pen, inked
from train.data.pages.hand.strokes import Strokes
from train.data.pages.hand.writer import Writer
from train.data.pages.sheet.sheet import Sheet
from train.data.pages.truth import Kind

Random = np.random.Generator
Area = tuple[float, float, float, float]

BLACK = (45.0, 42.0, 40.0)
FULL = 250
"""Things on a page from which on no further line is begun: more of the same teach nothing."""


@dataclass
class Page:
    """digit: height of a digit by hand, pixels. area: left, top, right, bottom of what may be written on, pixels.

    pens: one, or two that are taken in turn at random. print_pen: what is printed. face: its font.
    """

    sheet: Sheet
    writer: Writer
    random: Random
    digit: float
    area: Area
    pens: tuple[Pen, ...]
    print_pen: Pen
    face: str

    @property
    def left(self) -> float:
        return self.area[0]

    @property
    def right(self) -> float:
        return self.area[2]

    @property
    def bottom(self) -> float:
        """Where writing ends, pixels: at once on a page that is full of things."""
        return self.area[3] if len(self.sheet.things) < FULL else 0.0

    @property
    def wide(self) -> float:
        return self.area[2] - self.area[0]

    @property
    def tall(self) -> float:
        return self.area[3] - self.area[1]

    @property
    def fine(self) -> float:
        """Width of a printed line, pixels."""
        return max(1.0, 0.04 * self.digit)

    @property
    def pen(self) -> Pen:
        """The one in hand."""
        return self.pens[0] if len(self.pens) == 1 else self.pens[int(self.random.integers(len(self.pens)))]

    def write(
        self, text: str, x: float, base: float, *, size: float = 1.0, climb: float = 0.0, kind: Kind | None = None
    ) -> float:
        """Write `text` by hand from `x` on the base line `base`, `size` times the page's height, climbing by `climb` pixels
        per pixel. `kind`: of all of it instead of each character's own. Returns where the pen stops."""
        height, start, pen = self.digit * size, x, self.pen
        before: NDArray[np.float64] | None = None
        for character in text:
            strokes = self.writer.strokes(character)
            if not strokes:
                x += height * self.random.uniform(0.4, 0.75)
                before = None
                continue
            y = base - climb * (x - start) + height * self.random.normal(0, 0.025)
            moved = tuple(stroke * height + (x, y) for stroke in strokes)
            x = max(float(stroke[:, 0].max()) for stroke in moved) + self._gap(height, pen)
            joins = self.writer.joined and character.isalpha() and character.islower()
            if joins and before is not None:
                moved = (self._join(before, moved), *moved)
            before = moved[-1][-1] if joins else None
            self._put(moved, self._width(pen, size), pen, self.sheet.add(kind or kind_of(character), character))
        return x

    def _gap(self, height: float, pen: Pen) -> float:
        """To the next character, pixels."""
        return height * (self.writer.gap + self.random.uniform(-0.03, 0.05)) + pen.width * height * 0.7

    def _width(self, pen: Pen, size: float) -> float:
        """Of a stroke, pixels: the pen stays the same when the writing is small, or nearly."""
        return max(0.9, pen.width * self.digit * (0.5 + 0.5 * size))

    @staticmethod
    def _join(start: NDArray[np.float64], strokes: Strokes) -> NDArray[np.float64]:
        """The stroke with which a joined hand comes from the last letter."""
        end = min((stroke[0] for stroke in strokes), key=lambda point: float(point[0]))
        return np.array([start, (start + end) / 2 + (0, 0.1 * abs(end[0] - start[0])), end])

    def _put(self, strokes: Strokes, width: float, pen: Pen, owner: int) -> None:
        ink, left, top = inked(strokes, width, pen.press, self.random)
        self.sheet.put(ink, (left, top), pen, owner)

    def draw(
        self, strokes: list[NDArray[np.float64]], kind: Kind, width: float | None = None, pen: Pen | None = None
    ) -> None:
        """Strokes in pixels, by the pen in hand or `pen`, as one thing."""
        pen = pen or self.pen
        self._put(tuple(strokes), width or self._width(pen, 1.0), pen, self.sheet.add(kind))

    def print(
        self, text: str, x: float, base: float, height: float, *, pen: Pen | None = None, face: str = ""
    ) -> float:
        """Print `text`, digits `height` pixels high, one thing per character. Returns where it ends."""
        face = face or self.face
        for character in text:
            ink, above = fonts.printed(character, face, height)
            if ink.size:
                corner = (round(x), round(base - above))
                self.sheet.put(ink, corner, pen or self.print_pen, self.sheet.add("print", character))
            x += fonts.advance(character, face, height)
        return x

    def print_width(self, text: str, height: float) -> float:
        return sum(fonts.advance(character, self.face, height) for character in text)

    def rule(self, start: tuple[float, float], end: tuple[float, float], width: float, pen: Pen | None = None) -> None:
        """A printed straight line, `width` pixels wide."""
        self.sheet.line(start, end, pen or self.print_pen, width)

    def box(self, cell: Area, width: float, pen: Pen | None = None) -> None:
        """The printed outline of `cell` (left, top, width, height), a line `width` pixels wide: one thing, of the kind line."""
        x, y, wide, tall = cell
        corners = np.array([[x, y], [x + wide, y], [x + wide, y + tall], [x, y + tall], [x, y]])
        ink, left, top = inked((corners,), width, 0.0, self.random)
        self.sheet.put(ink, (left, top), pen or self.print_pen, self.sheet.add("line"))

    def number(self, most: int = 4, least: int = 1) -> str:
        """Digits of a number, `least` to `most`; zeros come in rows now and then."""
        count = int(self.random.integers(least, most + 1))
        digits = "".join(map(str, self.random.integers(0, 10, count)))
        return digits[:1] + "0" * (count - 1) if count > 1 and self.random.random() < 0.08 else digits


def kind_of(character: str) -> Kind:
    if character.isascii() and character.isdigit():
        return "digit"
    return "letter" if character.isalpha() else "sign"
