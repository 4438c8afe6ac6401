"""Pale ink beside dark: each stroke is brought to the page's level, as far as it is paler than what is usual on the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeproof.glyph import Image
from edgeproof.page.ink import binarize
from edgeproof.page.ink.picture import PAPER_LEVEL, scalar, smaller, square
from edgeproof.support.opencv import cv2

MAX_GAIN = 4.0  # of pale ink; more brings out the paper


def evened(picture: Image) -> Image | None:
    """A picture, uint8 BGR (H, W, 3) or grey (H, W), as a grey one of even light in which pale strokes are as dark as the others.

    None where nothing stands clear of the paper's noise.
    """
    grey: Any = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
    page = binarize.flatten(grey)
    if page is None:
        return None
    contrast = cv2.morphologyEx(page.ink, cv2.MORPH_GRADIENT, square(3))
    edges = cv2.subtract(contrast, scalar(page.clear)).astype(np.float32)
    weight, level = (cv2.GaussianBlur(smaller(each), (0, 0), 1.5) for each in (edges, edges * page.ink))
    gain = np.clip(page.edge * weight / np.maximum(level, 1), 1, MAX_GAIN)  # 1 where there is no edge
    full: Any = cv2.resize(gain.astype(np.float32), page.ink.shape[::-1], interpolation=cv2.INTER_LINEAR)
    ink = cv2.multiply(page.ink, full, dtype=cv2.CV_8U)
    return cv2.subtract(scalar(PAPER_LEVEL), ink)  # type: ignore[return-value]
