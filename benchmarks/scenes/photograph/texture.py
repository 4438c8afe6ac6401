"""Smooth noise, of which paper, wood and a pen's flow are made."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Random = np.random.Generator


def clouds(shape: tuple[int, ...], size: float, rng: Random) -> Floats:
    """Smooth noise (H, W) in 0..1 whose features are about `size` pixels."""
    small = rng.random((int(shape[0] / size) + 2, int(shape[1] / size) + 2), dtype=np.float32)
    smooth: Floats = np.clip(cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), 0, 1)
    return smooth


def fractal(shape: tuple[int, ...], largest: float, octaves: int, rng: Random) -> Floats:
    """Clouds upon clouds (H, W), mean 0, standard deviation 1: each octave half as large and half as strong."""
    total = np.zeros(shape[:2], np.float32)
    for octave in range(octaves):
        total += (clouds(shape, max(largest / 2**octave, 1), rng) - 0.5) / 2**octave
    total -= total.mean()
    scaled: Floats = total / max(float(total.std()), 1e-6)
    return scaled


def grain(shape: tuple[int, ...], size: float, rng: Random) -> Floats:
    """White noise blurred to grains of `size` pixels, (H, W), mean 0, standard deviation 1."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape[:2], np.float32), (0, 0), size)
    scaled: Floats = np.asarray(noise / noise.std(), np.float32)
    return scaled
