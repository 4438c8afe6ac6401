"""Images as people store them, made into uint8 (n, h, w) or RGB (n, h, w, 3), raw pixel values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import UsageError

CHUNK = 4096  # images that are looked at together: floats are eight times as large as what they become
CHANNELS = (1, 3)


def as_pictures(file: Path, name: str, values: NDArray[Any], said: list[str]) -> NDArray[np.uint8]:
    """The array `name` of `file` as images; `said` is told what was changed. Raises UsageError with a way out."""
    return _pixels(file, name, _shaped(file, name, values, said), said)


def _shaped(file: Path, name: str, values: NDArray[Any], said: list[str]) -> NDArray[Any]:
    """(n, h, w) or (n, h, w, 3)."""
    shape = values.shape
    if not values.size or min(shape, default=0) < 1:
        raise UsageError(f"{file}: {name}: expected images, found {values.dtype} {shape}")
    if values.ndim == 2 and math.isqrt(shape[1]) ** 2 == shape[1]:
        side = math.isqrt(shape[1])
        said.append(f"rows of {shape[1]} are pictures of {side}×{side}")
        return values.reshape(-1, side, side)
    if values.ndim == 3:
        return values
    if values.ndim == 4 and shape[3] in CHANNELS:
        return values[..., 0] if shape[3] == 1 else values
    if values.ndim == 4 and shape[1] in CHANNELS:
        said.append("channels come first: they are put last")
        return values[:, 0] if shape[1] == 1 else np.moveaxis(values, 1, -1)
    way = "[..., :3] leaves the transparency out" if shape[-1] == 4 else "reshape them so"
    raise UsageError(f"{file}: {name}: expected (n, height, width) or (n, height, width, 3), found {shape}: {way}")


def _pixels(file: Path, name: str, values: NDArray[Any], said: list[str]) -> NDArray[np.uint8]:
    """`values` as raw pixels: whole numbers in 0..255, or those divided by 255."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype.kind not in "iuf":
        raise UsageError(f"{file}: {name}: expected uint8 images, found {values.dtype}")
    low, high = float(values.min()), float(values.max())
    factor = 255 if values.dtype.kind == "f" and high <= 1 else 1
    made = np.empty(values.shape, np.uint8)
    # What division by 255 leaves of a whole number; nothing where there was none.
    error = 255 * float(np.finfo(values.dtype).eps) if factor == 255 else 0.0
    whole = low >= 0 and high <= 255  # also false for what is not a number
    for start in range(0, len(values) if whole else 0, CHUNK):
        raw = values[start : start + CHUNK].astype(np.float64) * factor
        made[start : start + CHUNK] = np.rint(raw)
        whole = whole and bool((np.abs(raw - np.rint(raw)) <= error).all())
    if not whole:
        raise UsageError(
            f"{file}: {name}: expected raw pixels, uint8, or those divided by 255, found {values.dtype} in "
            f"{low:.4g}..{high:.4g}: give them as they were before they were scaled: the model's range is found by itself"
        )
    said.append(f"pixels are {values.dtype}" + (", divided by 255: multiplied back" if factor == 255 else ""))
    return made
