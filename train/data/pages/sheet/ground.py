"""What a sheet lies on: wood, cloth, tiles, keys, stone, a dark room; uint8 BGR (H, W, 3)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from train.data.pages.sheet.noise import clouds, grain, mixed

Random = np.random.Generator
Picture = NDArray[np.uint8]
Shape = tuple[int, int]


def wood(shape: Shape, random: Random) -> Picture:
    """Fibres along one direction, rings that swing, joints of boards."""
    along = shape if random.random() < 0.5 else (shape[1], shape[0])
    rings = clouds(along, random.uniform(25, 90), random, stretch=random.uniform(6, 14))
    lines = random.uniform(3, 9)
    swing = np.rint(127 + 127 * np.sin(np.linspace(0, lines * 2 * np.pi, 256))).astype(np.uint8)
    waves = swing[rings]
    fibres = clouds(along, random.uniform(1.2, 3), random, stretch=random.uniform(20, 60))
    tone = mixed([(waves, random.uniform(0.1, 0.5)), (fibres, random.uniform(0.2, 0.5)), (grain(along, random), 0.15)])
    if random.random() < 0.4:
        step = int(along[0] * random.uniform(0.12, 0.4))
        tone[int(random.integers(step)) :: step] = 20
    dark = np.array((25, 45, 75)) * random.uniform(0.4, 2.2)
    light = dark + np.array((60, 75, 85)) * random.uniform(0.4, 1.3)
    tone = tone if along == shape else np.ascontiguousarray(tone.T)
    return _coloured(tone, dark, light)


def cloth(shape: Shape, random: Random) -> Picture:
    """A weave, perhaps striped or checked."""
    thread = random.uniform(2.0, 5.0)
    down, across = (np.sin(np.arange(side, dtype=np.float32) * np.float32(np.pi / thread)) for side in shape)
    weave = (128 + 60 * down[:, None] * across[None]).astype(np.uint8)
    tone = mixed([(weave, 0.4), (grain(shape, random), 0.3), (clouds(shape, 120, random), 0.3)])
    dark = random.uniform(10, 120, 3)
    picture = _coloured(tone, dark, dark + random.uniform(20, 80))
    if random.random() < 0.5:
        band, other = int(random.uniform(20, 90)), np.full_like(picture, random.uniform(20, 230, 3))
        for axis in range(int(random.integers(1, 3))):
            stripes = np.flatnonzero(np.arange(shape[axis]) // band % 2 == 0)
            place = (stripes,) if axis == 0 else (slice(None), stripes)
            picture[place] = cv2.addWeighted(picture[place], 0.55, other[place], 0.45, 0)
    return picture


def tiles(shape: Shape, random: Random) -> Picture:
    """Square tiles with joints."""
    dark = random.uniform(60, 200, 3)
    picture = _coloured(mixed([(clouds(shape, 20, random), 0.5), (grain(shape, random), 0.2)]), dark, dark + 30)
    side, joint = int(random.uniform(70, 260)), int(random.uniform(2, 8))
    colour = random.uniform(30, 230, 3).astype(np.uint8)
    for start in range(int(random.integers(side)), max(shape), side):
        picture[start : start + joint] = colour
        picture[:, start : start + joint] = colour
    return picture


def keys(shape: Shape, random: Random) -> Picture:
    """A keyboard: rows of keys with letters."""
    dark = random.random() < 0.7
    body, key, ink = (random.uniform(15, 60), random.uniform(30, 75), 220) if dark else (180, 235, 60)
    picture = np.full((*shape, 3), body, np.uint8)
    side = int(random.uniform(45, 110))
    for row, y in enumerate(range(-20, shape[0], side)):
        for x in range(-int(side * (row % 3) / 3), shape[1], side):
            cv2.rectangle(picture, (x + 4, y + 3), (x + side - 4, y + side - 5), (key, key, key), -1, cv2.LINE_AA)
            letter = chr(65 + int(random.integers(26)))
            cv2.putText(
                picture,
                letter,
                (x + side // 4, y + side // 2),
                cv2.FONT_HERSHEY_SIMPLEX,
                side / 110,
                (ink, ink, ink),
                1,
                cv2.LINE_AA,
            )
    return picture


def stone(shape: Shape, random: Random) -> Picture:
    """Specks on stone, carpet, sand."""
    coarse = clouds(shape, random.uniform(1.5, 6), random)
    tone = mixed([(coarse, 0.5), (grain(shape, random), 0.3), (clouds(shape, 50, random), 0.4)])
    dark = random.uniform(20, 150) + random.normal(0, 15, 3)
    return _coloured(tone, dark, dark + random.uniform(20, 100))


def even(shape: Shape, random: Random) -> Picture:
    """A desk or a wall of one colour."""
    dark = random.uniform(20, 220) + random.normal(0, 15, 3)
    return _coloured(mixed([(clouds(shape, 150, random), 0.6), (grain(shape, random), 0.2)]), dark, dark + 25)


def room(shape: Shape, random: Random) -> Picture:
    """A dark room out of focus, with things and lamps in it."""
    small = np.empty((shape[0] // 8 + 1, shape[1] // 8 + 1, 3), np.uint8)
    small[:] = random.uniform(5, 40, 3)
    for _ in range(int(random.integers(3, 14))):
        x, y = random.integers(0, small.shape[1]), random.integers(0, small.shape[0])
        wide, tall = random.integers(4, 50, 2)
        bright = random.uniform(150, 255) if random.random() < 0.12 else random.uniform(8, 90)
        colour = tuple((bright * random.uniform(0.6, 1, 3)).tolist())
        cv2.rectangle(small, (int(x), int(y)), (int(x + wide), int(y + tall)), colour, -1)
    soft = cv2.GaussianBlur(small, (0, 0), random.uniform(0.6, 3))
    return np.asarray(cv2.resize(soft, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)


def print_matter(shape: Shape, random: Random) -> Picture:
    """A newspaper or a book below: lines too small to read."""
    picture = even(shape, random)
    light = int(picture.mean())
    ink = (30, 30, 30) if light > 90 else (200, 200, 200)
    pitch = int(random.uniform(9, 22))
    for y in range(0, shape[0], pitch):
        x = 0
        while x < shape[1]:
            word = int(random.uniform(1, 6) * pitch)
            cv2.line(picture, (x, y), (x + word, y), ink, max(1, pitch // 3), cv2.LINE_4)
            x += word + pitch // 2
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.2), np.uint8)


def _coloured(tone: Picture, dark: ArrayLike, light: ArrayLike) -> Picture:
    """`tone` (H, W) as colours from `dark` (at 0) to `light` (at 255), BGR."""
    low, high = np.asarray(dark, np.float64), np.asarray(light, np.float64)
    share = np.linspace(0, 1, 256)[:, None]
    table = np.clip(low + share * (high - low), 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(cv2.merge([tone] * 3), table), np.uint8)


GROUNDS: dict[Callable[[Shape, Random], Picture], float] = {
    wood: 5, cloth: 2, tiles: 1, keys: 0.8, stone: 1.5, even: 2, room: 2, print_matter: 0.7,
}  # fmt: skip
