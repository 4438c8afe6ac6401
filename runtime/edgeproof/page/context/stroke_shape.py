"""The geometry of glyphs: which way they lean, and whether a stroke bends like a bracket."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph

Floats = NDArray[np.float64]

STROKE_INK_LEVEL = 64  # of 255: the rim of a stroke says nothing about its middle

#: The weights of `moments`.
_PLACE = np.arange(glyph.SIZE, dtype=np.float64)
_MOMENTS = np.stack(
    [np.outer(down, across).ravel() for down, across in (
        (_PLACE**0, _PLACE**0), (_PLACE**0, _PLACE), (_PLACE, _PLACE**0), (_PLACE, _PLACE), (_PLACE**2, _PLACE**0))],
    axis=1,
)  # fmt: skip
#: Powers 0 to 4 of a row's place, from the middle of the glyph; and which sums of them make up the square of each equation.
_POWERS = (_PLACE[:, None] - (glyph.SIZE - 1) / 2) ** np.arange(5)
_HANKEL = np.add.outer(np.arange(3), np.arange(3))


@dataclass(frozen=True)
class StrokeShapes:
    """Per glyph (N,), lengths as a share of the stroke's height.

    lean: degrees, positive when the top is to the right. bow: how far the middle stands off the straight line between the
    ends, positive when it stands to the left: a "(". rough: the largest distance from the parabola through it, small for
    one smooth stroke, large for a 1 with a hook or a foot.
    """

    lean: Floats
    bow: Floats
    rough: Floats


def stroke_shapes(glyphs: NDArray[np.uint8]) -> StrokeShapes:
    """A parabola through the middles of the inked rows of each glyph uint8 (N, 28, 28)."""
    ink = glyphs * (glyphs >= STROKE_INK_LEVEL)
    mass, moment = (ink.reshape(-1, glyph.SIZE) @ _POWERS[:, :2]).T.reshape(2, *ink.shape[:2])
    inked, middles = (mass > 0).astype(np.float64), moment / np.maximum(mass, 1)
    # The sums over the inked rows that the normal equations of a parabola and of a straight line are made of.
    sums, products = inked @ _POWERS, (inked * middles) @ _POWERS[:, :3]
    count = sums[:, 0]
    known = count > len(_HANKEL)  # through as many rows as it has coefficients, any parabola goes
    square = np.where(known[:, None, None], sums[:, _HANKEL], np.eye(3))
    parabola = np.linalg.solve(square, products[..., None])[..., 0]
    length = np.where(known, count * sums[:, 2] - sums[:, 1] ** 2, 1)
    slope = (count * products[:, 1] - sums[:, 1] * products[:, 0]) / length
    off = np.abs(inked * (parabola @ _POWERS[:, :3].T - middles)).max(axis=1, initial=0)
    return StrokeShapes(
        np.where(known, np.degrees(np.arctan(-slope)), 0),
        np.where(known, parabola[:, 2] * count / 4, 0),
        np.where(known, off / np.maximum(count, 1), 1),
    )


def lean(glyphs: NDArray[np.uint8]) -> Floats:
    """Degrees (N,) by which the ink of each glyph leans to the right, from its second moments."""
    return leaning(moments(glyphs))


def moments(glyphs: NDArray[np.uint8]) -> Floats:
    """Of each glyph uint8 (N, 28, 28) the sums over its pixels of ink, ink at x, at y, at x·y and at y²: (5, N)."""
    sums: Floats = (glyphs.reshape(len(glyphs), glyph.SIZE**2) @ _MOMENTS).T
    return sums


def leaning(sums: Floats) -> Floats:
    """`lean`, from `moments`."""
    mass, x, y, both, down = sums
    mass = np.maximum(mass, 1)
    x, y = x / mass, y / mass
    across, along = both / mass - x * y, down / mass - y**2
    degrees: Floats = np.degrees(np.arctan(-across / np.maximum(along, 1e-9)))
    return degrees
