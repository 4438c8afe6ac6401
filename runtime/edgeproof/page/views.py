"""Ways to look at a page: as it lies, turned by quarters, askew. Others than the first are tried where that one reads badly.

A view says how its picture is made from the frame, and what things that were found already would look like in it: so the model
tells which view is worth reading, before anything is looked for in its picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph, scores
from edgeproof.glyph import Image
from edgeproof.page.context.deskew import deskewed
from edgeproof.page.geometry import Box
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.segment import Segmentation
from edgeproof.support.opencv import cv2

NO_DIGIT_COSTS = 2.0  # of clearness, as much as a digit with the probability 0.96 adds
SKEW_DEG = 15.0  # to either side: a page that lies less askew is read as it is, and few lie more


@dataclass(frozen=True)
class Seen:
    """Candidates as the model sees them.

    glyphs: uint8 (N, 28, 28). probabilities: (N, classes), the model's. digit: (N,), that of the likeliest digit.
    """

    candidates: tuple[Candidate, ...]
    glyphs: Image
    probabilities: NDArray[np.float32]
    digit: NDArray[np.float32]

    def __add__(self, other: Seen) -> Seen:
        return Seen(
            self.candidates + other.candidates,
            np.concatenate([self.glyphs, other.glyphs]),
            np.concatenate([self.probabilities, other.probabilities]),
            np.concatenate([self.digit, other.digit]),
        )

    def only(self, chosen: NDArray[np.int64]) -> Seen:
        candidates = tuple(self.candidates[i] for i in chosen.tolist())
        return Seen(candidates, self.glyphs[chosen], self.probabilities[chosen], self.digit[chosen])


@dataclass(frozen=True)
class View:
    """A way to look at a frame.

    picture: what is looked at, from the frame or another picture of it, uint8 BGR or grey. preview: the glyphs, uint8
    (N, 28, 28), of what was seen in the frame as it lies, were it seen here. turn: degrees, clockwise, by which the picture is
    turned against the frame: 0, 90, 180 or 270. skew: degrees, clockwise, by which the page is askew in the picture; None: as
    its rows say.
    """

    picture: Callable[[Any], Any]
    preview: Callable[[Seen], Image]
    turn: int = 0
    skew: float | None = None

    def in_frame(self, box: Box, shape: Sequence[int]) -> Box:
        """A box of the picture, in pixels of the frame, which is of `shape` (H, W, …)."""
        x, y, width, height = box
        down, across = shape[:2]
        if self.turn == 90:
            return y, down - x - width, height, width
        if self.turn == 180:
            return across - x - width, down - y - height, width, height
        if self.turn == 270:
            return across - y - height, x, height, width
        return box

    def candidates_in_frame(self, candidates: Sequence[Candidate], shape: Sequence[int]) -> tuple[Candidate, ...]:
        if not self.turn:
            return tuple(candidates)
        return tuple(replace(each, box=self.in_frame(each.box, shape)) for each in candidates)

    def found_in_frame(self, found: Segmentation, shape: Sequence[int]) -> Segmentation:
        """What was found in the picture, boxed where it is in the frame."""
        if not self.turn:
            return found
        dropped = tuple(replace(each, box=self.in_frame(each.box, shape)) for each in found.dropped)
        return replace(found, candidates=self.candidates_in_frame(found.candidates, shape), dropped=dropped)


AS_IT_LIES = View(lambda frame: frame, lambda seen: seen.glyphs)
TURNED = (
    View(lambda frame: cv2.rotate(frame, cv2.ROTATE_90_CLOCKWISE), lambda seen: _turned(seen.glyphs, 1), 90),
    View(lambda frame: cv2.rotate(frame, cv2.ROTATE_180), lambda seen: _turned(seen.glyphs, 2), 180),
    View(lambda frame: cv2.rotate(frame, cv2.ROTATE_90_COUNTERCLOCKWISE), lambda seen: _turned(seen.glyphs, 3), 270),
)


def askew(view: View) -> tuple[View, ...]:
    """The same picture, were the page askew in it to either side."""
    return tuple(replace(view, preview=partial(_deskewed, skew=skew), skew=skew) for skew in (-SKEW_DEG, SKEW_DEG))


def _turned(glyphs: Image, quarters: int) -> Image:
    """Clockwise. A glyph that is turned is the glyph of what is turned, but for the rounding of its middle to whole pixels."""
    return np.ascontiguousarray(np.rot90(glyphs, -quarters, axes=(1, 2)))


def _deskewed(seen: Seen, *, skew: float) -> Image:
    return candidate_glyphs(seen.candidates, skew)


def candidate_glyphs(candidates: Sequence[Candidate], skew: float | None) -> Image:
    """uint8 (N, 28, 28), on a page that is askew by so many degrees, clockwise."""
    return glyph.make_glyphs([deskewed(each.ink, skew) if skew else each.ink for each in candidates])


@dataclass(frozen=True)
class Look:
    """What a view shows of a frame.

    found: its candidates. seen: of these, the best path through each blob of ink. skew: degrees, clockwise, by which the page is
    askew; None where no rows tell. room: for how many more candidates there is some. segment_s: seconds spent on finding.
    """

    view: View
    found: Segmentation
    seen: Seen
    skew: float | None
    room: int
    segment_s: float

    @property
    def net_clearness(self) -> float:
        """That of all that was found, less what is no digit: of two pictures of a page the one with the larger is better."""
        digit = self._digit()
        return float(clearness(digit).sum()) - NO_DIGIT_COSTS * np.count_nonzero(digit < scores.EVEN)

    def clearness(self) -> NDArray[np.float64]:
        """`clearness` of the least clear part of each blob of ink, (N,)."""
        return clearness(self._digit())

    def _digit(self) -> NDArray[np.float32]:
        """The probability of the least likely part of each blob of ink, (N,)."""
        blobs = np.array([candidate.blob for candidate in self.seen.candidates], np.int64)
        least = np.ones(blobs.max(initial=-1) + 1, np.float32)
        np.minimum.at(least, blobs, self.seen.digit)
        return least


def clearness(digit: NDArray[np.float32]) -> NDArray[np.float64]:
    """How clearly things are digits, (N,) from the probability of each: its nines (0.9 has one, 0.99 has two), squared.

    On a page that stands on its head, or of letters, half may look like digits; as surely as digits do, next to nothing.
    """
    doubt = np.maximum(1 - digit.astype(np.float64), np.finfo(np.float32).eps)
    nines: NDArray[np.float64] = -np.log10(doubt)
    return nines**2
