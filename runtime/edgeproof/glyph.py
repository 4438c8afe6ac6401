"""From a crop of a picture to the model's glyph: the one place where a digit gets the shape that the model knows.

The convention, named `ink-1` in every manifest, is MNIST's own (LeCun et al., "Gradient-based learning applied to document
recognition", 1998): the ink's bounding box is scaled, aspect kept, so that its longer side is 20 pixels, and its
centre of mass is put into the middle of 28×28 pixels. Two things are added, because a camera is no scanner: a stroke too
thin to survive the scaling is thickened first, and the ink is brought to 255.

Data set images are glyphs already. Training and the device both come here for everything else; change a constant
and the version must change with it, or the golden picture tests fail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from edgeproof.input_contract import GLYPHS, Resize
from edgeproof.support.opencv import cv2

VERSION: Resize = GLYPHS.resize

SIZE = GLYPHS.size[0]
BOX = 20  # longer side of the ink inside it, pixels
CENTRE = 14.0  # where the centre of mass goes, pixels; MNIST's own mean is 14.0 ± 0.02 on both axes
INK = 32  # below this (of 255) a pixel is paper: a resized or compressed edge, not a stroke
WORKING_BOX = 80  # larger crops are first averaged down to this side, so that the cost does not grow with the camera
THINNEST = 1.6  # narrowest mean stroke in the glyph, pixels; MNIST's 10th percentile is 1.6, its median 2.0
RIM = math.ceil(THINNEST / 2 * WORKING_BOX / BOX)  # as far as a stroke can be thickened to each side, pixels
INKS_AT_ONCE = 64  # more would leave the cache

Image = NDArray[np.uint8]

_SQUARE = np.ones((3, 3), np.uint8)
_PLACES = np.arange(BOX, dtype=np.float32)
#: Sums over an ink's BOX × BOX pixels: of ink, of ink at its row, at its column. All are whole numbers that a float32 holds.
_MOMENTS = np.stack([np.ones(BOX * BOX, np.float32), np.repeat(_PLACES, BOX), np.tile(_PLACES, BOX)], axis=1)
_LEVELS = np.arange(256, dtype=np.float32)
#: Per level that counts as full ink, what each level becomes: uint8 (256, 256).
_GAIN = np.minimum(
    _LEVELS * (255 / np.maximum(np.arange(256)[:, None], 1)).astype(np.float32) + np.float32(0.5), 255
).astype(np.uint8)


def make_glyph(ink: Image) -> Image:
    """One glyph from the ink of one character.

    `ink` is uint8 (h, w), 0 = paper, 255 = full ink, any size from 1×1 up. Returns uint8 (28, 28); all zeros when
    there is no ink.
    """
    return make_glyphs([ink])[0]  # type: ignore[no-any-return]


def make_glyphs(inks: Sequence[Image]) -> Image:
    """`make_glyph` of each; uint8 (N, 28, 28), also for N = 0."""
    glyphs = np.zeros((len(inks), SIZE, SIZE), np.uint8)
    for start in range(0, len(inks), INKS_AT_ONCE):
        _make_glyphs(inks[start : start + INKS_AT_ONCE], glyphs[start : start + INKS_AT_ONCE])
    return glyphs


def _make_glyphs(inks: Sequence[Image], glyphs: Image) -> None:
    """Put the glyph of each ink into `glyphs`, (N, 28, 28), which are blank."""
    boxed = np.zeros((len(inks), BOX, BOX), np.uint8)
    sizes = np.zeros((len(inks), 2), np.int64)
    for i, ink in enumerate(_thickened([_trimmed(ink) for ink in inks])):
        if ink.size:
            small = _resized(ink, BOX / max(ink.shape))
            sizes[i] = height, width = small.shape
            boxed[i, :height, :width] = small
    boxed = _stretched(boxed)
    corners = np.clip(np.rint(CENTRE - _middles(boxed)).astype(np.int64), 0, SIZE - sizes)
    for glyph, ink, (height, width), (top, left) in zip(glyphs, boxed, sizes.tolist(), corners.tolist(), strict=True):
        # Whole pixels keep the stroke as sharp as it is, and no ink leaves the glyph.
        glyph[top : top + height, left : left + width] = ink[:height, :width]


def through_glyph(images: Image) -> Image:
    """Data set images (N, 28, 28) treated as if each were a crop of a picture; uint8 (N, 28, 28).

    What accuracy is left on these is what the convention itself costs.
    """
    return make_glyphs(list(images))


def stroke_width(ink: Image) -> float:
    """Mean width of the strokes of `ink`, pixels: the inked area over half the length of its outline.

    A stroke of width w and length l has area w·l and an outline of about 2·l; the outline is counted as the pixels that
    an erosion removes, at twice the size, so that a stroke of one pixel is told from one of two. 0 when there is no ink.
    """
    return float(_stroke_widths(*_side_by_side([ink]))[0]) if ink.size else 0.0


def _side_by_side(inks: Sequence[Image]) -> tuple[Image, list[int]]:
    """One picture of all inks, each with RIM pixels of paper around it; and the column at which each of them, with its rim,
    begins. OpenCV takes longer to be called for one character than to go through it."""
    starts = [0, *accumulate(ink.shape[1] + 2 * RIM for ink in inks)]
    strip = np.zeros((max(len(ink) for ink in inks) + 2 * RIM, starts.pop()), np.uint8)
    for start, ink in zip(starts, inks, strict=True):
        strip[RIM : RIM + ink.shape[0], start + RIM : start + RIM + ink.shape[1]] = ink
    return strip, starts


def _stroke_widths(strip: Image, starts: Sequence[int]) -> NDArray[np.float64]:
    """`stroke_width` of each ink of `_side_by_side`, (N,)."""
    around = strip[RIM - 1 : 1 - RIM]  # a pixel of paper is enough
    doubled = cv2.resize(around, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    _, solid = cv2.threshold(doubled, 127, 1, cv2.THRESH_BINARY)
    area, inside = (
        np.add.reduceat(cv2.reduce(each, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0], np.multiply(starts, 2))
        for each in (solid, cv2.erode(solid, _SQUARE))
    )
    width: NDArray[np.float64] = area / np.maximum(1, area - inside)
    return width


def _thickened(inks: Sequence[Image]) -> list[Image]:
    """The inks, those with more paper around them whose strokes had to be thickened: they would not survive the scaling."""
    thick = list(inks)
    scaled = [i for i, ink in enumerate(inks) if max(ink.shape) > BOX]
    if not scaled:
        return thick
    strip, starts = _side_by_side([inks[i] for i in scaled])
    needed = np.array([THINNEST * max(inks[i].shape) / BOX for i in scaled])
    missing = needed - _stroke_widths(strip, starts)
    radii = np.where(missing > 0.5, np.ceil(missing / 2), 0).astype(int)
    for radius in set(radii[radii > 0].tolist()):
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        grown: Image = cv2.dilate(strip, disc)  # type: ignore[assignment]
        for place in np.flatnonzero(radii == radius).tolist():
            (height, width), start = inks[scaled[place]].shape, starts[place]
            thick[scaled[place]] = grown[
                RIM - radius : RIM + height + radius, start + RIM - radius : start + RIM + width + radius
            ]
    return thick


def _trimmed(ink: Image) -> Image:
    """The part of `ink` inside the bounding box of its ink, WORKING_BOX pixels a side at most."""
    if not ink.size:
        return ink
    x, y, width, height = cv2.boundingRect(cv2.threshold(ink, INK - 1, 255, cv2.THRESH_BINARY)[1])
    ink = ink[y : y + height, x : x + width]
    longer = max(ink.shape)
    return ink if longer <= WORKING_BOX else _stretched(_resized(ink, WORKING_BOX / longer)[None])[0]  # type: ignore[no-any-return]


def _resized(ink: Image, scale: float) -> Image:
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(ink, (width, height), interpolation=how)  # type: ignore[return-value]


def _stretched(inks: Image) -> Image:
    """Each ink, (N, h, w), brought to 255: averaging a thin stroke with its paper pales it.

    The upper quartile of the inked pixels decides, not the darkest: where strokes cross, little is lost, and a gain taken
    there would leave the rest of a thin stroke grey.
    """
    levels = np.sort(inks.reshape(len(inks), -1), axis=1)
    most = levels.shape[1] - 1
    paper = (levels <= levels[:, most:] // 8).sum(axis=1)
    level = levels[np.arange(len(inks)), np.minimum(paper + (most + 1 - paper) * 3 // 4, most)]
    stretched: Image = _GAIN.take(256 * level[:, None, None].astype(np.int64) + inks)
    return stretched


def _middles(inks: Image) -> NDArray[np.float64]:
    """The centre of mass of each ink (N, BOX, BOX), its row and column, (N, 2)."""
    mass = (inks.reshape(len(inks), -1).astype(np.float32) @ _MOMENTS).astype(np.float64)
    middles: NDArray[np.float64] = mass[:, 1:] / np.maximum(mass[:, :1], 1)
    return middles
