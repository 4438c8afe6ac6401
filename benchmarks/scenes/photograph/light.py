"""Light that falls otherwise: functions from picture to picture, uint8 BGR (H, W, 3), that move nothing.

strength is 0 for no change; at 1 the effect is as strong as a person would still call readable. Shares of light are taken from
light, not from the picture's values, which are its power of 1/2.2.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.photograph.camera import GAMMA
from benchmarks.scenes.photograph.texture import fractal
from benchmarks.scenes.scene import Picture

Floats = NDArray[np.float32]
Random = np.random.Generator
Disturbance = Callable[[Picture, float, Random], Picture]


def gradient(picture: Picture, strength: float, rng: Random) -> Picture:
    """A lamp on one side: at 1 the far side gets a tenth of the near side's light."""
    x, y = _places(picture)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    along = (along - along.min()) / (along.max() - along.min())
    return _lit(picture, np.float32(0.1) ** (strength * along))


def soft_shadow(picture: Picture, strength: float, rng: Random) -> Picture:
    """The head and shoulder of who holds the phone, between lamp and paper: at 1 it takes 70 % of the light."""
    return _lit(picture, 1 - 0.70 * strength * _covered(picture, 0.09, rng))


def hard_shadow(picture: Picture, strength: float, rng: Random) -> Picture:
    """The phone itself in the sun: the same with an edge a few pixels wide; what light is left comes from the blue sky."""
    covered = _covered(picture, 0.004, rng)[..., None]
    return _lit(picture, 1 - strength * covered * np.asarray((0.60, 0.68, 0.74), np.float32))


def wide_shadow(picture: Picture, strength: float, rng: Random) -> Picture:
    """A hard shadow over two thirds of the page: most of it lies in the dark."""
    covered = _covered(picture, 0.004, rng, shift=1 / 6)[..., None]
    return _lit(picture, 1 - strength * covered * np.asarray((0.74, 0.80, 0.84), np.float32))


def vignette(picture: Picture, strength: float, rng: Random) -> Picture:
    """A lens that darkens towards the corners: at 1 they get a fifth of the light."""
    x, y = _places(picture)
    centre_x, centre_y = rng.uniform(-0.06, 0.06, 2).astype(np.float32)
    far = ((x - centre_x) ** 2 + (y - centre_y) ** 2) / np.float32(
        0.25 + 0.25 * (picture.shape[0] / picture.shape[1]) ** 2
    )
    return _lit(picture, 1 / (1 + 4 * strength * far**1.5))


def glare(picture: Picture, strength: float, rng: Random) -> Picture:
    """The lamp's reflection on smooth paper: light that is added and washes the ink out."""
    x, y = _places(picture)
    at_x, at_y = rng.uniform(-0.25, 0.25, 2).astype(np.float32)
    spot = np.exp(-((x - at_x) ** 2 + 2 * (y - at_y) ** 2) / np.float32(0.03))
    return _encoded(_light(picture) + np.float32(0.5 * strength) * spot[..., None])


def colour_cast(picture: Picture, strength: float, rng: Random) -> Picture:
    """A bulb or a monitor lights the page: at 1 one channel gets 2.5 times the light of another."""
    warm = 1 if rng.random() < 0.5 else -1
    balance = np.float32(2.5) ** (np.float32(warm * strength) * np.asarray((-0.5, 0, 0.5), np.float32))
    return _lit(picture, balance / balance.max())


def darker(picture: Picture, strength: float, rng: Random) -> Picture:
    """Under-exposed: at 1 an eighth of the light."""
    del rng
    return _lit(picture, np.float32(0.125) ** strength)


def brighter(picture: Picture, strength: float, rng: Random) -> Picture:
    """Over-exposed: at 1 two and a half times the light, so that paper is pure white and thin ink pale."""
    del rng
    return _lit(picture, np.float32(2.5) ** strength)


def inverted(picture: Picture, strength: float, rng: Random) -> Picture:
    """A negative: chalk on a board. No strength below 1 would be a picture of anything."""
    del strength, rng
    return np.asarray(255 - picture, np.uint8)


def _places(picture: Picture) -> tuple[Floats, Floats]:
    """x (1, W) and y (H, 1) from the middle, in widths of the picture."""
    height, width = picture.shape[:2]
    x = ((np.arange(width, dtype=np.float32) + 0.5) / width - 0.5)[None]
    y = (((np.arange(height, dtype=np.float32) + 0.5) - height / 2) / width)[:, None]
    return x, y


def _covered(picture: Picture, softness: float, rng: Random, shift: float = 0.0) -> Floats:
    """How much of the lamp is hidden, (H, W) in 0..1: half the page behind a wavy edge, and `shift` more. softness, shift: in
    picture widths."""
    x, y = _places(picture)
    angle, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-0.8, 0.8)
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    wave = 0.012 * fractal(picture.shape, picture.shape[1] / 4, 1, rng)
    edge = along + bend * across**2 + wave + rng.uniform(-0.06, 0.06) + shift
    return np.asarray(1 / (1 + np.exp(-np.clip(edge / softness, -30, 30))), np.float32)


def _light(picture: Picture) -> Floats:
    table = np.power(np.arange(256, dtype=np.float32) / 255, GAMMA).astype(np.float32)
    return np.asarray(cv2.LUT(picture, table), np.float32)


def _encoded(light: Floats) -> Picture:
    return np.asarray(np.power(np.clip(light, 0, 1), np.float32(1 / GAMMA)) * 255 + 0.5, np.uint8)


def _lit(picture: Picture, share: Floats | np.float32) -> Picture:
    """The picture with `share` of the light: one number, (H, W), (3,) or (H, W, 3)."""
    factor = np.asarray(share, np.float32)
    return _encoded(_light(picture) * (factor[..., None] if factor.ndim == 2 else factor))
