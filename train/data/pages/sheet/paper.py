"""Kinds of surface: papers plain and ruled, boards, screens, stickers."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand.pen import Colour, Pen, of_hue
from train.data.pages.sheet.ground import cloth, even, stone, wood
from train.data.pages.sheet.noise import clouds, grain
from train.data.pages.sheet.sheet import Sheet

Random = np.random.Generator
Size = tuple[int, int]
Maker = Callable[[Size, float, Random], Sheet]


def plain(size: Size, digit: float, random: Random) -> Sheet:
    """Office paper, cream paper, grey recycled paper, coloured paper; `size` is width and height, pixels."""
    del digit
    light = random.uniform(205, 250)
    tint = random.normal(0, 4, 3) + random.choice(((0, 0, 0), (-22, -4, 2), (8, 2, -4)), p=(0.6, 0.25, 0.15))
    if random.random() < 0.06:
        tint = random.uniform(-70, 10, 3)
    sheet = _surface(size, np.clip(light + tint, 60, 253), random.uniform(0.01, 0.05), random)
    for _ in range(int(random.choice((0, 1, 2), p=(0.8, 0.12, 0.08)))):
        _fold(sheet, random)
    return sheet


def ruled(size: Size, digit: float, random: Random) -> Sheet:
    """Lines to write on, often a margin."""
    sheet = plain(size, digit, random)
    pen, width = _rule_pen(random), max(0.7, random.uniform(0.02, 0.06) * digit)
    pitch = digit * random.uniform(1.35, 2.2)
    _rows(sheet, pitch, pen, width, random)
    if random.random() < 0.6:
        x = size[0] * random.uniform(0.06, 0.2)
        _column(sheet, x, Pen((120, 110, 215), 0.05, random.uniform(0.4, 0.9)), width)
    if random.random() < 0.3:
        _holes(sheet, random)
    return sheet


def squared(size: Size, digit: float, random: Random) -> Sheet:
    """Squares, as high as a digit or half as high."""
    sheet = plain(size, digit, random)
    pen, width = _rule_pen(random), max(0.6, random.uniform(0.015, 0.05) * digit)
    pitch = digit * random.choice((random.uniform(0.5, 0.75), random.uniform(0.9, 1.5)))
    _rows(sheet, pitch, pen, width, random)
    for x in np.arange(random.uniform(0, pitch), size[0], pitch):
        _column(sheet, x, pen, width)
    if random.random() < 0.3:
        _column(sheet, size[0] * random.uniform(0.7, 0.95), Pen((110, 110, 210), 0.05, 0.8), width)
    if random.random() < 0.4:
        _holes(sheet, random)
    return sheet


def dotted(size: Size, digit: float, random: Random) -> Sheet:
    """A lattice of dots: one thing, of the kind line."""
    sheet = plain(size, digit, random)
    pitch, radius = digit * random.uniform(0.6, 1.1), max(1, round(0.04 * digit))
    ink = np.zeros((size[1], size[0]), np.uint8)
    for y in np.arange(pitch / 2, size[1], pitch):
        for x in np.arange(pitch / 2, size[0], pitch):
            cv2.circle(ink, (round(x), round(y)), radius, 255, -1, cv2.LINE_AA)
    sheet.put(ink, (0, 0), _rule_pen(random), sheet.add("line"))
    return sheet


def whiteboard(size: Size, digit: float, random: Random) -> Sheet:
    """Smooth, with what was wiped off."""
    del digit
    sheet = _surface(size, np.array([random.uniform(215, 245)] * 3) + random.normal(0, 4, 3), 0.01, random)
    _wiped(sheet, random.uniform(0, 0.1), (170, 150, 150), random)
    return sheet


def blackboard(size: Size, digit: float, random: Random) -> Sheet:
    """Green or black, clouded with chalk."""
    del digit
    colour = random.choice(((52, 70, 38), (45, 45, 42), (70, 60, 40), (60, 82, 58))) + random.normal(0, 6, 3)
    sheet = _surface(size, np.clip(colour, 12, 110), 0.06, random)
    _wiped(sheet, random.uniform(0.05, 0.25), (205, 205, 205), random)
    return sheet


def screen(size: Size, digit: float, random: Random) -> Sheet:
    """A tablet's or a program's ground, light or dark, without any grain."""
    del digit
    colour = (
        random.uniform(15, 60, 3)
        if random.random() < 0.3
        else np.array([random.uniform(225, 255)] * 3) - random.uniform(0, 8, 3)
    )
    return _surface(size, colour, 0.0, random)


def sticker(size: Size, digit: float, random: Random) -> Sheet:
    """A coloured note or label."""
    del digit
    return _surface(size, np.array(of_hue(*random.uniform((0, 50, 150), (180, 190, 255)))), 0.02, random)


def bare(size: Size, digit: float, random: Random) -> Sheet:
    """Wood, cloth, a wall: written on without paper, or drawn onto the photograph."""
    del digit
    ground = (wood, even, stone, cloth)[int(random.choice(4, p=(0.45, 0.3, 0.15, 0.1)))]
    canvas = ground((size[1], size[0]), random)
    blue, green, red = canvas[::7, ::7].mean(axis=(0, 1)).tolist()
    return Sheet(canvas, (blue, green, red), random)


def _surface(size: Size, colour: NDArray[np.float64], rough: float, random: Random) -> Sheet:
    """An even ground of `colour` with fibres and clouds of `rough` (share of the light)."""
    blue, green, red = (float(part) for part in colour)
    canvas: NDArray[np.uint8] = np.full((size[1], size[0], 3), np.rint(colour), np.uint8)
    if rough:
        shape = (size[1], size[0])
        tone = cv2.addWeighted(
            grain(shape, random), 0.5, clouds(shape, random.uniform(5, 40), random), 0.5 * rough * 4, 0
        )
        tone = cv2.convertScaleAbs(tone, None, rough * 2, 255 * (1 - rough * 1.5))
        canvas = np.asarray(cv2.multiply(canvas, cv2.merge([tone] * 3), scale=1 / 255), np.uint8)
    return Sheet(canvas, (blue, green, red), random)


def _fold(sheet: Sheet, random: Random) -> None:
    """A fold along or across: one half turned from the lamp, a ridge between them. No thing: paper."""
    canvas = sheet.canvas if random.random() < 0.5 else sheet.canvas.transpose(1, 0, 2)
    at, darker = int(canvas.shape[1] * random.uniform(0.2, 0.8)), random.uniform(0.9, 0.99)
    canvas[:, at:] = np.asarray(canvas[:, at:] * np.float32(darker), np.uint8)
    for step, share in enumerate(random.uniform(0.82, 1.0, 2)):
        canvas[:, at + step] = np.asarray(canvas[:, at + step] * share, np.uint8)


def _rule_pen(random: Random) -> Pen:
    colour = random.choice(((190, 150, 110), (160, 160, 160), (150, 190, 150), (180, 140, 180), (90, 90, 90)))
    return Pen(tuple((colour + random.normal(0, 10, 3)).clip(0, 255).tolist()), 0.03, random.uniform(0.35, 1.0))


def _rows(sheet: Sheet, pitch: float, pen: Pen, width: float, random: Random) -> None:
    for y in np.arange(random.uniform(0.3, 1) * pitch, sheet.size[1], pitch):
        sheet.line((-5, y), (sheet.size[0] + 5, y), pen, width)


def _column(sheet: Sheet, x: float, pen: Pen, width: float) -> None:
    sheet.line((x, -5), (x, sheet.size[1] + 5), pen, width)


def _holes(sheet: Sheet, random: Random) -> None:
    """A spiral's holes along the left side or the top."""
    width, height = sheet.size
    across = random.random() < 0.4
    radius = max(3, round(0.012 * max(sheet.size)))
    for along in np.arange(2 * radius, (width if across else height), random.uniform(3.5, 6) * radius):
        x, y = (along, 2.2 * radius) if across else (2.2 * radius, along)
        ink = np.zeros((4 * radius, 4 * radius), np.uint8)
        cv2.circle(ink, (2 * radius, 2 * radius), radius, 255, -1, cv2.LINE_AA)
        wire = ((2 * radius, 0), (2 * radius, 2 * radius)) if across else ((0, 2 * radius), (2 * radius, 2 * radius))
        cv2.line(ink, *wire, 255, max(1, radius // 3), cv2.LINE_AA)
        shade = random.uniform(20, 90)
        sheet.put(
            ink, (round(x) - 2 * radius, round(y) - 2 * radius), Pen((shade, shade, shade), 0.1), sheet.add("texture")
        )


def _wiped(sheet: Sheet, strength: float, colour: Colour, random: Random) -> None:
    """Clouds of old chalk or ink: no thing, paler than any writing."""
    shape = (sheet.size[1], sheet.size[0])
    share = clouds(shape, 60, random, stretch=3).astype(np.float32)[..., None] * np.float32(strength / 255)
    canvas = sheet.canvas
    sheet.canvas = (canvas + share * (np.array(colour, np.float32) - canvas)).astype(np.uint8)


MAKERS: dict[str, Maker] = {
    "plain": plain, "ruled": ruled, "squared": squared, "dotted": dotted, "whiteboard": whiteboard, "blackboard": blackboard,
    "screen": screen, "sticker": sticker, "bare": bare,
}  # fmt: skip
