"""What lens, sensor and compression take away: functions from picture to picture, uint8 BGR (H, W, 3), that move nothing.

strength: 0 is no change; the scale of each stands in its own words.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.photograph.texture import grain
from benchmarks.scenes.scene import Picture

Random = np.random.Generator


def defocus(picture: Picture, strength: float, rng: Random) -> Picture:
    """Out of focus: each point becomes a disc of `strength` pixels radius."""
    del rng
    if strength <= 0:
        return picture
    reach = int(np.ceil(strength)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(strength + 0.5 - np.hypot(x, y), 0, 1)
    return _filtered(picture, disc)


def shaken(picture: Picture, strength: float, rng: Random) -> Picture:
    """The hand moved: each point becomes a line of `strength` pixels, in any direction."""
    if strength <= 0:
        return picture
    return _filtered(picture, streak(strength, rng.uniform(0, np.pi)))


def streak(length: float, angle: float) -> NDArray[np.float32]:
    """What a point becomes that moves `length` pixels while it is exposed: a kernel with odd sides. angle: radians."""
    reach = int(np.ceil(length / 2)) + 1
    way = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for step in np.linspace(-length / 2, length / 2, 33):
        x, y = reach + step * np.cos(angle), reach + step * np.sin(angle)
        left, top = int(x), int(y)
        for dy, share_y in ((0, 1 - (y - top)), (1, y - top)):
            for dx, share_x in ((0, 1 - (x - left)), (1, x - left)):
                way[top + dy, left + dx] += share_x * share_y
    return way


def noisy(picture: Picture, strength: float, rng: Random) -> Picture:
    """A small sensor in a dark room: luminance noise of `strength` levels (standard deviation), half as much in colour."""
    noise = strength * grain(picture.shape, 0.5, rng)[..., None]
    colour = 0.5 * strength * np.stack([grain(picture.shape, 1.5, rng) for _ in range(3)], axis=2)
    return np.asarray(np.clip(picture + noise + colour + 0.5, 0, 255), np.uint8)


def compressed(picture: Picture, strength: float, rng: Random) -> Picture:
    """JPEG at quality 100 − `strength`."""
    del rng
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, round(100 - strength)])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def _filtered(picture: Picture, kernel: NDArray[np.floating]) -> Picture:
    spread = (kernel / kernel.sum()).astype(np.float32)
    return np.asarray(cv2.filter2D(picture, -1, spread, borderType=cv2.BORDER_REPLICATE), np.uint8)
