"""The camera: focus, white balance, exposure, contrast, noise, sharpening, compression."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.sheet.noise import grain

Random = np.random.Generator
Look = Literal["clean", "mild", "hard"]
"""clean: a scan or a screenshot. mild: a good camera in good light. hard: what people send."""
Picture = NDArray[np.uint8]


def taken(picture: Picture, look: Look, random: Random) -> Picture:
    """`picture` uint8 BGR as it is stored."""
    if look == "hard":
        picture = _focused(picture, random)
    if look != "clean":
        picture = np.asarray(cv2.LUT(picture, _tones(picture, look, random)), np.uint8)
        picture = _noisy(picture, random.uniform(0, 4 if look == "mild" else random.choice((4, 14))), random)
    if random.random() < (0.5 if look == "clean" else 0.85):
        quality = int(random.uniform(35 if look == "hard" else 75, 97))
        _, stored = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _focused(picture: Picture, random: Random) -> Picture:
    kind = random.random()
    if kind < 0.12:
        size = int(random.integers(2, 8))
        kernel = np.zeros((size, size), np.float32)
        end = (
            (size - 1, int(random.integers(size))) if random.random() < 0.5 else (int(random.integers(size)), size - 1)
        )
        cv2.line(kernel, (size - 1 - end[0], size - 1 - end[1]), end, 1.0)
        return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)
    if kind < 0.75:
        soft = cv2.GaussianBlur(
            picture, (0, 0), random.choice((random.uniform(0.4, 1.0), random.uniform(1.0, 2.2)), p=(0.8, 0.2))
        )
        if random.random() < 0.3:  # what a phone does: too much sharpening after
            soft = cv2.addWeighted(soft, 1.7, cv2.GaussianBlur(soft, (0, 0), 1.5), -0.7, 0)
        return np.asarray(soft, np.uint8)
    return picture


def _tones(picture: Picture, look: Look, random: Random) -> Picture:
    """Per channel a table, uint8 (1, 256, 3): white balance, exposure, contrast, gamma. The camera exposes for what is bright."""
    value = np.arange(256) / 255
    bright = float(np.quantile(picture[::16, ::16], 0.9))
    aim = random.uniform(*((150, 240) if look == "mild" or random.random() < 0.6 else (70, 330)))
    exposure = float(np.clip(aim / max(bright, 1), 0.4, 3))
    warmth, tint = random.normal(0, 0.06), random.normal(0, 0.02)
    balance = np.array([1 - warmth, 1 + tint, 1 + warmth])
    gamma, lift, pull = random.uniform(0.75, 1.3), random.uniform(0, 0.08), random.uniform(0.85, 1.0)
    table = np.clip(value[:, None] * balance * exposure, 0, 1) ** gamma
    return np.asarray(np.rint(255 * np.clip(lift + (pull - lift) * table, 0, 1)), np.uint8)[None]


def _noisy(picture: Picture, strength: float, random: Random) -> Picture:
    """With noise of standard deviation `strength`."""
    share = strength / 37
    shape = picture.shape[:2]
    if random.random() < 0.5:
        noise = cv2.merge([grain(shape, random)] * 3)
    else:
        noise = cv2.merge([grain(shape, random) for _ in range(3)])
    if random.random() < 0.4:  # grains larger than a pixel, as after a phone's own cleaning
        noise = cv2.convertScaleAbs(cv2.GaussianBlur(noise, (0, 0), 0.8), None, 2.0, -128)
    return np.asarray(cv2.addWeighted(picture, 1.0, noise, share, -128 * share), np.uint8)
