"""Light on the scene: lamps, shadows of a hand or a phone, the lens; as one map of shares."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.sheet.noise import clouds

Random = np.random.Generator
Floats = NDArray[np.float32]
SMALL = 8
"""Picture pixels per pixel of the map of what is soft."""


def lit(picture: NDArray[np.uint8], random: Random, *, mild: bool) -> NDArray[np.uint8]:
    """`picture` uint8 BGR in some light; `mild`: nearly even, without shadows."""
    height, width = picture.shape[:2]
    small = (height // SMALL + 2, width // SMALL + 2)
    soft = _slope(small, 0.15 if mild else random.choice((0.15, 0.6)), random)
    if not mild and random.random() < 0.5:
        soft *= _soft_shadow(small, random)
    if not mild and random.random() < 0.35:
        soft *= _vignette(small, random)
    light = cv2.resize(np.clip(soft * 255, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    shares = np.asarray(cv2.merge([light] * 3), np.uint8)
    if not mild and random.random() < 0.3:
        shares = _hard_shadow(shares, random)
    result = np.asarray(cv2.multiply(picture, shares, scale=1 / 255), np.uint8)
    return _glare(result, random) if not mild and random.random() < 0.08 else result


def _places(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """x and y from −1 to 1."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    return x, y


def _slope(shape: tuple[int, int], most: float, random: Random) -> Floats:
    """A lamp at one side, up to `most` of whose light the other side lacks, and paper that is not quite flat."""
    x, y = _places(shape)
    angle, depth = random.uniform(0, 2 * np.pi), random.uniform(0, most)
    along = (np.cos(angle) * x + np.sin(angle) * y + 1.4) / 2.8
    waves = clouds(shape, random.uniform(8, 40), random).astype(np.float32) / 255 - 0.5
    return np.asarray((1 - depth * along) * (1 + random.uniform(0, 0.06) * waves), np.float32)


def _soft_shadow(shape: tuple[int, int], random: Random) -> Floats:
    """A head, an arm, a phone far above: a blurred shape from one side."""
    mask = np.zeros(shape, np.uint8)
    _shape(mask, random)
    soft = cv2.GaussianBlur(mask, (0, 0), random.uniform(1.5, 14)).astype(np.float32) / 255
    return np.asarray(1 - random.uniform(0.1, 0.65) * soft, np.float32)


def _hard_shadow(shares: NDArray[np.uint8], random: Random) -> NDArray[np.uint8]:
    """The same in the sun, its edge sharp; the sky's light in it is bluer."""
    height, width = shares.shape[:2]
    mask = np.zeros((height // 2, width // 2), np.uint8)
    _shape(mask, random)
    soft = cv2.resize(cv2.GaussianBlur(mask, (0, 0), random.uniform(0.8, 5)), (width, height))
    depth = random.uniform(0.2, 0.7)
    channels = [cv2.convertScaleAbs(soft, None, -depth * part, 255) for part in (0.85, 0.95, 1.0)]
    return np.asarray(cv2.multiply(shares, cv2.merge(channels), scale=1 / 255), np.uint8)


def _shape(mask: NDArray[np.uint8], random: Random) -> None:
    """Half a plane, a phone's rectangle, or an arm with fingers, 255 on `mask`."""
    height, width = mask.shape
    reach, angle = float(np.hypot(height, width)), random.uniform(0, 2 * np.pi)
    ahead, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    start = np.array([width, height]) / 2 - ahead * reach * random.uniform(-0.1, 0.4)
    kind = random.random()
    half = reach * (1.0 if kind < 0.4 else random.uniform(0.1, 0.28))
    outline = [
        start + aside * half,
        start - aside * half,
        start - aside * half - ahead * reach,
        start + aside * half - ahead * reach,
    ]
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 255, cv2.LINE_AA)
    if kind > 0.7:
        for share in np.linspace(-0.8, 0.8, 4):
            root = start + aside * half * share
            tip = root + ahead * half * random.uniform(0.5, 1.6) + aside * half * random.normal(0, 0.15)
            cv2.line(
                mask,
                np.rint(root).astype(int).tolist(),
                np.rint(tip).astype(int).tolist(),
                255,
                max(1, int(half * 0.38)),
                cv2.LINE_AA,
            )


def _vignette(shape: tuple[int, int], random: Random) -> Floats:
    x, y = _places(shape)
    return np.asarray(1 / (1 + random.uniform(0.05, 0.6) * (x**2 + y**2) ** 1.3), np.float32)


def _glare(picture: NDArray[np.uint8], random: Random) -> NDArray[np.uint8]:
    """A lamp mirrored by smooth paper or a board."""
    height, width = picture.shape[:2]
    x, y = _places((height // SMALL + 2, width // SMALL + 2))
    at_x, at_y, size = random.uniform(-0.9, 0.9), random.uniform(-0.9, 0.9), random.uniform(0.05, 0.4)
    spot = random.uniform(30, 170) * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / size**2)
    large = cv2.resize(spot.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(picture, cv2.merge([large] * 3)), np.uint8)
