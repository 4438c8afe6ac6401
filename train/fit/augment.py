"""What writing hands and cameras do to a glyph, or light and cameras to a picture, as one pure function of a batch and a seed.

Everything works on whole batches of float32 (N, H, W, C), pixels in 0..1; of ink, 0 is paper. Rotation, slant, scale, shift
and the elastic field move the sampling points together, so that the image is interpolated (and softened) once. What comes
in from outside is paper, or of a picture its edge once more.
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
_PAPER, _EDGE = "CONSTANT", "SYMMETRIC"  # how tf.pad fills in what is outside: with 0, or with the edge pixels
#: From red, green, blue to brightness and two axes of colour, as NTSC has them.
_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)
_COARSE = 6  # control points per axis of a smooth field: features of about a stroke's length, not of its width


def augment(images: Tensor, settings: AugmentSettings, seed: Tensor, *, ink: bool = True) -> Tensor:
    """The changed copies of `images`.

    `images` is uint8 or float (N, H, W), or RGB (N, H, W, 3), `seed` int (2,): the same seed gives the same copies. `ink`:
    they are glyphs, not pictures. Returns float32 (N, H, W, 1 or 3), whole numbers 0..255: the model at run time sees bytes.
    """
    x = with_channels(tf.cast(images, tf.float32) / 255)
    seeds = iter(tf.unstack(tf.random.split(tf.cast(seed, tf.int32), 16)))
    x = _writing(x, settings, seeds) if ink else _picture(x, settings, seeds)
    return tf.round(tf.clip_by_value(x, 0, 1) * 255)


def _writing(x: Tensor, settings: AugmentSettings, seeds: Any) -> Tensor:
    x = _warp(x, settings, seeds, outside=_PAPER)
    x = _stroke(x, settings.stroke, seeds)
    if settings.camera:
        x = _sometimes(x, _blurred(x, settings.blur, seeds, outside=_PAPER), settings.camera, next(seeds))
        x = _sometimes(x, _broken(x, settings.broken, seeds), settings.camera, next(seeds))
        x = _sometimes(x, _uneven(x, settings.uneven, seeds), settings.camera, next(seeds))
        x = _sometimes(x, _with_fragments(x, settings.fragments, seeds), settings.camera, next(seeds))
        x = _sometimes(x, _grainy(x, settings.noise, seeds), settings.camera, next(seeds))
    return x


def _picture(x: Tensor, settings: AugmentSettings, seeds: Any) -> Tensor:
    if settings.crop or settings.flip:
        x = _moved(x, settings, seeds)
    if settings.said(("rotate", "slant", "scale", "shift", "elastic")):
        x = _warp(x, settings, seeds, outside=_EDGE)
    if settings.said(("brightness", "contrast", "saturation", "hue")):
        x = _lit(x, settings, seeds)
    if settings.camera:
        x = _sometimes(x, _blurred(x, settings.blur, seeds, outside=_EDGE), settings.camera, next(seeds))
        x = _sometimes(x, _uneven(x, settings.uneven, seeds), settings.camera, next(seeds))
        x = _sometimes(x, _grainy(x, settings.noise, seeds), settings.camera, next(seeds))
    return _cut_out(x, settings.cutout, seeds) if settings.cutout else x


# --- of both ----------------------------------------------------------------------------------------------------------


def _warp(x: Tensor, settings: AugmentSettings, seeds: Any, *, outside: str) -> Tensor:
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
    return _sample(x, source_v + (rows - 1) / 2, source_u + (columns - 1) / 2, outside)


def _from_centre(count: int) -> Tensor:
    """The places of `count` pixels on an axis, (count,), 0 in the middle."""
    return tf.range(count, dtype=tf.float32) - (count - 1) / 2


def _sample(x: Tensor, row: Tensor, column: Tensor, outside: str) -> Tensor:
    """Bilinear interpolation of x at (row, column), each (N, H, W)."""
    rows, columns, channels = (int(side) for side in x.shape[1:])
    below_each = columns + 2  # one pixel more around, so that clipping needs no mask
    flat = tf.reshape(_padded(x, outside), [-1, channels])
    row = tf.clip_by_value(row + 1, 0.0, rows + 0.999)
    column = tf.clip_by_value(column + 1, 0.0, columns + 0.999)
    top, left = tf.floor(row), tf.floor(column)
    below, right = (row - top)[..., tf.newaxis], (column - left)[..., tf.newaxis]  # weights of the next pixel
    image = tf.range(tf.shape(x)[0], dtype=tf.int32)[:, tf.newaxis, tf.newaxis] * (rows + 2) * below_each
    corner = image + tf.cast(top, tf.int32) * below_each + tf.cast(left, tf.int32)
    upper = tf.gather(flat, corner) * (1 - right) + tf.gather(flat, corner + 1) * right
    lower = tf.gather(flat, corner + below_each) * (1 - right) + tf.gather(flat, corner + below_each + 1) * right
    return upper * (1 - below) + lower * below


def _padded(x: Tensor, outside: str) -> Tensor:
    return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], outside)


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


def _blurred(x: Tensor, strength: float, seeds: Any, *, outside: str) -> Tensor:
    """Part of the way to the 3×3 average."""
    padded = _padded(x, outside)
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    mean = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
    return x + tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], next(seeds), 0.0, strength) * (mean - x)


def _uneven(x: Tensor, strength: float, seeds: Any) -> Tensor:
    """Ink paler, a picture darker, where a smooth field says so, by at most `strength`."""
    field = _smooth(tf.shape(x)[0], x.shape[1], x.shape[2], next(seeds))[..., tf.newaxis]
    return x * (1 - strength * tf.sigmoid(2 * field))


def _grainy(x: Tensor, strength: float, seeds: Any) -> Tensor:
    """Independent noise on each pixel."""
    return x + tf.random.stateless_normal(tf.shape(x), next(seeds), stddev=strength)


def _sometimes(x: Tensor, changed: Tensor, share: float, seed: Tensor) -> Tensor:
    """`changed` for a random `share` of the images, x for the rest."""
    return tf.where(tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], seed) < share, changed, x)


# --- of ink -----------------------------------------------------------------------------------------------------------


def _stroke(x: Tensor, strength: float, seeds: Any) -> Tensor:
    """Part of the way to the dilated (thicker) or the eroded (thinner) image."""
    amount = tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], next(seeds), -strength, strength)
    thicker, thinner = _neighbours(x, tf.maximum), _neighbours(x, tf.minimum)
    return x + tf.maximum(amount, 0) * (thicker - x) + tf.maximum(-amount, 0) * (thinner - x)


def _neighbours(x: Tensor, combine: Any) -> Tensor:
    """`combine` over each pixel and its four neighbours (paper outside)."""
    padded = _padded(x, _PAPER)
    rows = combine(padded[:, :-2, 1:-1], padded[:, 2:, 1:-1])
    columns = combine(padded[:, 1:-1, :-2], padded[:, 1:-1, 2:])
    return combine(x, combine(rows, columns))


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


# --- of pictures ------------------------------------------------------------------------------------------------------


def _moved(x: Tensor, settings: AugmentSettings, seeds: Any) -> Tensor:
    """Each picture shifted by whole pixels, mirrored at its edges, and half of them mirrored as a whole."""
    n, (rows, columns) = tf.shape(x)[0], x.shape[1:3]
    crop = settings.crop
    shifts = tf.random.stateless_uniform([2, n, 1], next(seeds), -crop, crop + 1, tf.int32)
    row, column = tf.range(rows) + shifts[0], tf.range(columns) + shifts[1]  # (N, H), (N, W)
    if settings.flip:
        mirrored = tf.random.stateless_uniform([n, 1], next(seeds)) < 0.5
        column = tf.where(mirrored, columns - 1 - column, column)
    x = tf.gather(x, _inside(row, rows), axis=1, batch_dims=1)
    return tf.gather(x, _inside(column, columns), axis=2, batch_dims=1)


def _inside(index: Tensor, count: int) -> Tensor:
    """Indices as a mirror at the first and at the last of `count` pixels shows them: -1 is 1."""
    index = tf.abs(index) % max(2 * (count - 1), 1)
    return tf.minimum(index, 2 * (count - 1) - index)


def _lit(x: Tensor, settings: AugmentSettings, seeds: Any) -> Tensor:
    """Another light: brightness and contrast, and of three channels saturation and hue."""
    n = tf.shape(x)[0]
    drawn = tf.random.stateless_uniform([4, n, 1, 1, 1], next(seeds), -1.0, 1.0)
    x *= 1 + settings.brightness * drawn[0]
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    x = mean + (x - mean) * (1 + settings.contrast * drawn[1])
    if not settings.said(("saturation", "hue")):
        return x
    brightness, *colour = tf.unstack(x @ tf.constant(_YIQ.T), axis=3)
    strength = 1 + settings.saturation * drawn[2, ..., 0]
    angle = settings.hue * np.pi / 180 * drawn[3, ..., 0]
    cos, sin = strength * tf.cos(angle), strength * tf.sin(angle)
    turned = tf.stack([brightness, cos * colour[0] - sin * colour[1], sin * colour[0] + cos * colour[1]], axis=3)
    return turned @ tf.constant(np.linalg.inv(_YIQ).T)


def _cut_out(x: Tensor, side: int, seeds: Any) -> Tensor:
    """A grey square of `side` pixels, its middle anywhere in the picture."""
    n, (rows, columns) = tf.shape(x)[0], x.shape[1:3]
    middle = tf.random.stateless_uniform([2, n, 1], next(seeds)) * tf.constant([rows, columns], tf.float32, [2, 1, 1])
    row, column = tf.range(rows, dtype=tf.float32) + 0.5, tf.range(columns, dtype=tf.float32) + 0.5
    hidden = (abs(row - middle[0]) < side / 2)[:, :, tf.newaxis] & (abs(column - middle[1]) < side / 2)[:, tf.newaxis]
    return tf.where(hidden[..., tf.newaxis], 0.5, x)
