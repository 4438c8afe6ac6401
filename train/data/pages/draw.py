"""A page with its truth, drawn from a seed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand.fonts import FACES
from train.data.pages.hand.pen import Pen, any_pen
from train.data.pages.hand.writer import Writer
from train.data.pages.layouts.catalog import CATALOG, Layout
from train.data.pages.layouts.page import BLACK, Page
from train.data.pages.photo.camera import taken
from train.data.pages.photo.ground import GROUNDS
from train.data.pages.photo.light import lit
from train.data.pages.photo.place import Shot, any_place, see
from train.data.pages.sheet.paper import MAKERS, plain
from train.data.pages.sheet.sheet import Sheet
from train.data.pages.truth import KINDS, DrawnPage, Kind, Thing

Random = np.random.Generator
Size = tuple[int, int]

LAYOUTS: tuple[str, ...] = tuple(CATALOG)
SIZES: tuple[Size, ...] = ((640, 480), (800, 600), (1024, 768), (1280, 720), (1280, 960), (1600, 1200))
WHOLE = 0.6
"""Share of a character that must be visible for it to count as that character: of less, a person would guess."""


def draw_page(images: NDArray[np.uint8], labels: NDArray[np.int64], seed: int, layout: str | None = None) -> DrawnPage:
    """A page of `layout` (one of LAYOUTS; None for any) whose digits have the forms of `images` uint8 (N, 28, 28), ink bright,
    `labels` (N,): MNIST's training images, never its test images. The same arguments give the same pixels."""
    random = np.random.default_rng([seed, 23])
    if layout is None:
        shares = np.array([each.share for each in CATALOG.values()])
        layout = str(random.choice(LAYOUTS, p=shares / shares.sum()))
    chosen = CATALOG[layout]
    size = SIZES[int(random.choice(len(SIZES), p=(0.3, 0.22, 0.18, 0.12, 0.12, 0.06)))]
    if random.random() < 0.4:
        size = size[1], size[0]
    turn = int(random.choice((0, 90, 180, 270), p=(0.9, 0.045, 0.01, 0.045)))
    names, weights = list(chosen.surfaces), np.array(list(chosen.surfaces.values()))
    surface = str(random.choice(names, p=weights / weights.sum()))
    sheet, fills = _written(images, labels, random, chosen, surface, size if turn % 180 == 0 else size[::-1])
    _turned(sheet, turn)
    clean = surface == "screen" and random.random() < 0.6 or random.random() < 0.05
    shot = _laid(sheet, size, random, fills=fills, clean=clean)
    picture = shot.picture if clean else lit(shot.picture, random)
    return _finished(taken(picture, random, clean=clean), shot, turn, layout)


def _written(
    images: NDArray[np.uint8], labels: NDArray[np.int64], random: Random, layout: Layout, surface: str, size: Size
) -> tuple[Sheet, bool]:
    """The sheet with all that is on it, for a picture of `size` in which it stands upright; and whether it fills that."""
    fills = random.random() < (0.85 if surface in {"whiteboard", "blackboard", "screen"} else 0.5)
    share = random.uniform(1.1, 1.35) if fills else random.uniform(0.45, 1.0)
    paper = (round(size[0] * share), round(size[1] * share * (1 if fills else random.uniform(0.6, 1.1))))
    digit = _digit_height(paper, random)
    sheet = MAKERS[surface](paper, digit, random)
    inset = 0.5 - 0.42 / share if fills else random.uniform(0.05, 0.12)
    left, top = inset * paper[0] * random.uniform(0.6, 1.3), inset * paper[1] * random.uniform(0.6, 1.3)
    # Not every page is full: what is written may end anywhere.
    right = left + (paper[0] * (1 - inset) - left) * (1 if random.random() < 0.7 else random.uniform(0.5, 1))
    bottom = top + (paper[1] * (1 - inset) - top) * random.uniform(0.35, 1)
    dark = sum(sheet.colour) < 330
    page = Page(
        sheet,
        Writer.any(images, labels, random),
        random,
        digit,
        (left, top, right, max(bottom, top + 2 * digit)),
        any_pen(random, sheet.colour),
        Pen((225.0, 225.0, 225.0) if dark else BLACK, 0.05, random.uniform(0.5, 1.0)),
        str(random.choice(FACES)),
    )
    layout.compose(page)
    return sheet, fills


def _digit_height(paper: Size, random: Random) -> float:
    """Pixels: mostly 20 to 80, at most what leaves room for a few."""
    kind = random.random()
    height = (
        random.uniform(12, 20)
        if kind < 0.08
        else random.uniform(80, 200)
        if kind > 0.9
        else np.exp(random.uniform(np.log(20), np.log(80)))
    )
    return float(np.clip(height, 12, min(paper) / 3.5))


def _turned(sheet: Sheet, turn: int) -> None:
    """The sheet turned clockwise by `turn` degrees."""
    if turn:
        way = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}[turn]
        sheet.canvas, sheet.owners = cv2.rotate(sheet.canvas, way), cv2.rotate(sheet.owners, way)


def _laid(sheet: Sheet, size: Size, random: Random, *, fills: bool, clean: bool) -> Shot:
    """The sheet on a ground, in a picture of `size`."""
    width, height = size
    grounds, shares = list(GROUNDS), np.array(list(GROUNDS.values()))
    ground = grounds[int(random.choice(len(grounds), p=shares / shares.sum()))]
    shot = Shot(ground((height, width), random), np.zeros((height, width), np.uint16), [], [])
    shot.owners[:] = shot.add("texture")
    if not fills and random.random() < 0.2:
        other = plain((round(width * random.uniform(0.4, 0.9)), round(height * random.uniform(0.4, 0.9))), 30.0, random)
        away = np.array(
            [[1, 0, random.uniform(-0.4, 0.4) * width], [0, 1, random.uniform(-0.4, 0.4) * height], [0, 0, 1]]
        )
        see(other, away @ any_place(other.size, size, random, flat=False), shot, random, edge=True)
    see(sheet, any_place(sheet.size, size, random, flat=clean), shot, random, edge=True)
    return shot


def _finished(picture: NDArray[np.uint8], shot: Shot, turn: int, layout: str) -> DrawnPage:
    """The truth in picture pixels: what can be seen of each thing."""
    from scipy import ndimage

    kinds: list[Kind] = []
    for (kind, text), whole in zip(shot.things, shot.whole, strict=True):
        kinds.append("scribble" if text and whole < WHOLE else kind)
    numbers = np.array([0, *(KINDS.index(kind) + 1 for kind in kinds)], np.uint8)
    things = []
    for (_, text), kind, place in zip(shot.things, kinds, ndimage.find_objects(shot.owners, len(kinds)), strict=True):
        if place is not None:
            rows, columns = place
            box = columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
            things.append(Thing(kind, text, box))
    return DrawnPage(picture, tuple(things), numbers[shot.owners], turn, layout)
