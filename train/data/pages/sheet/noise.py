"""Noise that costs little: one tile per page, cut and stretched."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Random = np.random.Generator
Picture = NDArray[np.uint8]
Shape = tuple[int, int]

SIDE = 512
"""Of a tile, pixels: repeats in a picture are too far apart to be seen."""


def grain(shape: Shape, random: Random) -> Picture:
    """Fine noise uint8 (H, W) about 128, standard deviation 37."""
    tile = random.integers(0, 256, (SIDE, SIDE), np.uint8)
    # The mean of four even noises is nearly a normal one, at a tenth of its cost.
    for step in ((101, 211), (257, 59)):
        tile = np.asarray(cv2.addWeighted(tile, 0.5, np.roll(tile, step, (0, 1)), 0.5, 0), np.uint8)
    return tiled(tile, shape, random)


def tiled(tile: Picture, shape: Shape, random: Random) -> Picture:
    """`tile` (h, w) over `shape`, begun anywhere."""
    start = random.integers(0, tile.shape)
    moved = np.roll(tile, tuple(start.tolist()), (0, 1))
    down, right = max(0, shape[0] - tile.shape[0]), max(0, shape[1] - tile.shape[1])
    if down or right:
        moved = np.asarray(cv2.copyMakeBorder(moved, 0, down, 0, right, cv2.BORDER_WRAP), np.uint8)
    return np.ascontiguousarray(moved[: shape[0], : shape[1]])


def clouds(shape: Shape, size: float, random: Random, *, stretch: float = 1.0) -> Picture:
    """Smooth noise uint8 (H, W) over the whole range, its features about `size` pixels high and `stretch` times as wide."""
    rows, columns = int(shape[0] / size) + 3, int(shape[1] / (size * stretch)) + 3
    small = random.integers(0, 256, (rows, columns), dtype=np.uint8)
    smooth = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC if size > 2 else cv2.INTER_LINEAR)
    return np.asarray(smooth, np.uint8)


def mixed(parts: list[tuple[Picture, float]]) -> Picture:
    """The weighted mean of noises."""
    total, weights = parts[0]
    for part, weight in parts[1:]:
        weights += weight
        total = np.asarray(cv2.addWeighted(total, 1 - weight / weights, part, weight / weights, 0), np.uint8)
    return total
