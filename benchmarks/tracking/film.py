"""Films of a written sheet that somebody holds before a webcam in a dark room: it sways, tilts, comes nearer, and once the hand
takes a new grip; the light drifts, the picture is noisy and, while the sheet moves, smeared.

Everything but the handwriting is drawn. The same seed draws the same film.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import layout, scene
from benchmarks.scenes.kinds import backgrounds, surroundings
from benchmarks.scenes.kinds.page import Page
from benchmarks.scenes.layout import Written
from benchmarks.scenes.photograph import camera, lens
from benchmarks.scenes.photograph.camera import Light, Look, Sheet, View
from benchmarks.scenes.scene import Matrix, Scene
from benchmarks.scenes.writer import Digits, Writer

Floats = NDArray[np.float32]
Random = np.random.Generator

SHEET, DIGIT = (420, 300), 40.0  # pixels of the picture at the common distance
ROWS = ("### ##", "####", "## ###")
EXPOSURE_S = 1 / 40  # a webcam's in a dim room
REGRIP_S = 0.35  # in which the hand takes a new grip
REGRIP_PX = 55.0  # by which the sheet then moves
COVERED = 0.05  # share of a digit's box that the hand hides, from which it counts as hidden
HAND = 0.055  # reach of the hand that covers a number, share of the picture's width


@dataclass(frozen=True)
class Plan:
    """What happens in a film. pen: of camera.PENS. seconds: how long it is. fps: frames per second. size: width, height, pixels.

    changes_s: when a digit is another from then on. swapped_s: when another sheet is there at once; None: never. covered_s: from
    when to when a hand lies on the last row; None: never.
    """

    pen: str
    seconds: float = 5.0
    fps: float = 15.0
    size: tuple[int, int] = (640, 480)
    changes_s: tuple[float, ...] = ()
    swapped_s: float | None = None
    covered_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class Shot:
    """One frame. time_s: since the film began. scene: its marks stand in writing order, so that a digit is at the same place in
    all of them on one sheet. sheet: 0, after a swap 1. hidden: places of those that the hand covers.
    """

    time_s: float
    scene: Scene
    sheet: int
    hidden: frozenset[int]


@dataclass(frozen=True)
class _Sway:
    """Slow sines and a tremor: amplitude, turns per second, and phase of each."""

    parts: tuple[tuple[float, float, float], ...]

    @classmethod
    def drawn(cls, rng: Random, most: float) -> _Sway:
        """One that rarely goes further than `most` to a side."""
        slow = [(most * rng.uniform(0.3, 0.6), rng.uniform(0.12, 0.7), rng.uniform(0, 2 * np.pi)) for _ in range(3)]
        return cls((*slow, (0.02 * most, rng.uniform(5, 9), rng.uniform(0, 2 * np.pi))))

    def at(self, time_s: float) -> float:
        return float(sum(size * np.sin(2 * np.pi * pace * time_s + phase) for size, pace, phase in self.parts))


class _Hand:
    """Where the sheet is at any time."""

    def __init__(self, rng: Random, plan: Plan) -> None:
        self._size = plan.size
        self._ways = [_Sway.drawn(rng, most) for most in (22, 16, 3.5, 0.06, 0.06, 0.06)]
        self._regrip_s = rng.uniform(0.15, 0.85) * plan.seconds
        self._side = 1 if rng.random() < 0.5 else -1

    def view(self, time_s: float) -> View:
        across, down, turn, nearer, left, top = (way.at(time_s) for way in self._ways)
        done = float(np.clip((time_s - self._regrip_s) / REGRIP_S + 0.5, 0, 1))
        across += self._side * REGRIP_PX * (done * done * (3 - 2 * done) - 0.5)
        width, height = self._size
        scale = min(width / 640, height / 480)
        centre = width / 2 + across - SHEET[0] / 2, height * 0.48 + down - SHEET[1] / 2
        return View(turn, scale * (1.1 + nearer), (left, top), centre)


def draw(plan: Plan, digits: Digits, seed: int) -> Iterator[Shot]:
    """The frames of a film. `digits`: the handwriting."""
    rng = np.random.default_rng([seed, 1])
    versions = list(_versions(plan, digits, seed))
    hand, room = _Hand(rng, plan), backgrounds.dark_room(plan.size[::-1], rng)
    light = Light(rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.3), rng.normal(0, 0.04), rng.uniform(0.5, 0.62))
    drift, grip = _Sway.drawn(rng, 0.12), float(rng.uniform(0.3, 0.7))
    for index in range(round(plan.seconds * plan.fps)):
        time_s = index / plan.fps
        sheet = [sheet for start_s, sheet in versions if start_s <= time_s][-1]
        way = camera.way_to_picture(sheet, hand.view(time_s))
        seen = room.copy()
        surroundings.hold(seen, sheet, way, grip)
        marks = scene.moved(sheet.marks, way)
        hidden = _cover(seen, marks, plan, time_s)
        seen = _smeared(seen, way, camera.way_to_picture(sheet, hand.view(time_s + EXPOSURE_S)), sheet)
        lit = replace(light, exposure=light.exposure * (1 + drift.at(time_s)))
        picture = lens.defocus(camera.develop(seen, lit, rng), 0.8, rng)
        picture = lens.compressed(lens.noisy(picture, 5, rng), 30, rng)
        swapped = plan.swapped_s is not None and time_s >= plan.swapped_s
        yield Shot(time_s, Scene(picture, marks), int(swapped), hidden)


def _versions(plan: Plan, digits: Digits, seed: int) -> Iterator[tuple[float, Sheet]]:
    """From when which sheet is seen."""
    rng = np.random.default_rng([seed, 0])
    writer, look = Writer(*digits, rng), Look(pen=plan.pen)
    written = _written(writer)
    order = rng.permutation(len(written)).tolist()
    starts = [0.0, *plan.changes_s, *([] if plan.swapped_s is None else [plan.swapped_s])]
    for start_s in sorted(starts):
        if start_s == plan.swapped_s:
            written = _written(writer)
        elif start_s in plan.changes_s:
            place = order.pop()
            written[place] = _another(written[place], writer, rng)
        page = Page(SHEET, DIGIT, tuple(written), look=look)
        yield start_s, page.sheet(np.random.default_rng([seed, 2]))


def _written(writer: Writer) -> list[Written]:
    rows = ["".join(str(writer.rng.integers(10)) if sign == "#" else sign for sign in row) for row in ROWS]
    return list(layout.compose_rows(rows, SHEET, DIGIT, writer, corner=(0.13, 0.09), pitch=1.75))


def _another(one: Written, writer: Writer, rng: Random) -> Written:
    text = str((int(one.text) + int(rng.integers(1, 10))) % 10)
    return replace(one, text=text, path=writer.path(text)[0])


def _smeared(seen: Floats, way: Matrix, later: Matrix, sheet: Sheet) -> Floats:
    """`seen` while the sheet moves on from `way` to `later`: smeared as its middle is."""
    middle = np.asarray(sheet.reflected.shape[1::-1], np.float64).reshape(1, 1, 2) / 2
    across, down = (cv2.perspectiveTransform(middle, later) - cv2.perspectiveTransform(middle, way))[0, 0]
    kernel = lens.streak(float(np.hypot(across, down)), float(np.arctan2(down, across)))
    smeared = cv2.filter2D(seen, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smeared, np.float32)


def _cover(seen: Floats, marks: Sequence[scene.Mark], plan: Plan, time_s: float) -> frozenset[int]:
    """Lay the other hand on the last row, in place, when it is time; returns which digits it hides."""
    if plan.covered_s is None or not plan.covered_s[0] <= time_s < plan.covered_s[1]:
        return frozenset()
    row = [mark.box for mark in marks if mark.line == marks[-1].line]
    x, y = sum(box[0] + box[2] / 2 for box in row) / len(row), sum(box[1] + box[3] / 2 for box in row) / len(row)
    bare = seen.copy()
    backgrounds.fingers(seen, (x, y), (0.5, 0.866), HAND * plan.size[0], thumb=False)
    touched = (bare != seen).any(axis=2)
    boxes = (mark.box for mark in marks)
    shares = [touched[y : y + tall, x : x + wide].mean() for x, y, wide, tall in boxes]
    return frozenset(np.flatnonzero(np.asarray(shares) > COVERED).tolist())
