"""The geometry of glyphs: which way they lean, and whether a stroke bends like a bracket."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph

Floats = NDArray[np.float64]

INKED = 64  # of 255: the rim of a stroke says nothing about its middle


@dataclass(frozen=True)
class Strokes:
    """Per glyph (N,), lengths as a share of the stroke's height.

    lean: degrees, positive when the top is to the right. bow: how far the middle stands off the straight line between the
    ends, positive when it stands to the left: a "(". rough: the largest distance from the parabola through it, small for
    one smooth stroke, large for a 1 with a hook or a foot.
    """

    lean: Floats
    bow: Floats
    rough: Floats


def strokes(glyphs: NDArray[np.uint8]) -> Strokes:
    """A parabola through the middles of the inked rows of each glyph uint8 (N, 28, 28)."""
    middles, inked = _middles(glyphs)
    lean, bow, rough = np.zeros(len(glyphs)), np.zeros(len(glyphs)), np.ones(len(glyphs))
    for i in range(len(glyphs)):
        rows = np.flatnonzero(inked[i])
        if len(rows) < 4:
            continue
        along = (rows - rows.mean()) / len(rows)
        across = middles[i, rows] / len(rows)
        across = across - across.mean()
        # Least squares on the polynomials of degree 1 and 2 that are orthogonal on these rows.
        bent = along**2 - (along**2).mean()
        bent -= along * ((bent * along).sum() / (along**2).sum())
        slope, curve = (along * across).sum() / (along**2).sum(), (bent * across).sum() / (bent**2).sum()
        lean[i] = np.degrees(np.arctan(-slope))
        bow[i] = curve / 4
        rough[i] = np.abs(slope * along + curve * bent - across).max()
    return Strokes(lean, bow, rough)


def lean(glyphs: NDArray[np.uint8]) -> Floats:
    """Degrees (N,) by which the ink of each glyph leans to the right, from its second moments."""
    ink = glyphs.astype(np.float64)
    mass = np.maximum(ink.sum(axis=(1, 2)), 1)
    place = np.arange(glyph.SIZE, dtype=np.float64)
    x, y = ink.sum(axis=1) @ place / mass, ink.sum(axis=2) @ place / mass
    across = (ink @ place) @ place / mass - x * y
    along = ink.sum(axis=2) @ place**2 / mass - y**2
    leaning: Floats = np.degrees(np.arctan(-across / np.maximum(along, 1e-9)))
    return leaning


def _middles(glyphs: NDArray[np.uint8]) -> tuple[Floats, NDArray[np.bool_]]:
    """The centre of each row's ink, float (N, 28) pixels, and whether the row has any."""
    ink = np.where(glyphs >= INKED, glyphs, 0).astype(np.float64)
    mass = ink.sum(axis=2)
    return ink @ np.arange(glyph.SIZE) / np.maximum(mass, 1), mass > 0
