"""Where in a picture something is written: from a frame to one crop of ink for each thing that could be a digit.

Nothing here knows what a digit looks like; that is the model's business. What is dropped is what no digit can be: a
blob without strokes, a speck beside characters many times its size, a line that runs through the page, a minus sign.
Sizes are measured in the page's own strokes and characters, not in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import paper, ruling

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # x, y, width, height
Boxes = NDArray[np.int64]  # (N, 4) of the same

WORKING_PIXELS = 4_000_000  # a larger picture is averaged down: on a 12-megapixel page a pen stroke is 20 pixels wide
MAX_PIECES = 4000  # connected pieces of ink that are looked at, the largest first
CHUNK = 32  # characters compared with their neighbours at once, from left to right
MAX_CANDIDATES = 1000  # a page full of digits has fewer, a picture of grass has more
CROWDED = 0.3  # share of a picture that is dark: handwriting leaves more paper, also in squares; a scene does not
FEW = 3  # pieces: a tight crop of a digit or two may be that full
NO_PAGE = 0.45  # share from which there is no paper at all: grass, noise
SMALLEST = 6  # height that a digit must have, working pixels: less tells no 3 from an 8
WEAK = 0.6  # share of the edge level down to which a stroke is followed once it is one: pressure varies within a digit
SPECK = 0.25  # of the size of a character beside it: a dot, a comma, dirt
DOT = 0.5  # share of its box that a dot fills
FLAT = 2.5  # width over height of what no digit is: a minus sign, an underline
SOLID = 0.75  # share of its box that a blob fills (a disc: 0.79) and strokes do not, unless it is a straight one
FRAGMENT = 0.6  # of the height of the character beside it: a smaller piece above or below may be the bar of its 5
FRAGMENT_GAP = 0.2  # of that character's height
HALF = 0.8  # of the height of both together: two pieces, each lower, that all but touch are one character
ALL_BUT = 0.06  # of the page's typical height
TALLEST = 1.35  # of that height, or width: what pieces may add up to
TOUCHING = 1.35  # width over height of two digits in one; a wide 2 reaches 1.2


@dataclass(frozen=True)
class Candidate:
    """Something written that could be one digit.

    box: x, y, width, height in pixels of the frame.
    ink: uint8 (h, w), 0 = paper, 255 = full ink; at the working resolution, which is the frame's up to 4 megapixels.
    """

    box: Box
    ink: Image


@dataclass(frozen=True)
class Segmentation:
    """candidates: by their top edge. left_off: how many more there were beyond MAX_CANDIDATES."""

    candidates: tuple[Candidate, ...] = ()
    left_off: int = 0


def segment(frame: Image) -> Segmentation:
    """The candidates in a frame, uint8 BGR (H, W, 3) or grey (H, W), of any size from 1×1 up."""
    import cv2

    grey: Any = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if frame.ndim == 3 else frame
    if min(grey.shape) < SMALLEST:
        return Segmentation()
    reduction = max(1, int(np.ceil((grey.size / WORKING_PIXELS) ** 0.5)))
    if reduction > 1:
        size = (max(1, grey.shape[1] // reduction), max(1, grey.shape[0] // reduction))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    page = paper.flatten(grey)
    if page is None:
        return Segmentation()
    page, pieces, boxes = _pieces(page)
    found: list[tuple[Box, Image]] = []
    for group in _characters(pieces, boxes):
        box = _union(boxes[group])
        ink = _ink(page, [contour for i in group for contour in pieces[i]], box)
        if ink is not None:
            found += _split(box, ink)
    found.sort(key=lambda part: part[0][2] * part[0][3], reverse=True)
    kept = sorted(found[:MAX_CANDIDATES], key=lambda part: (part[0][1], part[0][0]))
    scale = (frame.shape[1] / grey.shape[1], frame.shape[0] / grey.shape[0])
    return Segmentation(
        tuple(Candidate(_scaled(box, scale), ink) for box, ink in kept), max(0, len(found) - MAX_CANDIDATES)
    )


def _pieces(page: paper.Page) -> tuple[paper.Page, list[list[Any]], Boxes]:
    """Connected pieces of ink: the contours of each (its outline, then its holes) and their boxes (N, 4).

    Returns the page too, because what is ink on a ruled page is only known when the lines are out of it.
    """
    import cv2

    level: Any = max(WEAK * page.edge, page.clear)
    mask: Any = cv2.compare(page.ink, level, cv2.CMP_GE)
    cover = cv2.countNonZero(mask) / mask.size
    if cover > NO_PAGE:
        return page, [], np.zeros((0, 4), np.int64)
    pieces, boxes = _connected(mask)
    if cover > CROWDED and len(pieces) > FEW:
        return page, [], np.zeros((0, 4), np.int64)
    long = np.flatnonzero(ruling.is_furniture(boxes, mask.shape))
    if long.size == 0:
        return page, pieces, boxes
    furniture: Any = np.zeros_like(mask)
    for i in long:
        cv2.drawContours(furniture, pieces[i], -1, 255, cv2.FILLED)
    page, mask = ruling.erase(page, mask, cv2.bitwise_and(furniture, mask))
    pieces, boxes = _connected(mask)
    keep = np.flatnonzero(~ruling.is_furniture(boxes, mask.shape))
    return page, [pieces[i] for i in keep], boxes[keep]


def _connected(mask: Any) -> tuple[list[list[Any]], Boxes]:
    import cv2

    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return [], np.zeros((0, 4), np.int64)
    links = hierarchy[0]  # per contour: next, previous, first hole, the outline that it is a hole of
    outer = [int(i) for i in np.flatnonzero(links[:, 3] < 0) if len(contours[i]) >= 2]  # one pixel is none
    if len(outer) > MAX_PIECES:
        outer = sorted(outer, key=lambda i: len(contours[i]), reverse=True)[:MAX_PIECES]
    boxes = np.array([cv2.boundingRect(contours[i]) for i in outer], np.int64).reshape(-1, 4)
    large = np.flatnonzero(np.maximum(boxes[:, 2], boxes[:, 3]) >= SMALLEST // 2)
    pieces = []
    for i in large:
        piece, hole = [contours[outer[i]]], int(links[outer[i], 2])
        while hole >= 0:
            piece.append(contours[hole])
            hole = int(links[hole, 0])
        pieces.append(piece)
    return pieces, boxes[large]


def _characters(pieces: Sequence[Sequence[Any]], boxes: Boxes) -> list[list[int]]:
    """Which pieces make up one character each: a character's own broken strokes joined, specks beside it dropped."""
    if len(boxes) == 0:
        return []
    order = np.argsort(boxes[:, 0])
    x, y, width, height = boxes[order].T
    typical, widest = _typical(height), int(width.max())
    host = list(range(len(order)))  # the character that a piece belongs to, both as places in `order`
    speck = np.zeros(len(order), bool)
    for start in range(0, len(order), CHUNK):
        # All mains of a chunk against all pieces near it, as arrays (mains, parts).
        mains = slice(start, start + CHUNK)
        near = slice(
            int(np.searchsorted(x, x[start] - typical - widest)),
            int(np.searchsorted(x, (x[mains] + width[mains]).max() + typical)),
        )
        mx, my, mw, mh = (side[mains, None] for side in (x, y, width, height))
        px, py, pw, ph = (side[None, near] for side in (x, y, width, height))
        scale = np.minimum(mh, typical)  # a tall bracket says nothing about the digits beside it
        gap_x = np.maximum(px, mx) - np.minimum(px + pw, mx + mw)
        gap_y = np.maximum(py, my) - np.minimum(py + ph, my + mh)
        gap = np.maximum(gap_x, gap_y)
        tall, wide = ph + mh + gap_y, pw + mw + gap_x
        hosts = (mh >= 2 * SMALLEST) & (np.maximum(tall, wide) <= TALLEST * typical)
        # The bar of a 5 lies over or under the rest of it.
        bar = hosts & (ph <= FRAGMENT * scale) & (-gap_x >= 0.4 * np.minimum(pw, mw)) & (gap_y <= FRAGMENT_GAP * scale)
        # The two strokes of a 4, or of a broken 0, all but touch, and neither is as tall as both together.
        halves = hosts & (np.maximum(ph, mh) <= HALF * tall) & (gap <= ALL_BUT * typical) & (wide <= tall)
        for row, column in np.argwhere(bar | halves):
            main, part = start + int(row), near.start + int(column)
            reach = FRAGMENT_GAP * scale[row, 0] if bar[row, column] else ALL_BUT * typical
            if main == part or host[part] != part or host[main] == part:
                continue
            if _distance(pieces[order[part]][0], pieces[order[main]][0]) <= reach:
                host[part] = host[main]
        beside = (mh >= 2 * SMALLEST) & (np.maximum(pw, ph) < SPECK * scale) & (gap <= scale)
        for column in np.flatnonzero(beside.any(axis=0)):
            part = near.start + int(column)
            speck[part] = _is_dot(pieces[order[part]], boxes[order[part]])
    groups: dict[int, list[int]] = {}
    for part, main in enumerate(host):
        if main != part or not speck[part]:
            groups.setdefault(main, []).append(int(order[part]))
    return [group for group in groups.values() if _may_be_digit(_union(boxes[group]))]


