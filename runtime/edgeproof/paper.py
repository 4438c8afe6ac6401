"""Paper and light taken out of a picture: what is left is the ink, on the same scale everywhere.

A camera measures light × reflectance. The light changes slowly over the page (vignetting, shadow, a lamp at one side),
ink changes within a stroke's width, so the two are told apart by size: the paper is what remains when everything
narrower than a few strokes is closed over. Dividing by it leaves reflectance; ink in a shadow counts as much as ink in
the sun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

SMALL_SIDE = 160  # longest side of the picture on which paper and light are estimated, pixels
PAPER = 224  # where paper is put on the scale of reflectance: 31 levels of headroom keep its noise unclipped
DARKEST_PAPER = 48  # of 255; a darker "paper" (a table, the night) is noise, and dividing by it would amplify it
CLEAR_OF_NOISE = 6.0  # standard deviations by which a 3×3 neighbourhood of paper does not vary
STATISTICS_PIXELS = 50_000
FAINTEST_INK = 12  # of PAPER; hard pencil is about 40


@dataclass(frozen=True)
class Page:
    """A picture as ink on paper.

    ink: uint8 (H, W), 0 = paper, larger = more ink, in 1/224 of the paper's own brightness.
    edge: level of `ink` at the edge of a stroke, half of the ink's contrast, 1..255.
    clear: level of `ink` that the paper's noise does not reach.
    """

    ink: Image
    edge: int
    clear: float


def flatten(grey: Any) -> Page | None:
    """The ink of a grey picture uint8 (H, W), whether it is dark on light or light on dark.

    None when nothing stands clear of the paper's noise.
    """
    import cv2

    height, width = grey.shape
    reduction = max(1, -(-max(height, width) // SMALL_SIDE))
    small: Any = cv2.resize(
        grey, (max(1, width // reduction), max(1, height // reduction)), interpolation=cv2.INTER_AREA
    )
    if _light_on_dark(small):
        grey, small = cv2.bitwise_not(grey), cv2.bitwise_not(small)
    paper: Any = cv2.resize(np.maximum(_paper(small), DARKEST_PAPER), (width, height), interpolation=cv2.INTER_LINEAR)
    reflectance: Any = cv2.divide(grey, paper, scale=PAPER)
    level, noise = _paper_level(reflectance)
    ink: Any = cv2.LUT(reflectance, np.maximum(level - np.arange(256), 0).astype(np.uint8))
    clear = max(CLEAR_OF_NOISE * noise, FAINTEST_INK)
    edge = edge_level(ink, clear)
    return Page(ink, edge, clear) if edge else None


def _light_on_dark(small: Image) -> bool:
    """Whether the writing is lighter than what it stands on.

    Ink covers less than half of any neighbourhood, so a wide median is paper, and ink is the far side of it.
    """
    import cv2

    tiny: Any = (
        cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if min(small.shape) > 16 else small
    )
    paper: Any = cv2.medianBlur(tiny, max(3, max(tiny.shape) // 3) | 1)
    away = tiny.astype(np.float32) - paper
    return float((away * away * away).sum()) > 0  # the cube: what is far away counts, noise on both sides cancels


def _paper(small: Image) -> Any:
    """The paper under dark ink: everything dark and narrower than a quarter of the picture closed over."""
    import cv2

    side = max(3, min(small.shape) // 4) | 1
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return cv2.blur(closed, (side // 2 | 1, side // 2 | 1))


def _paper_level(reflectance: Image) -> tuple[int, float]:
    """Where the paper's pixels lie on the scale of reflectance, and their standard deviation.

    The most frequent level is paper; ink only adds to the dark side, so the noise is measured on the bright side.
    """
    histogram = np.bincount(_sampled(reflectance).ravel(), minlength=256)
    level = int(np.convolve(histogram, np.ones(5), "same")[:255].argmax())
    brighter = np.cumsum(histogram[int(level) :])
    spread = int(np.searchsorted(brighter, 0.683 * brighter[-1]))
    return level, max(0.5, float(spread))


def edge_level(ink: Any, clear: Any) -> int:
    """The level of ink on the edges of strokes: its mean, weighted by the local contrast as far as that exceeds `clear`.

    (The "simple image statistic" of Kittler, Illingworth and Föglein, 1985.) Half of the contrast of any stroke, wide or
    thin; a soft shadow has no edges and no say. 0 when there is no edge.
    """
    import cv2

    contrast: Any = cv2.morphologyEx(ink, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    weights = np.maximum(_sampled(contrast).ravel() - np.float32(clear), 0)
    total = float(weights.sum())
    return max(1, round(float(weights @ _sampled(ink).ravel().astype(np.float32)) / total)) if total else 0


def _sampled(picture: Image) -> Image:
    """A regular sample of the pixels, enough for statistics, so that their cost does not grow with the camera."""
    step = max(1, round((picture.size / STATISTICS_PIXELS) ** 0.5))
    return np.ascontiguousarray(picture[::step, ::step])
