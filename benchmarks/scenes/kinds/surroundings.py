"""Sheets seen whole, with what is around them: on a table, on cloth, held up in a dark room, several in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import scene
from benchmarks.scenes.kinds import backgrounds
from benchmarks.scenes.kinds.page import Page
from benchmarks.scenes.photograph import camera, lens
from benchmarks.scenes.photograph import paper as sheets
from benchmarks.scenes.photograph.camera import AROUND, Light, Sheet, View
from benchmarks.scenes.scene import Mark, Matrix, Scene

Floats = NDArray[np.float32]
Random = np.random.Generator

SIZE = (800, 600)
WEBCAM = (640, 480)
WOOD_9_MP = (3464, 2598)


def on_wood(pages: tuple[Page, ...], seed: int) -> Scene:
    rng = np.random.default_rng([seed, 1])
    return _lying(pages, seed, sheets.table(SIZE[::-1], rng), [_middle(rng)], rng)


def on_cloth(pages: tuple[Page, ...], seed: int) -> Scene:
    """A notebook: its sheet has the holes of the binding."""
    rng = np.random.default_rng([seed, 1])
    return _lying(pages, seed, backgrounds.cloth(SIZE[::-1], rng), [_middle(rng)], rng, holes=True)


def scattered(pages: tuple[Page, ...], seed: int) -> Scene:
    """Four small sheets, one in each quarter of the picture."""
    rng = np.random.default_rng([seed, 1])
    background = (backgrounds.desk, sheets.table, backgrounds.cloth)[seed % 3]
    centres = [
        (SIZE[0] * (x + rng.uniform(-0.03, 0.03)), SIZE[1] * (y + rng.uniform(-0.03, 0.03)))
        for y in (0.27, 0.73) for x in (0.27, 0.73)
    ]  # fmt: skip
    return _lying(pages, seed, background(SIZE[::-1], rng), centres, rng)


def held_up(pages: tuple[Page, ...], seed: int) -> Scene:
    """Before a webcam in a dark room: a hand at the sheet's edge, noise, a poor lens, JPEG."""
    rng = np.random.default_rng([seed, 1])
    (page,) = pages
    around = backgrounds.dark_room(WEBCAM[::-1], rng)
    centre = WEBCAM[0] * (0.5 + rng.uniform(-0.05, 0.05)), WEBCAM[1] * (0.55 + rng.uniform(-0.04, 0.04))
    sheet = page.sheet(np.random.default_rng([seed, 2]))
    way = _way(sheet, centre, rng)
    hold(around, sheet, way, float(rng.uniform(0.25, 0.75)))
    light = Light(rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.3), rng.normal(0, 0.04), rng.uniform(0.45, 0.65))
    picture = camera.develop(around, light, rng)
    picture = lens.compressed(lens.noisy(lens.defocus(picture, 0.8, rng), 5, rng), 30, rng)
    return Scene(picture, scene.moved(sheet.marks, way))


def hold(around: Floats, sheet: Sheet, way: Matrix, share: float) -> None:
    """Put the sheet before `around`, float32 (H, W, 3), in place, and the hand that holds it: at its lower edge, `share` of the
    way along. way: from page to picture pixels."""
    grip, away = _lower_edge(sheet, way, share)
    length = 0.10 * sheet.size[0]
    backgrounds.fingers(around, grip, away, length, thumb=False)
    _lay(around, sheet, way, shadow=0)
    backgrounds.fingers(around, grip, away, length, thumb=True)


def bare_wood(pages: tuple[Page, ...], seed: int) -> Scene:
    """Wood with nothing on it, in all the pixels of a phone."""
    rng = np.random.default_rng([seed, 1])
    del pages
    return Scene(camera.develop(backgrounds.oak(WOOD_9_MP[::-1], rng), Light.indoors(rng), rng), ())


def _middle(rng: Random) -> tuple[float, float]:
    return SIZE[0] * (0.5 + rng.uniform(-0.05, 0.05)), SIZE[1] * (0.5 + rng.uniform(-0.04, 0.04))