def _typical(heights: NDArray[np.int64]) -> float:
    """The height of the page's characters: half of all ink height is in pieces at least this high, so specks do not count."""
    ordered = np.sort(heights)
    share = np.cumsum(ordered)
    return float(ordered[np.searchsorted(share, share[-1] / 2)])


def _is_dot(piece: Sequence[Any], box: NDArray[np.int64]) -> bool:
    """Whether a small piece is a filled dot, and no small digit: it has no hole and fills its box."""
    import cv2

    return len(piece) == 1 and cv2.contourArea(piece[0]) > DOT * (box[2] - 1) * (box[3] - 1)


def _distance(one: Any, other: Any) -> float:
    """The shortest way between two outlines, pixels: from the corners of either to the sides of the other."""
    import cv2

    return min(
        -cv2.pointPolygonTest(outline, (float(x), float(y)), True)
        for corners, outline in ((one, other), (other, one))
        for x, y in corners[:, 0]
    )


def _may_be_digit(box: Box) -> bool:
    return box[3] >= SMALLEST and box[2] < FLAT * box[3]


def _ink(page: paper.Page, contours: Sequence[Any], box: Box) -> Image | None:
    """The ink of one character alone, without what else lies in its box; None when it is too pale or has no strokes."""
    import cv2

    x, y, width, height = box
    own: Any = np.zeros((height, width), np.uint8)
    cv2.drawContours(own, contours, -1, 255, cv2.FILLED, offset=(-x, -y))
    solid = cv2.countNonZero(own)
    if solid > SOLID * width * height and max(width, height) < 2.5 * min(width, height):
        return None
    own = cv2.dilate(own, np.ones((3, 3), np.uint8))  # the pale rim of a stroke is ink too
    ink: Any = cv2.bitwise_and(page.ink[y : y + height, x : x + width], own)
    peak = int(ink.max())
    if peak < page.edge:
        return None
    stretched: Any = cv2.convertScaleAbs(ink, alpha=255 / peak)
    return stretched  # type: ignore[no-any-return]


