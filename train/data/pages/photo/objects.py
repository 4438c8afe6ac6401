"""Things that lie on a sheet or hold it: fingers, a pen, a coin, a phone; all of the kind texture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.photo.place import Shot

Random = np.random.Generator
Points = NDArray[np.float64]


def lay_object(shot: Shot, random: Random, *, holding: bool) -> None:
    """One object on what `shot` shows; `holding`: fingers at the side of it. What it hides is gone from the truth."""
    before = _counts(shot)
    mask = np.zeros(shot.owners.shape, np.uint8)
    colour = _fingers(mask, random) if holding else _lying(mask, random)
    cover = cv2.GaussianBlur(mask, (0, 0), 1.0)
    box = cv2.boundingRect(mask)
    x, y, width, height = box
    place = np.s_[y : y + height, x : x + width]
    if not width:
        return
    # Rounder than flat: darker towards its rim.
    depth = cv2.distanceTransform(mask[place], cv2.DIST_L2, 3)
    shade = np.sqrt(depth / max(float(depth.max()), 1.0))[..., None] * 0.5 + 0.5
    share = cover[place].astype(np.float32)[..., None] / 255
    below = shot.picture[place]
    shot.picture[place] = (below + share * (shade * np.array(colour, np.float32) - below)).astype(np.uint8)
    owner = shot.add("texture")
    shot.owners[mask > 127] = owner
    after = _counts(shot)
    shot.whole[:] = [share * float(after[i]) / max(1, int(before[i])) for i, share in enumerate(shot.whole[:-1])] + [
        1.0
    ]


def _counts(shot: Shot) -> NDArray[np.int64]:
    return np.bincount(shot.owners.ravel(), minlength=len(shot.things) + 2)[1:]


def _fingers(mask: NDArray[np.uint8], random: Random) -> tuple[float, float, float]:
    """A thumb or three fingers from one side of the picture."""
    height, width = mask.shape
    side = int(random.integers(4))
    along = random.uniform(0.25, 0.75)
    start = np.array(((-0.02, along), (1.02, along), (along, 1.02), (along, -0.02))[side]) * (width, height)
    inward = np.array(((1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0))[side])
    across = inward[::-1]
    thick, long = min(width, height) * random.uniform(0.05, 0.1), min(width, height) * random.uniform(0.12, 0.32)
    count = int(random.choice((1, 3, 4)))
    for i in range(count):
        root = start + across * (i - (count - 1) / 2) * thick * 1.05
        tip = root + inward * long * random.uniform(0.8, 1.1) + across * thick * random.normal(0, 0.2)
        _bar(mask, root, tip, thick)
    skin = np.array(random.choice(((130, 165, 215), (110, 140, 195), (70, 95, 145), (45, 60, 95))))
    blue, green, red = (skin * random.uniform(0.8, 1.1)).tolist()
    return blue, green, red


def _lying(mask: NDArray[np.uint8], random: Random) -> tuple[float, float, float]:
    """A pen, a coin, or the corner of a phone."""
    height, width = mask.shape
    size, middle = min(width, height), random.uniform(0, 1, 2) * (width, height)
    angle, kind = random.uniform(0, 2 * np.pi), random.random()
    ahead = np.array([np.cos(angle), np.sin(angle)])
    if kind < 0.55:
        _bar(mask, middle, middle + ahead * size * random.uniform(0.4, 0.7), size * random.uniform(0.02, 0.045))
    elif kind < 0.75:
        cv2.circle(mask, _whole(middle), int(size * random.uniform(0.03, 0.09)), 255, -1, cv2.LINE_AA)
    else:
        edge = np.array([width, height]) * random.integers(0, 2, 2)
        away = np.array([1.0, -1.0]) if edge[0] == edge[1] else np.array([1.0, 1.0])
        _bar(mask, edge - away * size * 0.2, edge + away * size * 0.2, size * random.uniform(0.2, 0.4))
    blue, green, red = random.uniform(15, 220, 3).tolist()
    return blue, green, red


def _bar(mask: NDArray[np.uint8], start: Points, end: Points, width: float) -> None:
    cv2.line(mask, _whole(start), _whole(end), 255, max(1, round(width)), cv2.LINE_AA)


def _whole(point: Points) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
