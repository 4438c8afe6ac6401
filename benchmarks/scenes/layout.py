"""What is written where: numbers in rows, sums, lists, scattered notes; and pages without any digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from benchmarks.scenes import signs
from benchmarks.scenes.pen_lines import PenLine, drawn_line, ink
from benchmarks.scenes.writer import Writer

Random = np.random.Generator
Style = Literal["numbers", "sums", "list", "scattered", "words", "signs", "drawing", "blank"]
WITH_DIGITS: tuple[Style, ...] = ("numbers", "sums", "list", "scattered")
WITHOUT_DIGITS: tuple[Style, ...] = ("words", "signs", "drawing", "blank")

MARGIN = 0.08  # share of the picture that stays free on each side
GAP = (0.12, 0.26)  # between marks, shares of a digit's height
COMMON_PEN = 0.08  # stroke width by which writing is spaced, share of a digit's height


@dataclass(frozen=True)
class Written:
    """One mark to be written. centre: x, y of its ink, pixels. height: of a digit of this writing, pixels. turn: radians.

    line: of writing. number: of the page, −1 for what is in none.
    """

    text: str
    line: int
    number: int
    path: PenLine
    centre: tuple[float, float]
    height: float
    turn: float


class PageWriter:
    """A page while it is being written. written: the marks so far. lines: of writing so far."""

    def __init__(self, size: tuple[int, int], digit: float, writer: Writer) -> None:
        """size: of the picture, (width, height) pixels. digit: height of the writing, pixels."""
        self.size, self.digit, self.writer, self.rng = size, digit, writer, writer.rng
        self.written: list[Written] = []
        self.lines, self._number = 0, -1

    def new_line(self) -> None:
        self.lines += 1

    def write(
        self,
        text: str,
        x: float,
        baseline: float,
        *,
        climb: float = 0.0,
        size: float = 1.0,
        gap: tuple[float, float] = GAP,
    ) -> float:
        """Write `text` with its left end at `x`; each group of digits is a number. Returns where the pen stops.

        gap: least and most room between two marks, shares of a digit's height; below 0 they run into each other.
        """
        height, start, in_number = self.digit * size, x, False
        for character in text:
            if character == " ":
                x += height * self.rng.uniform(0.7, 0.9)
                in_number = False
                continue
            if character.isdigit() and not in_number:
                self._number += 1
            in_number = character.isdigit()
            path, hang = self.writer.path(character)
            own = height * self.rng.uniform(0.93, 1.07)
            turn = self.rng.normal(0, 0.03) + climb
            tall, wide = ink(path, own, COMMON_PEN, turn).shape
            base = baseline + climb * (x - start) + self.rng.normal(0, 0.03) * height
            middle = base - own + hang * own + tall / 2 if character in signs.PATHS else base - tall / 2
            self.written.append(
                Written(
                    character,
                    self.lines - 1,
                    self._number if in_number else -1,
                    path,
                    (x + wide / 2, middle),
                    own,
                    turn,
                )
            )
            x += wide + height * self.rng.uniform(*gap)
        return x

    def fill(self, text: str, x: float, middle: float, step: float) -> None:
        """Write one number's digits into the boxes of a form: the middle of the first at `x`, `middle`, of the next `step` on."""
        self._number += 1
        number = self._number
        for place, digit in enumerate(text):
            self.write(digit, x, middle)
            across, down = self.rng.normal(0, 0.06, 2) * self.digit
            centre = x + place * step + across, middle + down
            self.written[-1] = replace(self.written[-1], number=number, centre=centre)
        self._number = number


def compose(style: Style, size: tuple[int, int], digit: float, writer: Writer) -> tuple[Written, ...]:
    """A page of `style` that fits a picture of `size` (width, height), written with digits `digit` pixels high."""
    page = PageWriter(size, digit, writer)
    if style == "scattered":
        _scatter(page)
    elif style == "drawing":
        _draw(page)
    elif style != "blank":
        _rows(page, style)
    return tuple(page.written)


def compose_rows(  # noqa: PLR0917 (one page's whole description)
    rows: Sequence[str], size: tuple[int, int], digit: float, writer: Writer, corner: tuple[float, float], pitch: float
) -> tuple[Written, ...]:
    """A page of given `rows`, numbers with spaces between them. corner: where the first one begins, shares of the picture from
    the left and from the top. pitch: between base lines, digit heights."""
    page = PageWriter(size, digit, writer)
    for i, row in enumerate(rows):
        page.new_line()
        left = size[0] * corner[0] + digit * writer.rng.uniform(-0.1, 0.1)
        baseline = size[1] * corner[1] + digit * (1 + i * pitch)
        page.write(row, left, baseline, climb=writer.rng.normal(-0.004, 0.004))
    return tuple(page.written)


