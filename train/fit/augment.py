"""What writing hands and cameras do to a glyph, as one pure function of a batch and a seed.

Everything works on whole batches of float32 (N, H, W, C), pixels in 0..1; of ink, 0 is paper. Rotation, slant, scale, shift
and the elastic field move the sampling points together, so that the picture is interpolated (and softened) once.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from edgeproof.input_contract import with_channels
from train.recipe import AugmentSettings

Tensor = Any  # tf.Tensor; TensorFlow ships no usable annotations

MIDDLE = 3 / 14, 3 / 4  # where a pen skips, as shares of the height and of the width
_COARSE = 6  # control points per axis of a smooth field: features of about a stroke's length, not of its width


def augment(images: Tensor, settings: AugmentSettings, seed: Tensor) -> Tensor:
    """The changed copies of `images`.

    `images` is uint8 or float (N, H, W), or RGB (N, H, W, 3), `seed` int (2,): the same seed gives the same copies. Returns
    float32 (N, H, W, 1 or 3), whole numbers 0..255: the model at run time sees bytes.
    """
    x = with_channels(tf.cast(images, tf.float32) / 255)
    seeds = iter(tf.unstack(tf.random.split(tf.cast(seed, tf.int32), 16)))
    x = _warp(x, settings, seeds)
    x = _stroke(x, settings.stroke, seeds)
    if settings.camera:
        x = _sometimes(x, _blurred(x, settings.blur, seeds), settings.camera, next(seeds))
        x = _sometimes(x, _broken(x, settings.broken, seeds), settings.camera, next(seeds))
        x = _sometimes(x, _uneven(x, settings.uneven, seeds), settings.camera, next(seeds))
        x = _sometimes(x, _with_fragments(x, settings.fragments, seeds), settings.camera, next(seeds))
        x = _sometimes(x, _grainy(x, settings.noise, seeds), settings.camera, next(seeds))
    return tf.round(tf.clip_by_value(x, 0, 1) * 255)


def _warp(x: Tensor, settings: AugmentSettings, seeds: Any) -> Tensor:
    """Each image sampled at moved points: an affine map about the centre plus a smooth random displacement."""
    n, (rows, columns) = tf.shape(x)[0], x.shape[1:3]
    radians = np.pi / 180
    affine = [settings.rotate * radians, settings.slant * radians, *[settings.scale] * 2, *[settings.shift] * 2]
    draws = tf.random.stateless_uniform([7, n, 1, 1], next(seeds), -1.0, 1.0)
    draws *= tf.constant([*affine, settings.elastic], tf.float32, [7, 1, 1, 1])
    angle, slant, width, height, right, down, bent = tf.unstack(draws)
    displaced = _smooth(n * 2, rows, columns, next(seeds)) * tf.tile(bent, [2, 1, 1])
    v, u = _from_centre(rows)[:, tf.newaxis], _from_centre(columns)[tf.newaxis, :]
    cos, sin = tf.cos(angle), tf.sin(angle)
    source_u = (cos * u - sin * v) * (1 + width) + tf.tan(slant) * v + right + displaced[:n]  # (N, H, W)
    source_v = (sin * u + cos * v) * (1 + height) + down + displaced[n:]
    return _sample(x, source_v + (rows - 1) / 2, source_u + (columns - 1) / 2)


def _from_centre(count: int) -> Tensor:
    """The places of `count` pixels on an axis, (count,), 0 in the middle."""
    return tf.range(count, dtype=tf.float32) - (count - 1) / 2


def _sample(x: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Bilinear interpolation of x at (row, column), each (N, H, W); paper, or black, outside."""
    rows, columns, channels = (int(side) for side in x.shape[1:])
    below_each = columns + 2  # one pixel of paper around, so that clipping needs no mask
    flat = tf.reshape(_padded(x), [-1, channels])
    row = tf.clip_by_value(row + 1, 0.0, rows + 0.999)
    column = tf.clip_by_value(column + 1, 0.0, columns + 0.999)
    top, left = tf.floor(row), tf.floor(column)
    below, right = (row - top)[..., tf.newaxis], (column - left)[..., tf.newaxis]  # weights of the next pixel
    image = tf.range(tf.shape(x)[0], dtype=tf.int32)[:, tf.newaxis, tf.newaxis] * (rows + 2) * below_each
    corner = image + tf.cast(top, tf.int32) * below_each + tf.cast(left, tf.int32)
    upper = tf.gather(flat, corner) * (1 - right) + tf.gather(flat, corner + 1) * right
    lower = tf.gather(flat, corner + below_each) * (1 - right) + tf.gather(flat, corner + below_each + 1) * right
    return upper * (1 - below) + lower * below


