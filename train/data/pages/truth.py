"""What a drawn page holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Kind = Literal["digit", "letter", "sign", "print", "line", "edge", "texture", "scribble"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order of their numbers: `DrawnPage.mask` holds the number + 1."""


@dataclass(frozen=True)
class Thing:
    """One thing on a page.

    kind: "digit", "letter", "sign": one character by hand. "print": one printed character, a digit too. "line": a ruling, a
    border, one line each. "edge": of a sheet. "texture": all that is beyond the sheet, or a stain. "scribble": crossed out,
    drawn, or a character of which most is hidden or beyond the picture.
    text: the character, "" for what has none. box: x, y, width, height of its visible ink, picture pixels.
    """

    kind: Kind
    text: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class DrawnPage:
    """A picture and its truth.

    picture: uint8 BGR (H, W, 3). things: on each line in writing order. mask: uint8 (H, W), 0 where nothing is, else the
    number of the kind + 1 of the ink that is visible there. turn: degrees (0, 90, 180, 270) clockwise by which the page was
    turned: turned back by as much, its writing is upright. layout: one of `draw.LAYOUTS`.
    """

    picture: NDArray[np.uint8]
    things: tuple[Thing, ...]
    mask: NDArray[np.uint8]
    turn: int
    layout: str

    def labels(self, name: str) -> dict[str, Any]:
        """One row of a labels file; `name` is the picture's file name."""
        things = [{"kind": thing.kind, "text": thing.text, "bbox": list(thing.box)} for thing in self.things]
        height, width = self.mask.shape
        return {
            "image": name,
            "width": width,
            "height": height,
            "layout": self.layout,
            "turn": self.turn,
            "things": things,
        }
