"""Where in a picture something is written: from a frame to one crop of ink for each thing that could be a digit.

Nothing here knows what a digit looks like; that is the model's business. What is dropped is what no digit can be: a
blob without strokes, a speck beside characters many times its size, a line that runs through the page, a minus sign.
Sizes are measured in the page's own strokes and characters, not in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from edgeproof.glyph import Image
from edgeproof.page.geometry import MAX_DIGIT_ASPECT, MIN_DIGIT_HEIGHT_PX, MIN_SAMPLE, Box, Boxes
from edgeproof.page.ink import binarize, frames, line_removal
from edgeproof.page.ink.lines import Ruling
from edgeproof.page.ink.margin import without_margin
from edgeproof.page.pieces import oversegment
from edgeproof.page.pieces.grouping import characters, large_text
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.table import Grid, grid_of
from edgeproof.support.opencv import cv2

_SQUARE = np.ones((3, 3), np.uint8)

WORKING_PIXELS = 4_000_000  # a larger picture is averaged down: on a 12-megapixel page a pen stroke is 20 pixels wide
MAX_WORKING_PIXELS = 16_000_000  # to so many, where that left a few things too small to tell a 3 from an 8
MAX_AVERAGINGS = 2  # of a picture whose tones are dots; more takes strokes
# What reading costs is bounded by the pixels: they pay for so much to look at.
MAX_CANDIDATES = 1000  # a page full of digits has fewer, a picture of grass has more
MIN_CANDIDATE_PX = 1000  # of a picture, per candidate
FREE_CANDIDATES = 150  # that a picture of any size has room for
PIECES_PER_CANDIDATE = 4  # connected pieces of ink that are looked at, the largest first
MAX_LOOKED_AT_SHARE = 4.0  # of a picture, that all candidates together cover: parts lie one over the other
FREE_LOOKED_AT_PX = 50_000  # that they cover in a picture of any size
MAX_STROKE_FILL = 0.75  # share of its box that is ink, of anything but one straight stroke; a disc fills 0.79


Kind = Literal["speck", "flat", "low", "solid", "pale"]


@dataclass(frozen=True)
class Dropped:
    """What is written but can be no digit. box: frame pixels. kind: why; `reason` says it in words."""

    box: Box
    kind: Kind

    @property
    def reason(self) -> str:
        return _REASONS[self.kind]


_REASONS: dict[Kind, str] = {
    "speck": "a speck beside a character",
    "flat": "wider than any digit: a minus sign, a line",
    "low": f"lower than {MIN_DIGIT_HEIGHT_PX} pixels",
    "solid": "a blob without strokes",
    "pale": "paler than the page's ink",
}


@dataclass(frozen=True)
class Segmentation:
    """candidates: by their top edge; of a blob of ink whose pieces may be a digit each, these too.

    left_off: how many more blobs there were, the smallest, for which there was no room. room: for how many more candidates
    there is some; pixels: how many more working pixels they may cover. dropped: what was never a candidate.
    grid: the table on the page, None where there is none.
    page, mask: the ink and its mask (uint8 0/255), at the working resolution, for whoever wants to look.
    nothing: why there is no candidate at all, in words; empty when there are some.
    """

    candidates: tuple[Candidate, ...] = ()
    left_off: int = 0
    room: int = 0
    pixels: int = 0
    dropped: tuple[Dropped, ...] = ()
    grid: Grid | None = None
    page: binarize.Page | None = field(default=None, repr=False)
    mask: Image | None = field(default=None, repr=False)
    nothing: str = ""


def segment(picture: Image, size: tuple[int, int] | None = None) -> Segmentation:
    """The candidates in a picture, uint8 BGR (H, W, 3) or grey (H, W), of any size from 1×1 up.

    size: height and width of the picture that this one was averaged from, in whose pixels boxes are then given.
    """
    grey: Any = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
    height, width = size or grey.shape
    if min(grey.shape) < MIN_DIGIT_HEIGHT_PX:
        return Segmentation(nothing=f"the picture is lower or narrower than {MIN_DIGIT_HEIGHT_PX} pixels")
    work = _work(grey)
    if work is None:
        return Segmentation(room=room_for(grey.size), nothing="nothing stands clear of the paper's noise")
    scale = (width / work.mask.shape[1], height / work.mask.shape[0])
    groups, specks = characters(work.pieces, work.boxes)
    dropped = [Dropped(work.box([i]), "speck") for i in specks]
    possible: list[tuple[Box, list[int]]] = []
    for group in groups:
        box = work.box(group)
        if kind := _no_digit(box, work.pieces, group):
            dropped.append(Dropped(box, kind))
        else:
            possible.append((box, group))
    blobs, no_ink, left_off = _blobs(work, possible)
    candidates = tuple(
        replace(part, box=_scaled(part.box, scale), blob=number) for number, parts in enumerate(blobs) for part in parts
    )
    return Segmentation(
        candidates,
        left_off,
        0 if left_off else room_for(work.mask.size) - len(candidates),
        pixels_for(work.mask.size) - sum(each.ink.size for each in candidates),
        tuple(Dropped(_scaled(each.box, scale), each.kind) for each in (*dropped, *no_ink)),
        work.grid and work.grid.scaled(scale),
        work.page,
        work.mask,
        work.nothing or ("" if blobs else "no connected piece of ink could be a digit"),
    )


def room_for(pixels: int) -> int:
    """How many candidates a picture of so many working pixels has room for."""
    return min(MAX_CANDIDATES, FREE_CANDIDATES + pixels // MIN_CANDIDATE_PX)


def pixels_for(pixels: int) -> int:
    """How many pixels all candidates of a picture of so many working pixels may cover together."""
    return round(MAX_LOOKED_AT_SHARE * pixels) + FREE_LOOKED_AT_PX


@dataclass(frozen=True)
class _Work:
    """A page with its connected pieces of ink: the contours of each (its outline, then its holes), their boxes (N, 4)."""

    page: binarize.Page
    mask: Any
    pieces: list[list[Any]]
    boxes: Boxes
    nothing: str = ""
    grid: Grid | None = None

    def box(self, group: Sequence[int]) -> Box:
        """Around all pieces of a group."""
        if len(group) == 1:
            return tuple(self.boxes[group[0]].tolist())
        boxes = self.boxes[group]
        left, top = boxes[:, 0].min(), boxes[:, 1].min()
        right, bottom = (boxes[:, 0] + boxes[:, 2]).max(), (boxes[:, 1] + boxes[:, 3]).max()
        return int(left), int(top), int(right - left), int(bottom - top)


def _work(grey: Any) -> _Work | None:
    """The ink of a picture at the working resolution; None when nothing stands clear of the paper's noise."""
    usual, finest = _reductions(grey.size)
    work = _reduced(grey, usual)
    return _reduced(grey, finest) if work and finest < usual and _tiny(work) >= MIN_SAMPLE else work


