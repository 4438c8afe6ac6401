"""A page with its truth, drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand.fonts import FACES
from train.data.pages.hand.pen import Pen, any_pen, is_light
from train.data.pages.hand.writer import Writer
from train.data.pages.layouts.catalog import CATALOG, Layout
from train.data.pages.layouts.page import BLACK, Area, Page
from train.data.pages.photo.camera import Look, taken
from train.data.pages.photo.light import lit
from train.data.pages.photo.objects import lay_object
from train.data.pages.photo.place import Shot, any_place, see
from train.data.pages.sheet.ground import GROUNDS, room
from train.data.pages.sheet.paper import MAKERS, plain
from train.data.pages.sheet.sheet import Sheet
from train.data.pages.truth import KINDS, DrawnPage, Kind, Thing

Random = np.random.Generator
Size = tuple[int, int]

LAYOUTS: tuple[str, ...] = tuple(CATALOG)
SIZES: dict[Size, float] = {
    (640, 480): 30, (800, 600): 22, (1024, 768): 18, (1280, 720): 12, (1280, 960): 12, (1600, 1200): 6,
}  # fmt: skip
"""Of a picture, (width, height) pixels, with their shares."""
WHOLE = 0.6
"""Share of a character that must be visible for it to count as that character: of less, a person would guess."""


@dataclass(frozen=True)
class Plan:
    """What kind of picture it becomes. size: of the picture, (width, height) pixels. turn: degrees clockwise.

    fills: whether the sheet fills the picture. look: how well it was taken.
    """

    layout: Layout
    surface: str
    size: Size
    turn: int
    fills: bool
    look: Look


def draw_page(images: NDArray[np.uint8], labels: NDArray[np.int64], seed: int, layout: str | None = None) -> DrawnPage:
    """A page of `layout` (one of LAYOUTS; None for any) whose digits have the forms of `images` uint8 (N, 28, 28), ink bright,
    `labels` (N,): MNIST's training images, never its test images. The same arguments give the same pixels."""
    random = np.random.default_rng([seed, 23])
    name = layout or _any(random, {name: each.share for name, each in CATALOG.items()})
    plan = _planned(CATALOG[name], random)
    sheet = _written(plan, Writer.any(images, labels, random), random)
    _turned(sheet, plan.turn)
    shot = _laid(sheet, plan, random)
    picture = shot.picture if plan.look == "clean" else lit(shot.picture, random, mild=plan.look == "mild")
    return _finished(taken(picture, plan.look, random), shot, plan.turn, name)


T = TypeVar("T")


def _any(random: Random, shares: Mapping[T, float]) -> T:
    """One of the keys, each with its share."""
    weights = np.array(list(shares.values()))
    return list(shares)[int(random.choice(len(weights), p=weights / weights.sum()))]


def _planned(layout: Layout, random: Random) -> Plan:
    surface = _any(random, layout.surfaces)
    size = _any(random, SIZES)
    return Plan(
        layout,
        surface,
        size if random.random() < 0.6 else size[::-1],
        turn=_any(random, {0: 90, 90: 4.5, 180: 1, 270: 4.5}),
        fills=random.random() < (0.9 if surface in {"whiteboard", "blackboard", "screen", "bare"} else 0.5),
        look=_any(random, {"clean": 100.0 if surface == "screen" else 5.0, "mild": 35.0, "hard": 60.0}),
    )


def _written(plan: Plan, writer: Writer, random: Random) -> Sheet:
    """The sheet with all that is on it, upright."""
    width, height = plan.size if plan.turn % 180 == 0 else plan.size[::-1]
    share = random.uniform(1.1, 1.35) if plan.fills else random.uniform(0.55, 1.0)
    paper = round(width * share), round(height * share * (1 if plan.fills else random.uniform(0.6, 1.1)))
    digit = min(_digit_height(random), max(12.0, min(paper) / plan.layout.least))
    sheet = MAKERS[plan.surface](paper, digit, random)
    bold = plan.surface == "bare"
    pens = tuple(any_pen(random, sheet.colour, bold=bold) for _ in range(2 if random.random() < 0.15 else 1))
    print_pen = Pen(BLACK if is_light(sheet.colour) else (225.0, 225.0, 225.0), 0.05, random.uniform(0.5, 1.0))
    area = _area(plan, paper, digit, random)
    plan.layout.compose(Page(sheet, writer, random, digit, area, pens, print_pen, str(random.choice(FACES))))
    if random.random() < 0.08:
        _shine_through(sheet, random.uniform(0.04, 0.15))
    return sheet


def _area(plan: Plan, paper: Size, digit: float, random: Random) -> Area:
    """What of a sheet of the size `paper` is written on: not every page is full."""
    inset = 0.13 if plan.fills else random.uniform(0.05, 0.12)
    left, top = inset * paper[0] * random.uniform(0.6, 1.3), inset * paper[1] * random.uniform(0.6, 1.3)
    across, down = 1.0 if random.random() < 0.7 else random.uniform(0.5, 1), random.uniform(0.5, 1)
    right, low = left + (paper[0] * (1 - inset) - left) * across, top + (paper[1] * (1 - inset) - top) * down
    return left, top, right, max(low, top + 0.6 * plan.layout.least * digit)


def _digit_height(random: Random) -> float:
    """Pixels: mostly 20 to 80."""
    small, large = random.uniform(12, 20), random.uniform(80, 200)
    usual = float(np.exp(random.uniform(np.log(20), np.log(80))))
    return _any(random, {usual: 82, small: 8, large: 10})


def _shine_through(sheet: Sheet, strength: float) -> None:
    """The back of the sheet: the mirrored writing, pale and soft; no thing."""
    back = cv2.GaussianBlur(np.where(sheet.owners[:, ::-1] > 0, 255, 0).astype(np.uint8), (0, 0), 1.5)
    light = cv2.convertScaleAbs(back, None, -strength, 255)
    sheet.canvas = np.asarray(cv2.multiply(sheet.canvas, cv2.merge([light] * 3), scale=1 / 255), np.uint8)


def _turned(sheet: Sheet, turn: int) -> None:
    """The sheet turned clockwise by `turn` degrees."""
    sheet.canvas = np.asarray(np.rot90(sheet.canvas, -turn // 90), np.uint8, order="C")
    sheet.owners = np.asarray(np.rot90(sheet.owners, -turn // 90), np.uint16, order="C")


def _laid(sheet: Sheet, plan: Plan, random: Random) -> Shot:
    """The sheet on a ground, perhaps with another sheet below it and an object on it."""
    width, height = plan.size
    ground = room if not plan.fills and random.random() < 0.15 else _any(random, GROUNDS)
    shot = Shot(ground((height, width), random), np.zeros((height, width), np.uint16), [], [])
    shot.owners[:] = shot.add("texture")
    if not plan.fills and random.random() < 0.2:
        below = round(width * random.uniform(0.4, 0.9)), round(height * random.uniform(0.4, 0.9))
        away = np.eye(3)
        away[:2, 2] = random.uniform(-0.4, 0.4, 2) * plan.size
        place = away @ any_place(below, plan.size, random, flat=False)
        see(plain(below, 30.0, random), place, shot, random, edge=True)
    see(sheet, any_place(sheet.size, plan.size, random, flat=plan.look == "clean"), shot, random, edge=True)
    held = random.random() < (0.6 if ground is room else 0.05)
    if plan.look == "hard" and (held or random.random() < 0.1):
        lay_object(shot, random, holding=held)
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