def _split(box: Box, ink: Image) -> list[tuple[Box, Image]]:
    """Touching digits cut where the least ink is, near where equal widths would put the cut."""
    x, y, width, height = box
    count = round(width / (0.8 * height)) if width > TOUCHING * height else 1
    if count < 2:
        return [(box, ink)]
    profile = ink.sum(axis=0, dtype=np.int64)
    step = width / count
    cuts = [0]
    for i in range(1, count):
        low, high = int((i - 0.3) * step), int((i + 0.3) * step) + 1
        cuts.append(low + int(profile[low:high].argmin()))
    cuts.append(width)
    parts = []
    for left, right in pairwise(cuts):
        part = ink[:, left:right]
        rows = np.flatnonzero(part.any(axis=1))
        if rows.size and right - left >= 2:
            top, bottom = int(rows[0]), int(rows[-1]) + 1
            parts.append(((x + left, y + top, right - left, bottom - top), part[top:bottom]))
    return [part for part in parts if _may_be_digit(part[0])]


def _union(boxes: Boxes) -> Box:
    if len(boxes) == 1:
        return tuple(boxes[0].tolist())
    left, top = int(boxes[:, 0].min()), int(boxes[:, 1].min())
    right, bottom = int((boxes[:, 0] + boxes[:, 2]).max()), int((boxes[:, 1] + boxes[:, 3]).max())
    return left, top, right - left, bottom - top


def _scaled(box: Box, scale: tuple[float, float]) -> Box:
    x, y, width, height = box
    return round(x * scale[0]), round(y * scale[1]), max(1, round(width * scale[0])), max(1, round(height * scale[1]))