def _padded(x: Tensor) -> Tensor:
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])


def _smooth(n: Tensor, rows: int, columns: int, seed: Tensor) -> Tensor:
    """n smooth random fields, (n, rows, columns), standard deviation about 1."""
    coarse = tf.random.stateless_normal([n, _COARSE, _COARSE], seed)
    return tf.einsum("ri,nij,cj->nrc", _basis(rows), coarse, _basis(columns))


@functools.cache
def _basis(count: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(count, _COARSE) Gaussian bumps, rows of unit norm: a field is basis · coarse · basisᵀ."""
    pixels, centres = np.arange(count)[:, np.newaxis], np.linspace(0, count - 1, _COARSE)[np.newaxis, :]
    spacing = max(count - 1, 1) / (_COARSE - 1)
    bumps = np.exp(-0.5 * ((pixels - centres) / (0.6 * spacing)) ** 2)
    unit: np.ndarray[Any, np.dtype[np.float32]] = (bumps / np.linalg.norm(bumps, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def _stroke(x: Tensor, strength: float, seeds: Any) -> Tensor:
    """Part of the way to the dilated (thicker) or the eroded (thinner) image."""
    amount = tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], next(seeds), -strength, strength)
    thicker, thinner = _neighbours(x, tf.maximum), _neighbours(x, tf.minimum)
    return x + tf.maximum(amount, 0) * (thicker - x) + tf.maximum(-amount, 0) * (thinner - x)


def _neighbours(x: Tensor, combine: Any) -> Tensor:
    """`combine` over each pixel and its four neighbours (paper outside)."""
    padded = _padded(x)
    rows = combine(padded[:, :-2, 1:-1], padded[:, 2:, 1:-1])
    columns = combine(padded[:, 1:-1, :-2], padded[:, 1:-1, 2:])
    return combine(x, combine(rows, columns))


def _blurred(x: Tensor, strength: float, seeds: Any) -> Tensor:
    """Part of the way to the 3×3 average."""
    padded = _padded(x)
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    mean = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return x + tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], next(seeds), 0.0, strength) * (mean - x)


def _uneven(x: Tensor, strength: float, seeds: Any) -> Tensor:
    """Ink paler where a smooth field says so, by at most `strength`."""
    field = _smooth(tf.shape(x)[0], x.shape[1], x.shape[2], next(seeds))[..., tf.newaxis]
    return x * (1 - strength * tf.sigmoid(2 * field))


def _grainy(x: Tensor, strength: float, seeds: Any) -> Tensor:
    """Independent noise on each pixel."""
    return x + tf.random.stateless_normal(tf.shape(x), next(seeds), stddev=strength)


def _broken(x: Tensor, radius: float, seeds: Any) -> Tensor:
    """One round gap of about `radius` pixels in the middle part of the image: a pen that skipped."""
    if not radius:
        return x
    rows, columns = x.shape[1:3]
    share = tf.random.stateless_uniform([2, tf.shape(x)[0], 1, 1], next(seeds), *MIDDLE)
    row, column = tf.range(rows, dtype=tf.float32), tf.range(columns, dtype=tf.float32)
    distance = tf.sqrt((row[:, tf.newaxis] - share[0] * rows) ** 2 + (column - share[1] * columns) ** 2)
    return x * tf.sigmoid(3 * (distance - radius))[..., tf.newaxis]


def _with_fragments(x: Tensor, widest: float, seeds: Any) -> Tensor:
    """The edge of another image of the batch reaching in from the left or the right."""
    strip = tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], next(seeds), -widest, widest)
    columns = x.shape[2]
    column = tf.range(columns, dtype=tf.float32)[:, tf.newaxis]
    # A glyph's ink keeps 4 columns from each edge: moved by 4 less than the width, a neighbour just reaches the border.
    moved = column + tf.sign(strip) * (columns - 4 - tf.abs(strip))
    inside = tf.cast((moved >= 0) & (moved < columns), tf.float32)
    source = tf.cast(tf.clip_by_value(moved, 0, columns - 1), tf.int32) + tf.zeros_like(x, tf.int32)
    return tf.maximum(x, tf.gather(tf.roll(x, 1, axis=0), source[..., 0], batch_dims=2) * inside)


def _sometimes(x: Tensor, changed: Tensor, share: float, seed: Tensor) -> Tensor:
    """`changed` for a random `share` of the images, x for the rest."""
    return tf.where(tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], seed) < share, changed, x)