def _lying(  # noqa: PLR0917 (one picture's whole description)
    pages: Sequence[Page],
    seed: int,
    around: Floats,
    centres: Sequence[tuple[float, float]],
    rng: Random,
    holes: bool = False,
) -> Scene:
    marks: list[Mark] = []
    for i, (page, centre) in enumerate(zip(pages, centres, strict=True)):
        sheet = page.sheet(np.random.default_rng([seed, 2, i]))
        way = _way(sheet, centre, rng)
        _lay(around, sheet, way, holes=holes)
        marks += scene.moved(_numbered_after(marks, sheet.marks), way)
    return Scene(camera.develop(around, Light.indoors(rng), rng), tuple(marks))


def _numbered_after(before: Sequence[Mark], marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """`marks` with lines and numbers that begin where those of the sheets `before` end."""
    line, number = (1 + max((getattr(one, what) for one in before), default=-1) for what in ("line", "number"))
    return tuple(
        replace(one, line=one.line + line, number=one.number + number if one.number >= 0 else -1) for one in marks
    )


def _way(sheet: Sheet, centre: tuple[float, float], rng: Random) -> Matrix:
    """From page to picture pixels: a sheet that was put down a little turned, seen from one side."""
    view = View(
        rng.normal(0, 5), rng.uniform(0.92, 1.05), (rng.normal(0, 0.06), -abs(rng.normal(0, 0.08))),
        (centre[0] - sheet.size[0] / 2, centre[1] - sheet.size[1] / 2),
    )  # fmt: skip
    return camera.way_to_picture(sheet, view)


def _lay(around: Floats, sheet: Sheet, way: Matrix, *, shadow: float = 0.55, holes: bool = False) -> None:
    """Put the sheet onto `around`, float32 (H, W, 3), in place. shadow: share of light that is lost close to its edge."""
    size = around.shape[1], around.shape[0]
    cover = cv2.warpPerspective(_shape(sheet, holes), way, size, flags=cv2.INTER_LINEAR)[..., None]
    below = cv2.GaussianBlur(np.roll(cover[..., 0], (3, 4), (0, 1)), (0, 0), 5)
    around *= 1 - shadow * below[..., None]
    seen = cv2.warpPerspective(camera.softened(sheet), way, size, flags=cv2.INTER_LINEAR)
    around *= 1 - cover
    around += seen * cover


def _shape(sheet: Sheet, holes: bool) -> Floats:
    """1 where there is paper, float32 (H, W) page pixels; softened as the paper's own picture."""
    paper = np.zeros(sheet.reflected.shape[:2], np.float32)
    left, top, right, bottom = _sides(sheet)
    paper[round(top) : round(bottom), round(left) : round(right)] = 1
    if holes:
        radius = (right - left) * 0.011
        for y in np.arange(top + 3 * radius, bottom - 2 * radius, 4.5 * radius):
            cv2.circle(paper, (round(left + 2.2 * radius), round(y)), round(radius), 0, cv2.FILLED, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(paper, (0, 0), 0.45 * sheet.oversampled), np.float32)


def _sides(sheet: Sheet) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the paper that is laid down: what a camera sees when the page fills the picture."""
    left, top = (AROUND * side * sheet.oversampled for side in sheet.size)
    return left, top, left + sheet.size[0] * sheet.oversampled, top + sheet.size[1] * sheet.oversampled


def _lower_edge(sheet: Sheet, way: Matrix, share: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """A point of the sheet's lower edge, `share` of the way along it, and the way out of the sheet there; picture pixels."""
    left, _, right, bottom = _sides(sheet)
    x = left + share * (right - left)
    (at, beyond) = cv2.perspectiveTransform(np.array([[[x, bottom], [x, bottom + 10]]], np.float64), way)[0]
    out = (beyond - at) / np.hypot(*(beyond - at))
    return (float(at[0]), float(at[1])), (float(out[0]), float(out[1]))
