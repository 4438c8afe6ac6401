"""Pens: what draws, in which colour and width; and the ink that one leaves along strokes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand.strokes import Points, Strokes

Random = np.random.Generator
Ink = NDArray[np.uint8]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Pen:
    """colour: BGR, 0..255. width: of a stroke, digit heights. strength: share of the colour at full ink, 0..1.

    grain: share of ink that the paper's hollows miss, 0..1. press: how much the width varies along a stroke (share).
    """

    colour: Colour
    width: float
    strength: float = 1.0
    grain: float = 0.0
    press: float = 0.15


#: Hue (0..180 as OpenCV has it), saturation and value (0..255) of inks, each about its middle.
_HUES = {
    "black": (110, 40, 45), "blue": (112, 190, 140), "dark blue": (116, 150, 90), "red": (176, 200, 185), "green": (70, 170, 120),
    "purple": (135, 140, 130), "turquoise": (95, 180, 160),
    "orange": (10, 210, 225), "pink": (165, 140, 225), "brown": (10, 140, 110),
}  # fmt: skip


def any_pen(random: Random, paper: Colour, *, bold: bool = False) -> Pen:
    """A pen that a person would take for `paper` (its colour, BGR): chalk or a light pen where that is dark. `bold`: for a
    ground on which a thin or pale one would be lost."""
    for _ in range(20):
        pen = _taken(random, paper)
        away = float(np.linalg.norm(np.subtract(pen.colour, paper))) * pen.strength
        if away > (120 if bold else 60):
            break
    return replace(pen, width=max(pen.width, random.uniform(0.1, 0.2)), strength=1.0, grain=0.0) if bold else pen


def _taken(random: Random, paper: Colour) -> Pen:
    light = float(np.dot(paper, _LUMA))
    if not is_light(paper):
        return _light_pen(random)
    kind = random.choice(
        ("ballpoint", "gel", "pencil", "felt", "marker", "equal"), p=(0.34, 0.2, 0.18, 0.14, 0.08, 0.06)
    )
    if kind == "pencil":
        grey = random.uniform(60, 120)
        return Pen(
            (grey, grey, grey), random.uniform(0.035, 0.08), random.uniform(0.5, 0.95), random.uniform(0.2, 0.6), 0.3
        )
    name = random.choice(list(_HUES), p=(0.3, 0.24, 0.14, 0.1, 0.06, 0.05, 0.03, 0.03, 0.03, 0.02))
    colour = _colour(name, random)
    if kind == "equal":  # as bright as the paper: only its hue tells it from that
        colour = _as_bright(
            _colour(random.choice(("orange", "pink", "green", "turquoise", "red")), random), 0.92 * light
        )
        return Pen(colour, random.uniform(0.07, 0.18), 1.0, 0.05)
    low, high = {"ballpoint": (0.03, 0.07), "gel": (0.05, 0.09), "felt": (0.08, 0.14), "marker": (0.13, 0.24)}[kind]
    grain = random.uniform(0, 0.3) if kind == "ballpoint" else random.uniform(0, 0.08)
    return Pen(colour, random.uniform(low, high), random.uniform(0.7, 1.0), grain, random.uniform(0.05, 0.3))


def is_light(paper: Colour) -> bool:
    """Whether one writes on it with dark ink."""
    return float(np.dot(paper, _LUMA)) > 110


def _light_pen(random: Random) -> Pen:
    colour = _as_bright(_colour(random.choice(("orange", "pink", "green", "turquoise", "blue")), random), 190)
    if random.random() < 0.7:
        colour = (235, 240, 240)
    if random.random() < 0.6:
        return Pen(colour, random.uniform(0.06, 0.14), random.uniform(0.6, 0.95), random.uniform(0.3, 0.7), 0.3)
    return Pen(colour, random.uniform(0.05, 0.14), random.uniform(0.8, 1.0))


def _colour(name: str, random: Random) -> Colour:
    middle = np.array(_HUES[str(name)])
    hue, saturation, value = middle + random.normal(0, (4, 25, 20))
    return of_hue(hue % 180, float(np.clip(saturation, 0, 255)), float(np.clip(value, 10, 250)))


def of_hue(hue: float, saturation: float, value: float) -> Colour:
    """A colour by its hue (0..180), saturation and value (0..255)."""
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    blue, green, red = np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR))[0, 0].tolist()
    return blue, green, red


def _as_bright(colour: Colour, light: float) -> Colour:
    """The colour mixed with white or black until its brightness is `light`."""
    own = float(np.dot(colour, _LUMA))
    other, share = (255.0, (light - own) / (255 - own)) if light > own else (0.0, 1 - light / own)
    blue, green, red = (float(part + share * (other - part)) for part in colour)
    return blue, green, red


_LUMA = (0.114, 0.587, 0.299)


def inked(strokes: Strokes, width: float, press: float, random: Random) -> tuple[Ink, int, int]:
    """The ink of `strokes`, in pixels, by a pen `width` pixels wide: uint8 (h, w), and x and y of its corner, whole pixels."""
    points = np.concatenate(strokes)
    reach = width * 0.75 + 2
    left, top = np.floor(points.min(axis=0) - reach).astype(int).tolist()
    right, low = np.ceil(points.max(axis=0) + reach).astype(int).tolist()
    fine = 4 if low - top < 120 else 2
    canvas = np.zeros(((low - top) * fine, (right - left) * fine), np.uint8)
    for stroke in strokes:
        _draw(canvas, (stroke - (left, top)) * fine, width * fine, press, random)
    return np.asarray(cv2.resize(canvas, (right - left, low - top), interpolation=cv2.INTER_AREA), np.uint8), left, top


def _draw(canvas: Ink, points: Points, width: float, press: float, random: Random) -> None:
    """One stroke in pieces, each as wide as the pen is pressed there."""
    fixed = np.rint(points * 16).astype(np.int32)  # cv2 takes fixed point: 4 fractional bits
    if len(points) == 1:
        cv2.circle(canvas, fixed[0].tolist(), round(width * 10), 255, -1, cv2.LINE_AA, 4)
        return
    pieces = min(len(points) - 1, 6)
    cuts = np.linspace(0, len(points) - 1, pieces + 1).astype(int)
    for i, share in enumerate(1 + press * random.uniform(-1, 1, pieces)):
        piece = fixed[cuts[i] : cuts[i + 1] + 1]
        cv2.polylines(canvas, [piece], False, 255, max(1, round(width * share)), cv2.LINE_AA, 4)
