"""Ink that differs from its paper in colour, be it no darker: the direction of colours in which writing stands out most.

Per pixel, the difference from the paper around it has three parts, blue, green and red. Most pixels are paper, and what they
differ by is noise and texture; a few are ink. Fisher's discriminant (1936) is the mixture of the three that makes most of the
one against the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.glyph import Image
from edgeproof.page.ink.picture import PAPER_LEVEL, paper_window, smaller
from edgeproof.support.opencv import cv2

INK_LEVELS = 160  # of 255, by which the clearest ink is darker than its paper in the picture made here
CLEAREST_SHARE = 0.001  # of the pixels: the clearest ink, and no lone glint

Floats = NDArray[np.float64]


def by_colour(frame: Image) -> Image | None:
    """A frame, uint8 BGR (H, W, 3), as a grey picture (H, W) of even light, in which ink of whatever colour is dark.

    None where the frame has no colours.
    """
    if frame.ndim == 2:
        return None
    small = smaller(frame)
    window = paper_window(small)
    paper = cv2.blur(cv2.medianBlur(small, window), (window // 4 | 1, window // 4 | 1))
    away = (small.astype(np.float64) - paper)[::2, ::2].reshape(-1, 3)  # as good, and four times as fast
    mixture = _discriminant(away)
    mixed = away @ mixture
    clearest = np.quantile(np.abs(mixed), 1 - CLEAREST_SHARE)
    if clearest == 0:
        return None
    ink_is_bright = float((mixed**3).sum()) > 0  # for ink is what is far from paper
    mixture *= (-INK_LEVELS if ink_is_bright else INK_LEVELS) / clearest
    shade = PAPER_LEVEL - paper @ mixture  # of the paper's own colour, so that paper is PAPER_LEVEL everywhere
    shades = cv2.resize(shade.astype(np.float32), frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    made: Any = cv2.add(cv2.transform(frame.astype(np.float32), mixture[None]), shades, dtype=cv2.CV_8U)
    return made  # type: ignore[no-any-return]


def _discriminant(away: Floats) -> Floats:
    """The mixture (3,) of the channels of `away` (N, 3), differences from paper, that varies most against what half of
    the pixels, those nearest to paper, vary by."""
    every = away.T @ away / len(away)
    rounding = np.eye(3) / 12  # what whole numbers vary by
    noise = every + rounding
    for _ in range(3):  # more rounds change nothing
        far = ((away @ np.linalg.inv(noise)) * away).sum(axis=1)
        near = away[far <= np.median(far)]
        noise = near.T @ near / len(near) + rounding
    root = np.linalg.inv(np.linalg.cholesky(noise))
    _, directions = np.linalg.eigh(root @ every @ root.T)
    mixture: Floats = root.T @ directions[:, -1]
    return mixture