def _rows(page: PageWriter, style: Style) -> None:
    rng, (width, height) = page.rng, page.size
    pitch = page.digit * rng.uniform(1.6, 2.1)
    left, right = width * MARGIN, width * (1 - MARGIN)
    baseline = min(height * MARGIN + page.digit * rng.uniform(1.1, 1.6), height * (1 - MARGIN) - 1)
    while baseline < height * (1 - MARGIN) and page.lines < 6:
        page.new_line()
        x, climb = left + min(page.digit, 0.05 * width) * rng.uniform(0, 1), rng.normal(-0.01, 0.012)
        while True:
            text = _entry(style, rng, most=max(1, min(6, int(0.9 * (right - left) / page.digit))))
            if x + page.digit * (0.95 * len(text) + 0.3) > right:
                break
            x = page.write(text, x, baseline + climb * (x - left), climb=climb) + page.digit * rng.uniform(0.9, 1.6)
            if style == "list" or rng.random() < 0.25:
                break
        baseline += pitch


def _entry(style: Style, rng: Random, most: int) -> str:
    """Something to write in a row. most: digits of a number."""
    if style == "numbers":
        return _digits(rng, int(rng.integers(1, most + 1)))
    if style == "sums":
        a, b = int(rng.integers(2, 100)), int(rng.integers(2, 100))
        sign = str(rng.choice(["+", "−", "×", "÷"]))
        result = {"+": a + b, "−": max(a, b) - min(a, b), "×": a * b, "÷": a}[sign]
        text = {"−": f"{max(a, b)}−{min(a, b)}", "÷": f"{a * b}÷{b}"}.get(sign, f"{a}{sign}{b}")
        return f"({text})×2" if rng.random() < 0.15 else f"{text}={result}"
    word = str(rng.choice(signs.WORDS))
    if style == "list":
        return f"{word} {_digits(rng, int(rng.integers(1, 5)))}"
    return word if style == "words" else str(rng.choice(list(signs.SIGNS)))


def _digits(rng: Random, count: int) -> str:
    return "".join(map(str, rng.integers(0, 10, count)))


def _scatter(page: PageWriter) -> None:
    """Numbers here and there, each at its own angle and size, none on another."""
    rng, (width, height) = page.rng, page.size
    taken: list[tuple[float, float, float]] = []
    for _ in range(60):
        text, size = _digits(rng, int(rng.integers(1, 4))), rng.uniform(0.8, 1.5)
        half = 0.55 * page.digit * size * len(text)
        x = rng.uniform(width * MARGIN + half, width * (1 - MARGIN) - half)
        y = rng.uniform(height * MARGIN + page.digit * size, height * (1 - MARGIN) - page.digit * size)
        if len(taken) < 9 and all(np.hypot(x - a, y - b) > half + c + 1.2 * page.digit for a, b, c in taken):
            taken.append((x, y, half))
            page.new_line()
            page.write(text, x - half, y + page.digit * size / 2, climb=rng.normal(0, 0.08), size=size)


def _draw(page: PageWriter) -> None:
    """Doodles: waves, spirals, boxes, underlines, stars; larger than writing and without meaning."""
    rng, (width, height) = page.rng, page.size
    t = np.linspace(0, 1, 60)
    shapes = {
        "wave": np.stack([4 * t, 0.5 + 0.3 * np.sin(2 * np.pi * 3 * t)], axis=1),
        "spiral": np.stack([1.5 + (0.3 + t) * np.cos(15 * t), 1.5 + (0.3 + t) * np.sin(15 * t)], axis=1),
        "box": np.asarray([[0, 0], [2.4, 0], [2.4, 1.6], [0, 1.6], [0, 0]]),
        "underline": np.stack([4 * t, 0.05 * np.sin(9 * t)], axis=1),
        "house": np.asarray([[0, 2], [0, 1], [1, 0], [2, 1], [2, 2], [0, 2], [2, 1], [0, 1], [2, 2]]),
        "star": np.asarray([[np.sin(a) + 1, 1 - np.cos(a)] for a in np.arange(6) * 0.8 * np.pi]),
    }
    for row in range(3):
        for column in range(3):
            name = str(rng.choice(list(shapes)))
            points = shapes[name] + rng.normal(0, 0.2 / len(shapes[name]), shapes[name].shape)
            points = (points - points.min(axis=0)).astype(np.float32)
            span = points.max(axis=0)
            page.new_line()
            page.written.append(
                Written(name, page.lines - 1, -1, drawn_line([points], (float(span[0]), float(span[1]))),
                        (width * (0.2 + 0.3 * column), height * (0.2 + 0.3 * row)), page.digit * rng.uniform(0.8, 1.3),
                        float(rng.normal(0, 0.15)))
            )  # fmt: skip
