"""Ruled lines, tables and boxes taken out from under the writing, and the strokes that cross them kept whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.geometry import MAX_DIGIT_ASPECT, MIN_SAMPLE, Boxes
from edgeproof.page.ink import binarize, ruling
from edgeproof.page.ink.lines import Drawn, Ruling, drawn
from edgeproof.page.ink.ruling import MIN_LINE_SHARE
from edgeproof.support.opencv import cv2


def is_line(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which boxes (N, 4) in a picture of `shape` are of ruled lines, grids and page edges.

    They run from border to border, or meet the border and are longer than half the picture, as no character is, or are wide
    and flat: a line that ends on the page, and what is written on it.
    """
    if boxes[:, 2:].max(initial=0) <= min(MIN_LINE_SHARE * max(shape), min(shape) / 2):
        return np.zeros(len(boxes), np.bool_)  # as on most pages
    x, y, width, height = boxes.T
    left, top = x <= 1, y <= 1
    right, bottom = x + width >= shape[1] - 1, y + height >= shape[0] - 1
    long = 2 * np.maximum(width, height) > max(shape)
    flat = (width > MIN_LINE_SHARE * max(shape)) & (width > MAX_DIGIT_ASPECT * height)  # upright it may be a 1
    found: NDArray[np.bool_] = flat | (left & right) | (top & bottom) | (long & (left | right | top | bottom))
    return found


def is_edge(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which boxes (N, 4) in a picture of `shape` are slivers along its border: the edge of a sheet or a table, cut off by it."""
    corner, size = boxes[:, :2], boxes[:, 2:]
    at_border = (corner <= 1) | (corner + size >= (shape[1] - 1, shape[0] - 1))
    along_it = size[:, ::-1] > MAX_DIGIT_ASPECT * size
    found: NDArray[np.bool_] = np.any(at_border & along_it, axis=1)
    return found


def has_broken_lines(boxes: Boxes) -> bool:
    """Whether most of the boxes (N, 4) are slivers: they may be pieces of pale lines, none of them long enough."""
    _, _, width, height = boxes.T
    slivers = np.maximum(width, height) > MAX_DIGIT_ASPECT * np.minimum(width, height)
    return 2 * int(np.count_nonzero(slivers)) > max(len(boxes), 2 * MIN_SAMPLE)


def lines_of(
    page: binarize.Page, mask: Any, boxes: Boxes, *, faint: bool = True, shortest: float | None = None
) -> Ruling | None:
    """The lines of a page with the ink `mask`, uint8 0/255; None where there are none. `boxes`, `shortest`: as for `ruling.find`.

    Printed lines are mostly paler than ink: at its level they may have fallen to pieces, at the level where the paper ends they
    are whole; where `faint`, that one is looked at too.
    """
    return ruling.find([mask, _faint(page)] if faint else [mask], boxes, shortest)


def _faint(page: binarize.Page) -> Any:
    """All that is darker than paper."""
    return binarize.from_level(page.ink, page.clear)


@dataclass(frozen=True)
class Bare:
    """A page without its lines. mask: its ink, uint8 0/255 (H, W). lined: where the lines were, the same."""

    page: binarize.Page
    mask: Any
    lined: Any

    def shreds(self, pieces: Sequence[Sequence[Any]]) -> NDArray[np.bool_]:
        """Which pieces of ink, (N,), given as contours, lie all within a line: they are what is left of it."""
        if not pieces:
            return np.zeros(0, np.bool_)
        starts = np.cumsum([0, *(len(outline) for outline, *_ in pieces)])[:-1]
        columns, rows = np.concatenate([outline[:, 0] for outline, *_ in pieces]).T
        within: NDArray[np.bool_] = np.minimum.reduceat(self.lined[rows, columns], starts) > 0
        return within


def without(page: binarize.Page, found: Ruling) -> Bare:
    """A page without these lines.

    What is ink is decided by the strokes beside the lines: a printed grid is darker than pencil, and ruling paler than a pen.
    Where it is paler, what is darker in it is a stroke; else what goes through it.
    """
    off = cv2.bitwise_not(cv2.bitwise_or(*(lines.band(page.ink.shape) for lines in drawn(found))))
    edge = binarize.edge_level(cv2.bitwise_and(page.ink, off), page.clear)
    page = replace(page, edge=edge or page.edge)
    inked = binarize.ink_mask(page)
    lines = drawn(found, inked)
    bands = [each.band(page.ink.shape) for each in lines]
    lined = cv2.bitwise_or(*bands)
    level, pen = _level(page, lines), 2 * page.edge
    if level < binarize.PALE_EDGE_SHARE * pen:
        darker = max(page.edge, level / binarize.PALE_EDGE_SHARE)
        kept = cv2.bitwise_and(cv2.bitwise_and(inked, lined), binarize.from_level(page.ink, darker))
    else:
        kept = _through(inked, lines, bands)
    strokes = cv2.bitwise_or(cv2.bitwise_and(inked, cv2.bitwise_not(lined)), kept)
    return Bare(page, _mended(strokes, inked, lines, bands), lined)


def _level(page: binarize.Page, lines: Sequence[Drawn]) -> float:
    """The level of ink in the middle of the lines."""
    x, y = (
        np.concatenate(each, axis=None).round().astype(np.intp)
        for each in zip(*((o.x, o.y) for o in lines), strict=True)
    )
    return float(np.median(page.ink[np.clip(y, 0, page.ink.shape[0] - 1), np.clip(x, 0, page.ink.shape[1] - 1)]))


def _through(inked: Any, lines: Sequence[Drawn], bands: Sequence[Any]) -> Any:
    """The ink in the bands of level and upright lines that goes farther across them than they are thick."""
    kept = np.zeros_like(inked)
    for own, band, others, upright in zip(lines, bands, bands[::-1], (False, True), strict=True):
        rest = cv2.bitwise_and(inked, cv2.bitwise_not(others))
        for thick in np.unique(own.thick).tolist():
            across = np.ones((1, thick + 2) if upright else (thick + 2, 1), np.uint8)
            alike = own.thick == thick
            there = band if alike.all() else own.band(inked.shape, alike)
            through = cv2.bitwise_and(cv2.morphologyEx(rest, cv2.MORPH_OPEN, across), there)
            kept = cv2.bitwise_or(kept, through)
    return kept


def _mended(strokes: Any, inked: Any, lines: Sequence[Drawn], bands: Sequence[Any]) -> Any:
    """The strokes whole where level and upright lines cross: there neither tells how far a stroke goes across the other."""
    side = int(max(own.thick.max(initial=1) for own in lines)) + 4
    closed = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return cv2.bitwise_or(strokes, cv2.bitwise_and(cv2.bitwise_and(closed, inked), cv2.bitwise_and(*bands)))
