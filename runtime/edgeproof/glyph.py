"""From a crop of a picture to the model's glyph: the one place where a digit gets the shape that the model knows.

The convention, named `ink-1` in every manifest, is MNIST's own (LeCun et al., "Gradient-based learning applied to document
recognition", 1998): the ink's bounding box is scaled, aspect kept, so that its longer side is 20 pixels, and its
centre of mass is put into the middle of 28×28 pixels. Two things are added, because a camera is no scanner: a stroke too
thin to survive the scaling is thickened first, and the ink is brought to 255.

Data set images are glyphs already. Training and the device both come here for everything else; change a constant
and the version must change with it, or the golden picture tests fail.
"""

from __future__ import annotations

from collections.abc import Sequence

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
SURELY = 1.3  # times a stroke's width: what is broader by the coarse measure is by the exact one
THINNEST = 1.6  # narrowest mean stroke in the glyph, pixels; MNIST's 10th percentile is 1.6, its median 2.0

Image = NDArray[np.uint8]

_SQUARE = np.ones((3, 3), np.uint8)
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
    ink = _trim(ink)
    if ink.size == 0:
        return np.zeros((SIZE, SIZE), np.uint8)
    longer = max(ink.shape)
    if longer > WORKING_BOX:
        ink = _stretch(_resized(ink, WORKING_BOX / longer))
        longer = max(ink.shape)
    scale = BOX / longer
    missing = THINNEST / scale - stroke_width(ink) if scale < 1 and _may_be_thin(ink, THINNEST / scale) else 0.0
    if missing > 0.5:
        radius = int(np.ceil(missing / 2))
        ink = _padded(ink, radius)  # a thickened stroke grows outwards too
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        ink = cv2.dilate(ink, disc)  # type: ignore[assignment]
        scale = BOX / max(ink.shape)
    return _centred(_stretch(_resized(ink, scale) if scale != 1 else ink))


def make_glyphs(inks: Sequence[Image]) -> Image:
    """`make_glyph` of each; uint8 (N, 28, 28), also for N = 0."""
    glyphs = np.zeros((len(inks), SIZE, SIZE), np.uint8)
    for i, ink in enumerate(inks):
        glyphs[i] = make_glyph(ink)
    return glyphs


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
    if ink.size == 0:
        return 0.0
    doubled = cv2.resize(_padded(ink, 1), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    _, solid = cv2.threshold(doubled, 127, 255, cv2.THRESH_BINARY)
    area = cv2.countNonZero(solid)
    if area == 0:
        return 0.0
    inside = cv2.countNonZero(cv2.erode(solid, _SQUARE))
    return area / max(1, area - inside)


def _may_be_thin(ink: Image, width: float) -> bool:
    """Whether the strokes may be thinner than `width` pixels: False is sure, and spares the exact measure."""
    _, solid = cv2.threshold(ink, 127, 255, cv2.THRESH_BINARY)
    area = cv2.countNonZero(solid)
    outline = area - cv2.countNonZero(cv2.erode(solid, _SQUARE, borderType=cv2.BORDER_CONSTANT, borderValue=0))
    # Counted in whole pixels the outline is about a pixel too long or short for each corner: never by a third.
    return area == 0 or 2 * area < SURELY * width * outline


def _padded(ink: Image, sides: int) -> Image:
    """`ink` with paper around it. (np.pad does the same and takes ten times as long.)"""
    return cv2.copyMakeBorder(ink, sides, sides, sides, sides, cv2.BORDER_CONSTANT, value=0)  # type: ignore[return-value]


def _trim(ink: Image) -> Image:
    """The part of `ink` inside the bounding box of its ink."""
    x, y, width, height = (
        cv2.boundingRect(cv2.threshold(ink, INK - 1, 255, cv2.THRESH_BINARY)[1]) if ink.size else [0] * 4
    )
    return ink[y : y + height, x : x + width]


def _resized(ink: Image, scale: float) -> Image:
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(ink, (width, height), interpolation=how)  # type: ignore[return-value]


def _stretch(ink: Image) -> Image:
    """The ink brought to 255: averaging a thin stroke with its paper pales it.

    The upper quartile of the inked pixels decides, not the darkest: where strokes cross, little is lost, and a gain taken
    there would leave the rest of a thin stroke grey.
    """
    levels = np.sort(ink, axis=None)
    inked = int(levels.searchsorted(levels[-1] // 8, "right"))
    if inked == levels.size:
        return ink
    level = int(levels[inked + (levels.size - inked) * 3 // 4])
    return cv2.LUT(ink, _GAIN[level])  # type: ignore[return-value]


def _centred(ink: Image) -> Image:
    """`ink` (at most 20 px a side) in 28×28 with its centre of mass in the middle, moved by whole pixels only.

    Whole pixels keep the stroke as sharp as it is; the shift is limited so that no ink leaves the glyph.
    """
    height, width = ink.shape
    mass = cv2.moments(ink)
    row, column = mass["m01"] / mass["m00"], mass["m10"] / mass["m00"]
    top = min(max(0, round(CENTRE - row)), SIZE - height)
    left = min(max(0, round(CENTRE - column)), SIZE - width)
    glyph = np.zeros((SIZE, SIZE), np.uint8)
    glyph[top : top + height, left : left + width] = ink
    return glyph