def _reductions(pixels: int) -> tuple[int, int]:
    """How many of a picture's pixels become one in each direction: as a rule, and where things are tiny."""
    usual, finest = (math.ceil((pixels / most) ** 0.5) for most in (WORKING_PIXELS, MAX_WORKING_PIXELS))
    return usual, finest


def _reduced(grey: Any, reduction: int) -> _Work | None:
    """The ink of a picture averaged down by `reduction` in each direction, and further where its tones are dots, as those of a
    dithered or screened picture and of a scan in black and white are."""
    if reduction > 1:
        size = (max(1, grey.shape[1] // reduction), max(1, grey.shape[0] // reduction))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    averagings = 0
    while True:
        page = binarize.flatten(without_margin(grey))
        if page is None:
            return None
        mask = binarize.ink_mask(page)
        if not binarize.is_grainy(mask):
            return _pieces(page, mask)
        if averagings == MAX_AVERAGINGS:
            return _Work(
                page, mask, [], np.zeros((0, 4), np.int64), "it is made of dots, and no strokes are left in them"
            )
        grey, averagings = binarize.averaged(grey), averagings + 1


def _tiny(work: _Work) -> int:
    """How many pieces of full ink are so low that a digit would be hard to read: on a finer picture they may be digits."""
    low = np.flatnonzero((work.boxes[:, 3] >= MIN_DIGIT_HEIGHT_PX // 2) & (work.boxes[:, 3] < 2 * MIN_DIGIT_HEIGHT_PX))
    ink, edge = work.page.ink, work.page.edge
    return sum(
        int(ink[y : y + height, x : x + width].max()) >= edge for x, y, width, height in work.boxes[low].tolist()
    )


def _pieces(page: binarize.Page, mask: Any) -> _Work:
    """The connected pieces of ink of a page without ruled lines and page edges, and the page that they are on; `mask` is its ink.

    What is ink on a ruled page is only known when the lines are out of it.
    """
    none = np.zeros((0, 4), np.int64)
    cover = cv2.countNonZero(mask) / mask.size
    if cover > binarize.MAX_DARK_SHARE:
        return _Work(page, mask, [], none, f"{cover:.0%} of the picture is dark: there is no paper")
    pieces, boxes = _found_in(mask)
    written = np.flatnonzero(~line_removal.is_line(boxes, mask.shape))
    finer = _with_small_text(page, mask, [pieces[i] for i in written], boxes[written])
    if finer is not None:
        page, mask = finer
        pieces, boxes = _connected(mask)
    work = _without_lines(_Work(page, mask, pieces, boxes))
    out = line_removal.is_line(work.boxes, mask.shape) | line_removal.is_edge(work.boxes, mask.shape)
    keep = [i for i, box in enumerate(work.boxes.tolist()) if not out[i] or _is_chain(box, [work.pieces[i]])]
    return replace(work, pieces=[work.pieces[i] for i in keep], boxes=work.boxes[keep])


def _without_lines(work: _Work) -> _Work:
    """A page without ruling and tables, and then without boxes, which stand alone; with the grid of a table."""
    grid: Grid | None = None
    single, several = frames.structure(work.pieces, work.boxes)
    lined = several | line_removal.is_line(work.boxes, work.mask.shape)
    if lined.any() or line_removal.has_broken_lines(work.boxes):
        for faint in (True, False):
            found = line_removal.lines_of(work.page, work.mask, work.boxes[lined], faint=faint)
            if found:
                work, grid = _without(work, found), grid_of(found)
                single, several = frames.structure(work.pieces, work.boxes)
                lined = several
            if not several.any():
                break  # else there still is a table: between its lines it is not quite white
    if single:
        work = _without(work, frames.sides(single, work.mask))
        shortest = frames.shortest_side(single)
        if (work.boxes[:, 2:].min(axis=1, initial=0) >= shortest).any():  # it may be a box that a stroke leaves
            found = line_removal.lines_of(work.page, work.mask, work.boxes[:0], shortest=shortest)
            work = _without(work, found) if found else work
    return replace(work, grid=grid)


def _without(work: _Work, found: Ruling) -> _Work:
    """A page without these lines, and without what is left of them."""
    bare = line_removal.without(work.page, found)
    pieces, boxes = _connected(bare.mask)
    keep = np.flatnonzero(~bare.shreds(pieces))
    return _Work(bare.page, bare.mask, [pieces[i] for i in keep], boxes[keep])


def _with_small_text(
    page: binarize.Page, mask: Any, pieces: Sequence[Sequence[Any]], boxes: Boxes
) -> tuple[binarize.Page, Any] | None:
    """Page and ink mask with the small text beside large text at an edge level of its own.

    None where there is no such text, or it is as dark as the rest.

    A lens averages strokes of a pixel or two with their paper: at half the contrast of broad ones they fall to pieces.
    """
    large = np.flatnonzero(large_text(pieces, boxes)).tolist()
    if not large:
        return None
    near = np.zeros_like(mask)
    for i in large:
        cv2.drawContours(near, pieces[i], -1, 255, cv2.FILLED)
    side = 2 * MIN_DIGIT_HEIGHT_PX + 1
    off = cv2.bitwise_not(cv2.dilate(near, np.ones((side, side), np.uint8)))
    edge = binarize.edge_level(cv2.bitwise_and(page.ink, off), page.clear)
    if not 0 < edge < binarize.PALE_EDGE_SHARE * page.edge:
        return None
    page = replace(page, edge=edge)
    return page, cv2.bitwise_or(mask, cv2.bitwise_and(binarize.ink_mask(page), off))


def _connected(mask: Any) -> tuple[list[list[Any]], Boxes]:
    """The contours and the boxes (N, 4) of the connected pieces of a mask; none of one that is made of dots."""
    return ([], np.zeros((0, 4), np.int64)) if binarize.is_grainy(mask) else _found_in(mask)


def _found_in(mask: Any) -> tuple[list[list[Any]], Boxes]:
    """`_connected`, of a mask that is not made of dots."""
    contours, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if hierarchy is None:
        return [], np.zeros((0, 4), np.int64)
    links = hierarchy[0]  # per contour: next, previous, first hole, the outline that it is a hole of
    outer = [i for i in np.flatnonzero(links[:, 3] < 0).tolist() if len(contours[i]) >= 2]  # one pixel is none
    most = PIECES_PER_CANDIDATE * room_for(mask.size)
    if len(outer) > most:
        outer = sorted(outer, key=lambda i: len(contours[i]), reverse=True)[:most]
    boxes = np.array([cv2.boundingRect(contours[i]) for i in outer], np.int64).reshape(-1, 4)
    large = np.flatnonzero(np.maximum(boxes[:, 2], boxes[:, 3]) >= MIN_DIGIT_HEIGHT_PX // 2)
    pieces = []
    for i in large:
        piece, hole = [contours[outer[i]]], int(links[outer[i], 2])
        while hole >= 0:
            piece.append(contours[hole])
            hole = int(links[hole, 0])
        pieces.append(piece)
    return pieces, boxes[large]


def _no_digit(box: Box, pieces: Sequence[Sequence[Any]], group: Sequence[int]) -> Kind | None:
    """Why a group of pieces can be no digit, nor digits that touch, by its shape alone; None when it can."""
    _, _, width, height = box
    if height < MIN_DIGIT_HEIGHT_PX:
        return "flat" if width >= MAX_DIGIT_ASPECT * height else "low"
    if width < MAX_DIGIT_ASPECT * height or _is_chain(box, [pieces[i] for i in group]):
        return None
    return "flat"


def _is_chain(box: Sequence[int], pieces: Sequence[Sequence[Any]]) -> bool:
    """Whether what is wider than a digit may be digits that touch: a line fills its box."""
    _, _, width, height = box
    if width < MAX_DIGIT_ASPECT * height or height < 2 * MIN_DIGIT_HEIGHT_PX:
        return False
    inked = sum(cv2.contourArea(outline) - sum(map(cv2.contourArea, holes)) for outline, *holes in pieces)
    return inked < MAX_STROKE_FILL * width * height


def _blobs(
    work: _Work, possible: Sequence[tuple[Box, Sequence[int]]]
) -> tuple[list[list[Candidate]], list[Dropped], int]:
    """The parts of each blob, the blobs by their top edge; the blobs without strokes; how many there was no room for.

    `possible`: per blob its box, in working pixels as all boxes here, and its pieces. The smallest are left off.
    """
    blobs: list[list[Candidate]] = []
    dropped: list[Dropped] = []
    by_size = sorted(possible, key=lambda blob: _area(blob[0]), reverse=True)
    looked_at = list(_looked_at(work, by_size))
    for box, parts in looked_at:
        if parts:
            blobs.append(parts)
        else:
            dropped.append(Dropped(box, _why_no_ink(work, box)))
    blobs.sort(key=lambda parts: (parts[0].box[1], parts[0].box[0]))
    return blobs, dropped, len(by_size) - len(looked_at)


def _looked_at(work: _Work, by_size: Sequence[tuple[Box, Sequence[int]]]) -> Iterator[tuple[Box, list[Candidate]]]:
    """Each blob's box and what of it may be a digit, the largest first, as far as the picture has room for them."""
    room, pixels = room_for(work.mask.size), pixels_for(work.mask.size)
    for box, group in by_size:
        if _area(box) > pixels:
            return
        parts = _parts(work, box, group, room, pixels)
        pixels -= max(_area(box), sum(part.ink.size for part in parts))
        room -= len(parts)
        if room < 0:
            return
        yield box, parts


def _area(box: Box) -> int:
    return box[2] * box[3]


def _parts(work: _Work, box: Box, group: Sequence[int], room: int, pixels: int) -> list[Candidate]:
    """A blob, and where it is no wider than a digit and its pieces are large enough for digits, each of them, if there is room
    for all; nothing when it has no strokes."""
    ink = _ink(work.page, [contour for i in group for contour in work.pieces[i]], box)
    if ink is None:
        return []
    whole = Candidate(box, ink)
    if len(group) == 1 or box[2] > oversegment.MAX_PART_ASPECT * box[3]:
        return [whole]
    covered = _area(box) + int(work.boxes[group][:, 2:].prod(axis=1).sum())
    return _pieces_of(work, whole, group) if len(group) < room and covered <= pixels else [whole]


def _pieces_of(work: _Work, whole: Candidate, group: Sequence[int]) -> list[Candidate]:
    """A blob, and where all of its pieces are large enough, each of them."""
    lowest = int(work.boxes[group][:, 3].min())
    if lowest < max(MIN_DIGIT_HEIGHT_PX, oversegment.MIN_PART_HEIGHT_SHARE * whole.box[3]):
        return [whole]
    parts = [replace(whole, end=len(group), last_cut=len(group))]
    for place, i in enumerate(group):
        alone = work.box([i])
        piece = _ink(work.page, work.pieces[i], alone)
        if piece is None:
            return [whole]
        parts.append(Candidate(alone, piece, 0, place, place + 1, len(group)))
    return parts


def _why_no_ink(work: _Work, box: Box) -> Kind:
    x, y, width, height = box
    peak = int(work.page.ink[y : y + height, x : x + width].max())
    return "pale" if peak < work.page.edge else "solid"


def _ink(page: binarize.Page, contours: Sequence[Any], box: Box) -> Image | None:
    """The ink of one character alone, without what else lies in its box; None when it is too pale or has no strokes."""
    x, y, width, height = box
    own: Any = np.zeros((height, width), np.uint8)
    cv2.drawContours(own, contours, -1, 255, cv2.FILLED, offset=(-x, -y))
    solid = cv2.countNonZero(own)
    if solid > MAX_STROKE_FILL * width * height and max(width, height) < MAX_DIGIT_ASPECT * min(width, height):
        return None
    own = cv2.dilate(own, _SQUARE)  # the pale rim of a stroke is ink too
    ink: Any = cv2.bitwise_and(page.ink[y : y + height, x : x + width], own)
    peak = cv2.minMaxLoc(ink)[1]
    if peak < page.edge:
        return None
    stretched: Any = cv2.convertScaleAbs(ink, alpha=255 / peak)
    return stretched  # type: ignore[no-any-return]


def _scaled(box: Box, scale: tuple[float, float]) -> Box:
    if scale == (1, 1):
        return box
    x, y, width, height = box
    return round(x * scale[0]), round(y * scale[1]), max(1, round(width * scale[0])), max(1, round(height * scale[1]))
