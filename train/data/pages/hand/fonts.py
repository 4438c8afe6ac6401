"""Print: glyphs of the fonts that come with matplotlib, so that every machine draws the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

FACES = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono", "STIXGeneral",
    "STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmss10", "cmtt10", "cmb10", "cmti10",
)  # fmt: skip
WIDE_FACES = tuple(face for face in FACES if not face.startswith("cm"))
"""Those that have Greek, Cyrillic and most signs."""
DIGIT_SHARE = 0.72
"""Height of a digit, share of a font's size; of these fonts it is 0.66 to 0.73."""


def printed(text: str, face: str, height: float) -> tuple[NDArray[np.uint8], float]:
    """Ink of one line of `text`, uint8 (h, w), digits `height` pixels high; and y of its base line from the top, pixels.

    (0, 0) of ink where the text is blank.
    """
    font = _font(_having(text, face), max(4, round(height / DIGIT_SHARE)))
    left, top, right, low = (int(side) for side in font.getbbox(text, anchor="ls"))
    if right <= left or low <= top:
        return np.zeros((0, 0), np.uint8), 0.0
    mask, offset = font.getmask2(text, mode="L", anchor="ls")
    ink = np.frombuffer(bytes(mask), np.uint8).reshape(mask.size[1], mask.size[0])
    return ink, float(-offset[1])


def advance(text: str, face: str, height: float) -> float:
    """How far `text` moves the pen, pixels."""
    return float(_font(_having(text, face), max(4, round(height / DIGIT_SHARE))).getlength(text))


def _having(text: str, face: str) -> str:
    """`face`, or one that has `text` where it lacks it."""
    return face if text.isascii() or face in WIDE_FACES else "DejaVuSans"


@cache
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl

    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
