"""Ruled lines, page edges and tables: what is long, straight and joined to the writing, taken out from under it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph
from edgeproof.page.geometry import MAX_DIGIT_ASPECT, Boxes
from edgeproof.page.ink import binarize
from edgeproof.page.ink.picture import scalar
from edgeproof.support.opencv import cv2

MIN_RULED_LINE_SHARE = 0.15  # of the picture's longer side: so wide and flat a piece has a line in it
MIN_LINE_RUN_SHARE = 0.1  # of that side: a straight run this long is a line, a shorter one may be a stroke
MIN_LINE_ELONGATION = 6  # length over thickness of such a run; what is broader is a shadow or a table
HOUGH_SIDE_PX = 256  # longest side of the picture in which the direction of lines is found
MAX_LINED_SHARE = (
    0.35  # of that picture; where lines would cover more, between them is no paper, and no direction in it
)
MIN_BROKEN_LINE_PIECES = 12  # slivers; as many 1s and minus signs only cost the time to look


def is_line(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which boxes (N, 4) in a picture of `shape` are of ruled lines, grids and page edges.

    They run from border to border, or meet the border and are longer than half the picture, as no character is, or are wide
    and flat: a line that ends on the page, and what is written on it.
    """
    x, y, width, height = boxes.T
    if boxes[:, 2:].max(initial=0) <= min(MIN_RULED_LINE_SHARE * max(shape), min(shape) / 2):
        return np.zeros(len(boxes), np.bool_)  # as on most pages
    left, top = x <= 1, y <= 1
    right, bottom = x + width >= shape[1] - 1, y + height >= shape[0] - 1
    long = 2 * np.maximum(width, height) > max(shape)
    flat = (width > MIN_RULED_LINE_SHARE * max(shape)) & (width > MAX_DIGIT_ASPECT * height)  # upright it may be a 1
    found: NDArray[np.bool_] = flat | (left & right) | (top & bottom) | (long & (left | right | top | bottom))
    return found


def has_broken_lines(boxes: Boxes) -> bool:
    """Whether so many of the boxes (N, 4) are slivers that they may be pieces of pale lines, none of them long enough."""
    _, _, width, height = boxes.T
    slivers = np.maximum(width, height) > MAX_DIGIT_ASPECT * np.minimum(width, height)
    return int(np.count_nonzero(slivers)) >= MIN_BROKEN_LINE_PIECES


def remove_lines(page: binarize.Page, mask: Any, lined: Any | None = None) -> tuple[binarize.Page, Any] | None:
    """Page and ink mask (uint8 0/255) without lines; None when there are none.

    lined: the part of `mask` (uint8 0/255) that lies in pieces which `is_line`, writing that meets them included; it goes,
    and the writing is kept. None where no piece is one.

    Printed lines are mostly paler than ink: then they ask for a higher threshold, found from the ink beside them. At the
    level of ink they may have fallen to pieces, at the level where the paper ends they are whole. Lines as dark as the ink
    are taken out by their straightness, and the strokes that cross them are bridged.
    """
    lines = _straight(cv2.compare(page.ink, scalar(page.clear), cv2.CMP_GE))
    dark = lines if lined is None else _straight(lined)
    bare = _without_pale(page, cv2.bitwise_or(lines, dark), np.zeros_like(mask) if lined is None else lined)
    if bare is not None or lined is None:
        return bare
    rest = cv2.bitwise_and(mask, cv2.bitwise_not(lined))
    return page, cv2.bitwise_or(rest, _crossing(lined, dark)) if cv2.countNonZero(dark) else mask


def _without_pale(page: binarize.Page, lines: Any, lined: Any) -> tuple[binarize.Page, Any] | None:
    """Page and ink mask at the edge level of the ink beside `lines`; in `lined` only what is darker than that is ink.

    None where there are no lines, or they are as dark as the ink.
    """
    if not cv2.countNonZero(lines):
        return None
    off = cv2.bitwise_not(cv2.dilate(lines, np.ones((3, 3), np.uint8)))
    bare = replace(page, edge=binarize.edge_level(cv2.bitwise_and(page.ink, off), page.clear))
    if float(np.median(page.ink[lines > 0])) >= binarize.PALE_EDGE_SHARE * bare.edge:
        return None
    beside = cv2.bitwise_and(cv2.bitwise_and(binarize.ink_mask(bare), off), cv2.bitwise_not(lined))
    return bare, cv2.bitwise_or(beside, cv2.compare(page.ink, scalar(bare.edge), cv2.CMP_GE))


def _crossing(lined: Any, lines: Any) -> Any:
    """The writing in `lined`, without its `lines`.

    A stroke that crosses a line lost as much as the line is thick: that is bridged, inside the line only.
    """
    strokes = cv2.bitwise_and(lined, cv2.bitwise_not(lines))
    gap = 2 * round(glyph.stroke_width(lines)) + 3
    bridged = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (gap, gap)))
    return cv2.bitwise_or(strokes, cv2.bitwise_and(bridged, lines))


def _straight(mask: Any) -> Any:
    """The pixels of `mask` on thin straight runs, in the direction of its longest line and across it."""
    # In a strip a line of the usual length has no room across, and along it the cost of a slanted one would grow with the square.
    length = max(9, min(int(MIN_LINE_RUN_SHARE * max(mask.shape)), *mask.shape))
    side = length // MIN_LINE_ELONGATION | 1
    broad = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    thin = cv2.bitwise_and(mask, cv2.bitwise_not(broad))
    spread = cv2.dilate(thin, np.ones((3, 3), np.uint8))  # a line of one pixel, on a slant, is a staircase
    along = _direction(thin)
    runs = (cv2.morphologyEx(spread, cv2.MORPH_OPEN, _line(length, angle)) for angle in (along, along + np.pi / 2))
    return cv2.bitwise_and(cv2.bitwise_or(*runs), thin)


def _direction(mask: Any) -> float:
    """The direction of the longest straight line, radians clockwise from horizontal."""
    reduction = max(1, min(max(mask.shape) // HOUGH_SIDE_PX, *mask.shape))  # a strip keeps a row
    small = cv2.resize(mask, None, fx=1 / reduction, fy=1 / reduction, interpolation=cv2.INTER_AREA)
    small = cv2.compare(small, 255 / (2 * reduction), cv2.CMP_GE)  # half of what a line of one pixel leaves
    if cv2.countNonZero(small) > MAX_LINED_SHARE * small.size:
        return 0.0
    lines = cv2.HoughLines(small, 1, np.pi / 360, max(small.shape) // 4)
    return 0.0 if lines is None else float(lines[0].ravel()[1]) - np.pi / 2


def _line(length: int, angle: float) -> NDArray[np.uint8]:
    """A structuring element: a line of `length` pixels in the direction `angle`."""
    half_x, half_y = (round(abs(part) * length / 2) for part in (np.cos(angle), np.sin(angle)))
    element = np.zeros((2 * half_y + 1, 2 * half_x + 1), np.uint8)
    falls = np.cos(angle) * np.sin(angle) >= 0
    start, end = ((0, 0), (2 * half_x, 2 * half_y)) if falls else ((0, 2 * half_y), (2 * half_x, 0))
    return cv2.line(element, start, end, 1)  # type: ignore[return-value]
