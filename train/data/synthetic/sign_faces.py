"""The faces of the signs that `signs` takes pictures of: flat, seen from straight ahead, with what is around them transparent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

FACE = 64  # side of a face, in pixels
_FINE = 256  # side on which it is drawn, before it is averaged down
_VARIANTS = ((0.88, 1.04), (0.96, 0.88), (1.04, 1.04), (1.12, 0.96))  # of each sign: width of rim, size of symbol

Mask = NDArray[np.uint8]
Colour = tuple[int, int, int]
Outline = Callable[[float], list[tuple[float, float]]]
Symbol = Callable[[Mask, float], None]

WHITE, BLACK, RED, BLUE, YELLOW = (236, 236, 230), (28, 28, 32), (190, 28, 38), (24, 76, 160), (244, 196, 40)


@dataclass(frozen=True)
class Sign:
    """A face: a plate, on it a smaller plate of the same outline, on that a symbol. Colours are RGB, 0 to 255."""

    outline: Outline
    symbol: Symbol
    rim: Colour
    ground: Colour
    ink: Colour
    rim_width: float
    """Share of the plate's radius, 0 to 1."""

    def with_colours(self, rim: Colour, ground: Colour, ink: Colour) -> Sign:
        """The same plate and symbol in other colours."""
        return Sign(self.outline, self.symbol, rim, ground, ink, self.rim_width)


def _round(radius: float) -> list[tuple[float, float]]:
    return _corners(radius, 48, 0)


def _octagon(radius: float) -> list[tuple[float, float]]:
    return _corners(radius, 8, np.pi / 8)


def _triangle(radius: float) -> list[tuple[float, float]]:
    return [(x, y + 0.2) for x, y in _corners(1.15 * radius, 3, -np.pi / 2)]


def _triangle_down(radius: float) -> list[tuple[float, float]]:
    return [(x, y - 0.2) for x, y in _corners(1.15 * radius, 3, np.pi / 2)]


def _corners(radius: float, count: int, first: float) -> list[tuple[float, float]]:
    angles = first + 2 * np.pi * np.arange(count) / count
    return [(radius * float(np.cos(angle)), radius * float(np.sin(angle))) for angle in angles]


# --- symbols: drawn as 255 on a mask, in coordinates from -1 to 1, y downwards ------------------------------------------


def _nothing(_mask: Mask, _scale: float) -> None:
    """A plate without a symbol."""


def _bar(mask: Mask, scale: float) -> None:
    _fill(mask, scale, [(-0.68, -0.17), (0.68, -0.17), (0.68, 0.17), (-0.68, 0.17)])


def _exclamation(mask: Mask, scale: float) -> None:
    _fill(mask, scale, [(-0.12, -0.38), (0.12, -0.38), (0.06, 0.18), (-0.06, 0.18)])
    _fill(mask, scale, [(x, y + 0.36) for x, y in _corners(0.1, 16, 0)])


def _arrow_right(mask: Mask, scale: float) -> None:
    upper = [(-0.62, -0.13), (0.12, -0.13), (0.12, -0.42), (0.68, 0.0)]
    _fill(mask, scale, [*upper, *((x, -y) for x, y in upper[-2::-1])])


def _arrow_left(mask: Mask, scale: float) -> None:
    _arrow_right(mask, scale)
    mask[:] = mask[:, ::-1].copy()


def _ring_of_arrows(mask: Mask, scale: float) -> None:
    """Three arrows, one behind the other, anticlockwise."""
    for third in range(3):
        start = 2 * np.pi * third / 3 - np.pi / 2
        angles = start - np.linspace(0, 1.25, 12)
        outer = [(0.62 * np.cos(angle), 0.62 * np.sin(angle)) for angle in angles]
        inner = [(0.38 * np.cos(angle), 0.38 * np.sin(angle)) for angle in angles[::-1]]
        _fill(mask, scale, outer + inner)
        end = angles[-1]
        head = [(0.80, end), (0.20, end), (0.5, end - 0.62)]
        _fill(mask, scale, [(radius * np.cos(angle), radius * np.sin(angle)) for radius, angle in head])


def _words(text: str, height: float) -> Symbol:
    def draw(mask: Mask, scale: float) -> None:
        wide = np.zeros((160, 640), np.uint8)
        cv2.putText(wide, text, (40, 120), cv2.FONT_HERSHEY_DUPLEX, 3.2, 255, 13, cv2.LINE_AA)
        x, y, width, tall = cv2.boundingRect(wide)
        size = height * scale * _FINE / 2
        letters = cv2.resize(wide[y : y + tall, x : x + width], (round(size * 0.92 * width / tall), round(size)))
        top, left = ((_FINE - side) // 2 for side in letters.shape)
        mask[top : top + letters.shape[0], left : left + letters.shape[1]] = np.where(letters > 127, 255, 0)

    return draw


def _fill(mask: Mask, scale: float, outline: list[tuple[float, float]]) -> None:
    points = (np.array(outline) * scale + 1) * (_FINE / 2) * 16  # cv2 takes sixteenths of a pixel
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 255, shift=4)


_LIMIT_50 = Sign(_round, _words("50", 0.72), RED, WHITE, BLACK, 0.18)
_CAUTION = Sign(_triangle, _exclamation, RED, WHITE, BLACK, 0.24)
_RIGHT = Sign(_round, _arrow_right, WHITE, BLUE, WHITE, 0.06)

SIGNS: dict[str, Sign] = {
    "stop": Sign(_octagon, _words("STOP", 0.44), WHITE, RED, WHITE, 0.06),
    "no entry": Sign(_round, _bar, WHITE, RED, WHITE, 0.05),
    "give way": Sign(_triangle_down, _nothing, RED, WHITE, WHITE, 0.28),
    "caution": _CAUTION,
    "temporary caution": _CAUTION.with_colours(RED, YELLOW, BLACK),
    "limit 30": Sign(_round, _words("30", 0.72), RED, WHITE, BLACK, 0.18),
    "limit 50": _LIMIT_50,
    "limit 80": Sign(_round, _words("80", 0.72), RED, WHITE, BLACK, 0.18),
    "at least 50": _LIMIT_50.with_colours(BLUE, BLUE, WHITE),
    "turn left": Sign(_round, _arrow_left, WHITE, BLUE, WHITE, 0.06),
    "turn right": _RIGHT,
    "roundabout": Sign(_round, _ring_of_arrows, WHITE, BLUE, WHITE, 0.06),
}
"""By class name. Two pairs differ in nothing but colour: caution and temporary caution, limit 50 and at least 50."""


@cache
def faces(name: str) -> tuple[NDArray[np.float32], ...]:
    """The drawings of a sign: float32 (64, 64, 4), RGB from 0 to 255 times its cover, then the cover from 0 to 1."""
    return tuple(_face(SIGNS[name], rim, symbol) for rim, symbol in _VARIANTS)


def _face(sign: Sign, rim: float, symbol: float) -> NDArray[np.float32]:
    """The sign with its rim's width and its symbol's size times these factors."""
    plate, ground, ink = np.zeros((3, _FINE, _FINE), np.uint8)
    _fill(plate, 1, sign.outline(0.94))
    _fill(ground, 1, sign.outline(0.94 * (1 - sign.rim_width * rim)))
    sign.symbol(ink, symbol)
    drawn = np.zeros((_FINE, _FINE, 4), np.float32)
    for mask, colour in ((plate, sign.rim), (ground, sign.ground), (ink, sign.ink)):
        drawn[mask > 0] = (*colour, 1)
    return np.asarray(cv2.resize(drawn, (FACE, FACE), interpolation=cv2.INTER_AREA), np.float32)
