"""What lies behind a sheet, or alone: cloth, wood, a dark room; and the hand that holds it. As shares of light, 0..1, float32
(H, W, 3) BGR.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.photograph import paper as sheets
from benchmarks.scenes.photograph.texture import clouds, fractal, grain

Floats = NDArray[np.float32]
Random = np.random.Generator

CLOTHS = ((0.050, 0.030, 0.025), (0.022, 0.022, 0.024), (0.030, 0.045, 0.030), (0.028, 0.024, 0.055))
SKIN = (0.20, 0.29, 0.48)


def cloth(shape: tuple[int, int], rng: Random) -> Floats:
    """Dark woven cloth that lies in soft folds."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    lean = rng.uniform(-0.2, 0.2)
    thread = 2 * np.pi / rng.uniform(3.2, 5.0)
    weave = np.sin(thread * (x + lean * y)) * np.sin(thread * (y - lean * x))
    folds = fractal(shape, 320, 2, rng)
    tone = 1 + 0.22 * weave + 0.30 * folds + 0.18 * grain(shape, 0.8, rng)
    colour = np.asarray(CLOTHS[int(rng.integers(len(CLOTHS)))], np.float32)
    woven: Floats = np.clip(tone[..., None] * colour, 0.005, 1).astype(np.float32)
    return woven


def oak(shape: tuple[int, int], rng: Random) -> Floats:
    """Light wood seen so near that its pores show: short dark strokes along the fibres, here many and there few."""
    fibres = grain((shape[0] // 2, shape[1] // 40), 0.6, rng)
    drawn = cv2.resize(fibres, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    pores = np.clip(1.6 * (drawn + 0.5 * fractal(shape, 600, 2, rng) - 1), 0, 1)
    wood: Floats = np.clip(1.7 * sheets.table(shape, rng), 0, 1) * (1 - 0.6 * pores.astype(np.float32)[..., None])
    return wood


def dark_room(shape: tuple[int, int], rng: Random) -> Floats:
    """A room behind who holds the sheet, out of focus: furniture, a door that lets some light in, a head and shoulders."""
    height, width = shape
    room = np.empty((*shape, 3), np.float32)
    room[:] = np.asarray((0.020, 0.022, 0.026), np.float32)
    room *= 1 + 0.3 * fractal(shape, 300, 2, rng)[..., None]
    for _ in range(7):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        wide, tall = rng.uniform(0.05, 0.25) * width, rng.uniform(0.1, 0.6) * height
        tone = tuple(float(part) for part in np.exp(rng.normal(-3.4, 0.5)) * rng.uniform(0.7, 1.3, 3))
        cv2.rectangle(room, (round(x), round(y)), (round(x + wide), round(y + tall)), tone, cv2.FILLED)
    head = round(width * rng.uniform(0.4, 0.6)), round(height * 0.22)
    dim = tuple(0.16 * part for part in SKIN)
    cv2.ellipse(room, (head[0], round(height * 1.05)), (round(width * 0.34), round(height * 0.62)), 0, 0, 360,
                (0.015, 0.013, 0.014), cv2.FILLED)  # fmt: skip
    cv2.ellipse(room, head, (round(width * 0.11), round(height * 0.21)), 0, 0, 360, dim, cv2.FILLED)
    soft: Floats = np.asarray(cv2.GaussianBlur(room, (0, 0), width / 90), np.float32)
    return soft


def fingers(
    picture: Floats, grip: tuple[float, float], away: tuple[float, float], length: float, *, thumb: bool
) -> None:
    """Draw the hand at a sheet's edge, in place. grip: a point of the edge, pixels. away: unit vector out of the sheet.

    Four fingers and the palm lie behind the sheet: draw them first. The thumb lies on it, `length` pixels of it.
    """
    along = np.asarray((-away[1], away[0]))
    out, edge = np.asarray(away), np.asarray(grip)
    if thumb:
        _capsule(picture, edge + 3.5 * length * out + 0.8 * length * along, edge - 0.62 * length * out, 0.38 * length)
        return
    _capsule(picture, edge + 4.0 * length * out, edge + 1.4 * length * out, 1.5 * length)
    for place in (-1.2, -0.4, 0.4, 1.2):
        knuckle = edge + place * length * 0.75 * along
        _capsule(picture, knuckle + 2.2 * length * out, knuckle - 1.2 * length * out, 0.42 * length)


def _capsule(picture: Floats, start: NDArray[np.float64], end: NDArray[np.float64], radius: float) -> None:
    """A finger: bright along its middle, darker where it turns away."""
    left, top = np.maximum(np.floor(np.minimum(start, end) - radius).astype(int) - 1, 0).tolist()
    right, bottom = np.maximum(np.ceil(np.maximum(start, end) + radius).astype(int) + 2, 0).tolist()
    seen = picture[top:bottom, left:right]
    y, x = np.mgrid[top : top + seen.shape[0], left : left + seen.shape[1]].astype(np.float32)
    way = end - start
    share = np.clip(((x - start[0]) * way[0] + (y - start[1]) * way[1]) / float(way @ way), 0, 1)
    far = np.hypot(x - start[0] - share * way[0], y - start[1] - share * way[1]) / radius
    cover = np.clip((1 - far) * radius + 0.5, 0, 1)[..., None]
    tone = (0.45 + 0.55 * np.sqrt(np.clip(1 - far**2, 0, 1)))[..., None] * np.asarray(SKIN, np.float32)
    seen *= 1 - cover
    seen += tone.astype(np.float32) * cover


def desk(shape: tuple[int, int], rng: Random) -> Floats:
    """A grey, smooth table top."""
    tone = rng.uniform(0.10, 0.30) * (1 + 0.05 * clouds(shape, 400, rng) + 0.03 * grain(shape, 0.8, rng))
    return np.repeat(tone[..., None], 3, axis=2).astype(np.float32)
