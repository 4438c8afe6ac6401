"""From a picture to the image that the model sees, by the code that the device uses.

Of a character the same paper is taken out, the same strokes are followed and the same `edgeproof.glyph` shapes them, so that
a model trained on these meets at run time what it was trained on. What differs: the picture holds one character and nothing
else, so that no candidate is chosen in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph
from edgeproof.input_contract import InputContract
from edgeproof.page import segment
from edgeproof.page.ink import binarize
from edgeproof.resize import make_input

Image = NDArray[np.uint8]

DIRT = 0.02  # of the character's ink: a smaller separate piece is a speck, a larger one the dot of an i


def make_image(picture: Image, contract: InputContract) -> Image | None:
    """An image of `contract` from a picture uint8 (H, W) or BGR (H, W, 3), dark on light or light on dark.

    None when it should be ink and nothing is written on it.
    """
    if not contract.ink:
        return make_input(picture, contract)
    ink = _ink(picture)
    return None if ink is None else glyph.make_glyph(ink)


def _ink(picture: Image) -> Image | None:
    """The character's ink, uint8 (h, w), 0 = paper, 255 = full ink; None when nothing stands clear of the paper."""
    import cv2

    grey: Any = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
    reduction = (grey.size / segment.WORKING_PIXELS) ** 0.5
    if reduction > 1:
        grey = cv2.resize(grey, None, fx=1 / reduction, fy=1 / reduction, interpolation=cv2.INTER_AREA)
    ink = _strokes(grey)
    if ink is None or max(ink[0].any(), ink[-1].any(), ink[:, 0].any(), ink[:, -1].any()):
        # Cut so close that strokes reach the edge: what is paper is told by what is around them, so put some there.
        edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        ink = _strokes(np.pad(grey, max(4, max(grey.shape) // 2), constant_values=int(np.median(edge))))
    return ink


def _strokes(grey: Image) -> Image | None:
    """The ink of all pieces that are no dirt; None when there is none."""
    import cv2

    page = binarize.flatten(grey)
    if page is None:
        return None
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(binarize.ink_mask(page))
    areas = statistics[1:, cv2.CC_STAT_AREA]
    if areas.size == 0:
        return None
    kept = np.append(False, areas >= DIRT * areas.sum())[pieces].astype(np.uint8)
    rim: Any = cv2.dilate(kept, np.ones((3, 3), np.uint8))  # the pale rim of a stroke is ink too
    ink: Any = page.ink * rim
    stretched: Image = cv2.convertScaleAbs(ink, alpha=255 / int(ink.max()))  # type: ignore[assignment]
    return stretched
