"""A page while it is being written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.data.pages.hand import fonts
from train.data.pages.hand.pen import Pen, inked
from train.data.pages.hand.writer import Writer
from train.data.pages.sheet.sheet import Sheet
from train.data.pages.truth import Kind

Random = np.random.Generator
Area = tuple[float, float, float, float]

BLACK = (45.0, 42.0, 40.0)


@dataclass
class Page:
    """digit: height of a digit by hand, pixels. area: left, top, right, bottom of what may be written on, pixels.

    pen: the one in hand. print_pen: what is printed. face: its font.
    """

    sheet: Sheet
    writer: Writer
    random: Random
    digit: float
    area: Area
    pen: Pen
    print_pen: Pen
    face: str

    @property
    def left(self) -> float:
        return self.area[0]

    @property
    def right(self) -> float:
        return self.area[2]

    @property
    def wide(self) -> float:
        return self.area[2] - self.area[0]

    @property
    def tall(self) -> float:
        return self.area[3] - self.area[1]

    def write(
        self, text: str, x: float, base: float, *, size: float = 1.0, climb: float = 0.0, kind: Kind | None = None
    ) -> float:
        """Write `text` by hand from `x` on the base line `base`, `size` times the page's height, climbing by `climb` pixels
        per pixel. `kind`: of all of it instead of each character's own. Returns where the pen stops."""
        height, start = self.digit * size, x
        for character in text:
            if character == " ":
                x += height * self.random.uniform(0.4, 0.75)
                continue
            strokes = self.writer.strokes(character)
            if not strokes:
                continue
            y = base - climb * (x - start) + height * self.random.normal(0, 0.025)
            x = self._draw(strokes, x, y, height, self.sheet.add(kind or kind_of(character), character)) + self.gap(
                height
            )
        return x

    def gap(self, height: float) -> float:
        """To the next character, pixels."""
        return height * (self.writer.gap + self.random.uniform(-0.03, 0.05)) + self.pen.width * height * 0.7

    def _draw(
        self, strokes: tuple[np.typing.NDArray[np.float64], ...], x: float, y: float, height: float, owner: int
    ) -> float:
        moved = tuple(stroke * height + (x, y) for stroke in strokes)
        width = max(0.9, self.pen.width * self.digit * (0.5 + 0.5 * height / self.digit))
        ink, left, top = inked(moved, width, self.pen.press, self.random)
        self.sheet.put(ink, (left, top), self.pen, owner)
        return max(float(stroke[:, 0].max()) for stroke in moved)

    def draw(self, strokes: list[np.typing.NDArray[np.float64]], kind: Kind, width: float | None = None) -> None:
        """Strokes in pixels, by the pen in hand, as one thing."""
        ink, left, top = inked(
            tuple(strokes), width or max(0.9, self.pen.width * self.digit), self.pen.press, self.random
        )
        self.sheet.put(ink, (left, top), self.pen, self.sheet.add(kind))

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

    def rule(self, x0: float, y0: float, x1: float, y1: float, width: float, pen: Pen | None = None) -> None:
        """A printed straight line."""
        self.sheet.line((x0, y0), (x1, y1), pen or self.print_pen, width)

    def box(self, x: float, y: float, width: float, height: float, line: float, pen: Pen | None = None) -> None:
        """A printed rectangle: one thing, of the kind line."""
        corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]])
        ink, left, top = inked((corners,), line, 0.0, self.random)
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
