"""Sheets of paper that lie on something darker, or are held up before it: what is beyond their edges is no writing.

A sheet is a bright region without large dents that its surroundings leave suddenly, nearly all around or up to the picture's
border. It is looked for in a small picture from which writing is smoothed away, at all levels of brightness, for no one level
parts every sheet from its table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeproof.glyph import Image
from edgeproof.page.ink.picture import nearest_inside, scalar, smaller, square
from edgeproof.support.opencv import cv2

WRITING_SHARE = 0.1  # of the shorter side of the picture: what is narrower on a sheet is writing
MIN_SHEET_SHARE = 0.05  # of the picture
MIN_CONTRAST = 0.15  # by how much the surroundings are darker than a sheet, as a share of its brightness
MIN_CLEARNESS = 0.7  # share of a sheet's hull that it fills, times the share of its outline with that contrast


@dataclass(frozen=True)
class _Sheet:
    """inside: uint8 0/1 (h, w), its hull. clearness: 0..1.

    height: by how much it is brighter than what is around it, summed along its outline: of two that overlap the better has more.
    """

    inside: Any
    clearness: float
    height: float


def without_surroundings(frame: Image) -> Image | None:
    """A frame, uint8 BGR (H, W, 3) or grey (H, W), in which the paper of its sheets goes on beyond their edges.

    None where no sheet stands out from something darker.
    """
    grey = smaller(frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))  # type: ignore[arg-type]
    paper = _without_writing(grey)
    if paper.min() >= (1 - MIN_CONTRAST) * paper.max():
        return None
    outside = np.ones(paper.shape, np.uint8)
    for sheet in sorted(_sheets(paper), key=lambda sheet: sheet.height, reverse=True):
        if (outside[sheet.inside > 0] > 0).all():
            outside[sheet.inside > 0] = 0
    if outside.all():
        return None
    return _going_on(frame, paper, cv2.dilate(outside, square(5)))


def _without_writing(grey: Any) -> Any:
    side = max(3, round(WRITING_SHARE * min(grey.shape))) | 1
    return cv2.morphologyEx(cv2.medianBlur(grey, side), cv2.MORPH_CLOSE, square(side))


def _sheets(paper: Any) -> Iterator[_Sheet]:
    """Whatever may be a sheet, at every level of brightness."""
    falls = cv2.morphologyEx(paper, cv2.MORPH_GRADIENT, square(3))
    for level in np.linspace(int(paper.min()), int(paper.max()), 24)[1:].tolist():
        contours, _ = cv2.findContours(
            cv2.compare(paper, scalar(level), cv2.CMP_GE), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        for contour in contours:
            if cv2.contourArea(contour) >= MIN_SHEET_SHARE * paper.size:
                sheet = _sheet(contour, paper, falls)
                if sheet.clearness >= MIN_CLEARNESS:
                    yield sheet


def _sheet(contour: Any, paper: Any, falls: Any) -> _Sheet:
    """What lies in an outline. falls: by how many levels `paper` changes from each pixel to the next (h, w)."""
    hull = cv2.convexHull(contour)
    inside = np.zeros(falls.shape, np.uint8)
    cv2.drawContours(inside, [hull], -1, 1, cv2.FILLED)
    x, y = contour[:, 0].T
    height, width = falls.shape
    within = (x > 1) & (y > 1) & (x < width - 2) & (y < height - 2)
    x, y = x[within], y[within]
    if not x.size:
        return _Sheet(inside, 0.0, 0.0)
    full = cv2.contourArea(contour) / max(1.0, cv2.contourArea(hull))
    edge = falls[y, x] * (falls[y, x] >= MIN_CONTRAST * paper[y, x])
    return _Sheet(inside, full * float((edge > 0).mean()), full * float(edge.sum()))


def _going_on(frame: Image, paper: Any, outside: Any) -> Image:
    """`frame` with the nearest paper of a sheet in each place that is `outside`, uint8 0/1 (h, w) of the small picture."""
    height, width = frame.shape[:2]
    small = cv2.resize(frame, paper.shape[::-1], interpolation=cv2.INTER_AREA)
    small = (
        _without_writing(small) if frame.ndim == 2 else cv2.merge([_without_writing(part) for part in cv2.split(small)])
    )
    paper_beyond = cv2.blur(nearest_inside(small, outside), (9, 9))
    going_on = cv2.resize(paper_beyond, (width, height), interpolation=cv2.INTER_LINEAR)
    beyond = cv2.resize(outside, (width, height), interpolation=cv2.INTER_NEAREST)
    kept = frame.copy()
    cv2.copyTo(going_on, beyond, kept)
    return kept
