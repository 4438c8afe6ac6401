"""Paper and boards: what they reflect (fibres, printed lines, writing that shines through), how paper bends (folds, creases)."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.photograph.texture import clouds, fractal, grain

Floats = NDArray[np.float32]
Random = np.random.Generator
Ruling = Literal["ruled", "squared", "dotted"]
Coloured = Literal["yellow", "brown card", "blackboard", "whiteboard"]
Kind = Literal["plain", "wood"] | Ruling | Coloured
Shape = Literal["flat", "folded", "creased"]

#: Reflectance (BGR) of papers, and of the ink in which lines are printed.
PAPERS = ((0.90, 0.91, 0.91), (0.84, 0.90, 0.92), (0.93, 0.92, 0.91), (0.80, 0.83, 0.84))
RULES = ((0.84, 0.66, 0.52), (0.72, 0.72, 0.72), (0.86, 0.72, 0.66))
MARGIN_RULE = (0.60, 0.55, 0.85)  # the red line at the left of ruled paper
COLOURS: dict[str, tuple[float, float, float]] = {
    "yellow": (0.36, 0.80, 0.90),
    "brown card": (0.17, 0.28, 0.42),
    "blackboard": (0.040, 0.055, 0.045),
    "whiteboard": (0.90, 0.89, 0.87),
}
WIPED = {
    "blackboard": (0.10, 0.105, 0.105),
    "whiteboard": (-0.02, -0.05, -0.06),
}  # what the sponge leaves, where it leaves most


def reflectance(kind: Kind, shape: tuple[int, int], digit: float, rng: Random) -> Floats:
    """Blank paper, float32 (H, W, 3) BGR in 0..1. `digit`: height of the writing, pixels: what the lines are made for."""
    if kind == "wood":
        return table(shape, rng)
    page = np.empty((*shape, 3), np.float32)
    page[:] = COLOURS[kind] if kind in COLOURS else PAPERS[int(rng.integers(len(PAPERS)))]
    page *= 1 + 0.006 * grain(shape, 1.0, rng)[..., None] + 0.010 * fractal(shape, 12, 2, rng)[..., None]
    page *= 1 + 0.008 * fractal(shape, 300, 2, rng)[..., None]
    if kind in WIPED:
        page += _wiped(shape, rng)[..., None] * np.asarray(WIPED[kind], np.float32)
    elif kind in ("ruled", "squared", "dotted"):
        _print_lines(page, kind, digit, rng)
    return page


def _wiped(shape: tuple[int, int], rng: Random) -> Floats:
    """How much of what stood on a board before is left, (H, W) in 0..1: the sponge's slanting strokes, and clouds of dust."""
    reach = max(shape)
    strokes: Any = fractal((reach, reach // 16), reach / 24, 3, rng)  # narrow clouds, drawn out sideways to strokes
    angle = cv2.getRotationMatrix2D((reach / 2, reach / 2), rng.uniform(-25, 25), 1.5)
    strokes = cv2.warpAffine(cv2.resize(strokes, (reach, reach)), angle, (reach, reach), borderMode=cv2.BORDER_REFLECT)
    dust = 0.5 + 0.2 * strokes[: shape[0], : shape[1]] + 0.25 * fractal(shape, reach / 3, 2, rng)
    return np.asarray(np.clip(dust, 0, 1), np.float32)


def _print_lines(page: Floats, kind: Ruling, digit: float, rng: Random) -> None:
    height, width = page.shape[:2]
    pitch = digit * {"ruled": 1.75, "squared": rng.uniform(0.75, 1.1), "dotted": 0.9}[kind]
    thick = max(1, round(digit * 0.03))
    rows = np.arange(rng.uniform(0, pitch), height, pitch).round().astype(int)
    columns = np.arange(rng.uniform(0, pitch), width, pitch).round().astype(int)
    printed = np.zeros((height, width), np.float32)
    if kind == "dotted":
        for y in rows:
            for x in columns:
                cv2.circle(printed, (int(x), int(y)), thick, 1.0, cv2.FILLED, cv2.LINE_AA)
    else:
        for y in rows:
            printed[y : y + thick] = 1
    if kind == "squared":
        for x in columns:
            printed[:, x : x + thick] = 1
    colour = np.asarray(RULES[int(rng.integers(len(RULES)))], np.float32)
    # Printed lines are dots of ink: weaker here, stronger there.
    printed *= np.clip(0.85 + 0.10 * fractal(printed.shape, 8, 2, rng), 0, 1)
    page *= 1 - printed[..., None] * (1 - colour)
    if kind == "ruled" and rng.random() < 0.5:
        x = round(width * 0.12)
        page[:, x : x + thick] *= np.asarray(MARGIN_RULE, np.float32)


def shine_through(writing: Floats, strength: float) -> Floats:
    """What the back of the sheet lets through of `writing` (H, W): mirrored, soft, weak; a factor on the reflectance."""
    mirrored = np.ascontiguousarray(writing[:, ::-1])
    soft = cv2.GaussianBlur(mirrored, (0, 0), 2.5)
    through: Floats = np.asarray(1 - strength * soft[..., None], np.float32)
    return through


def shading(shape: Shape, size: tuple[int, int], rng: Random) -> Floats:
    """Light on paper that does not lie flat, float32 (H, W), about 1: where it faces the lamp it is brighter."""
    slope = 0.012 * fractal(size, max(size) / 2, 1, rng)
    if shape == "folded":
        slope = slope + _folds(size, rng)
    elif shape == "creased":
        slope = slope + _creases(size, rng)
    return np.asarray(1 + slope, np.float32)


def _folds(size: tuple[int, int], rng: Random) -> Floats:
    """A sheet that was folded along and across: four planes, and a worn ridge between them."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    total = np.zeros(size, np.float32)
    for along, extent in ((x, width), (y, height)):
        away = along - extent * rng.uniform(0.42, 0.58) + 2 * clouds(size, 60, rng)
        total += 0.07 * rng.uniform(0.6, 1.2) * np.tanh(away / 6)
        total += 0.16 * np.exp(-np.abs(away) / 2.5) - 0.12 * np.exp(-np.abs(away - 5) / 5)
    return total


def _creases(size: tuple[int, int], rng: Random) -> Floats:
    """Paper that was crumpled and smoothed again: facets at random angles, large and small, with sharp ridges."""
    height, width = size
    y, x = np.mgrid[: height // 2 + 1, : width // 2 + 1].astype(np.float32)
    total = np.zeros(y.shape, np.float32)
    for facets, strength in ((14, 0.055), (60, 0.030)):
        at = rng.random((facets, 2)) * (y.shape[1], y.shape[0])
        facing = rng.normal(0, 1, (facets, 3)).astype(np.float32)
        nearest = np.full(y.shape, np.inf, np.float32)
        tilt = np.zeros(y.shape, np.float32)
        for (px, py), (level, along, across) in zip(at.astype(np.float32), facing, strict=True):
            away = (x - px) ** 2 + (y - py) ** 2
            closer = away < nearest
            nearest = np.where(closer, away, nearest)
            inside = level + (along * (x - px) + across * (y - py)) * (3 / max(y.shape))
            tilt = np.where(closer, inside, tilt)
        total += np.float32(strength) * cv2.GaussianBlur(tilt, (0, 0), 1.2)
    large: Floats = np.asarray(cv2.resize(total, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return large


def table(shape: tuple[int, int], rng: Random) -> Floats:
    """The wood on which the paper lies, float32 (H, W, 3) BGR in 0..1."""
    long = (shape[0], max(2, shape[1] // 24))
    fibres = cv2.resize(fractal(long, 24, 4, rng), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    rings = np.sin(6 * clouds(shape, 500, rng) * np.pi + 0.5 * fibres)
    tone = 0.30 + 0.035 * fibres + 0.03 * rings + 0.008 * grain(shape, 0.8, rng)
    colour = np.asarray((0.45, 0.72, 1.0), np.float32) * np.float32(rng.uniform(0.75, 1.3))
    wood: Floats = np.clip(tone[..., None] * colour, 0.01, 1).astype(np.float32)
    return wood
