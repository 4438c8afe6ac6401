"""A camera looks at a written sheet: pens, views, light."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes import layout
from benchmarks.scenes.conditions import Base
from benchmarks.scenes.photograph import paper
from benchmarks.scenes.photograph.camera import GAMMA, PENS, Light, Look, Sheet, View, shoot, write_sheet
from benchmarks.scenes.writer import Digits, Writer

SIZE = (480, 360)
EVEN = Light(lamp=0, fall=0, warmth=0, exposure=0.7)


@pytest.fixture(scope="module")
def sheet(digits: Digits) -> Sheet:
    """Three digits, near three corners."""
    rng = np.random.default_rng(1)
    written = layout.compose_rows(("1       2", "3"), SIZE, 40, Writer(*digits, rng), corner=(0.08, 0.06), pitch=6)
    return write_sheet(written, SIZE, 40, Look(), rng)


def boxes(sheet: Sheet, view: View) -> np.ndarray:
    return np.array([mark.box for mark in shoot(sheet, view, EVEN, np.random.default_rng(0)).marks])


@pytest.mark.parametrize("pen", PENS)
def test_boxes_follow_the_pen(small: list[Base], pen: str) -> None:
    """A marker's ink reaches further than a ballpoint's, and the labels know."""
    widths = {
        name: np.mean([m.box[2] for m in small[0].again(Look(pen=name)).marks]) for name in (pen, "black ballpoint")
    }
    extra = (PENS[pen].width - PENS["black ballpoint"].width) * small[0].digit
    assert abs(widths[pen] - widths["black ballpoint"] - extra) <= 1.5  # whole pixels on both sides


def test_the_camera_turns_zooms_and_shifts_as_stated(sheet: Sheet) -> None:
    """± 2 pixels of rounding."""
    plain = boxes(sheet, View())
    assert np.allclose(boxes(sheet, View(zoom=2))[:, 2:], 2 * plain[:, 2:], atol=2)
    x, y, width, height = plain.T
    turned = np.stack([SIZE[0] - x - width, SIZE[1] - y - height, width, height], axis=1)
    assert np.allclose(boxes(sheet, View(turn=180)), turned, atol=2)
    assert np.allclose(boxes(sheet, View(shift=(7, -5))), plain + np.array([7, -5, 0, 0]), atol=1)


@pytest.mark.parametrize(("tilt", "axis"), [((0.3, 0), 0), ((0, 0.3), 1)])
def test_a_tilted_edge_is_smaller_by_its_share(sheet: Sheet, tilt: tuple[float, float], axis: int) -> None:
    """What lies `place` shares of the picture off its middle comes nearer to it by 1 / (1 + 0.3 · place); ± 2 pixels."""
    plain, seen = (
        (box[:, :2] + box[:, 2:] / 2) / SIZE - 0.5 for box in (boxes(sheet, View()), boxes(sheet, View(tilt=tilt)))
    )
    assert np.ptp(plain[:, axis]) > 0.5, "marks at both sides"
    assert np.abs((seen - plain / (1 + 0.3 * plain[:, axis : axis + 1])) * SIZE).max() <= 2


def test_the_lamp_s_side_is_brighter(sheet: Sheet) -> None:
    """At fall 0.5 the edges get 1.25 and 0.75 of the light, which is 1.26 in values; the lens takes from both alike."""
    lamp = Light(lamp=np.pi, fall=0.5, warmth=0, exposure=0.6)
    picture = shoot(sheet, View(), lamp, np.random.default_rng(0)).picture
    left, right = np.median(picture[:, :5]), np.median(picture[:, -5:])
    assert left / right == pytest.approx((1.25 / 0.75) ** (1 / 2.2), abs=0.04)
    warm = shoot(sheet, View(), Light(0, 0, 0.1, 0.6), np.random.default_rng(0)).picture
    assert np.median(warm[..., 2]) / np.median(warm[..., 0]) > 1.05


@pytest.mark.parametrize(
    ("pen", "kind"), [("pink paint", "brown card"), ("green paint", "yellow"), ("orange paint", "wood")]
)
def test_paint_is_as_bright_as_what_it_is_on(pen: str, kind: paper.Kind) -> None:
    """Of the grey that television makes of colours, within 6 %; in some channel far from it. Wood on the average of its lamps."""
    surfaces = [
        paper.reflectance(kind, (60, 60), 40, np.random.default_rng(seed)).mean(axis=(0, 1)) for seed in range(8)
    ]
    paint, surface = (
        np.power(light, 1 / GAMMA) for light in (np.asarray(PENS[pen].through), np.mean(surfaces, axis=0))
    )
    grey = np.array([0.114, 0.587, 0.299])
    assert paint @ grey == pytest.approx(surface @ grey, rel=0.06)
    assert np.abs(paint - surface).max() > 0.1


@pytest.mark.parametrize(("kind", "pen"), [("blackboard", "chalk"), ("brown card", "pink paint")])
def test_what_covers_may_be_brighter_than_what_it_is_on(digits: Digits, kind: paper.Kind, pen: str) -> None:
    rng = np.random.default_rng(2)
    written = layout.compose_rows(("81",), SIZE, 90, Writer(*digits, rng), corner=(0.3, 0.3), pitch=2)
    bare, scene = (
        shoot(
            write_sheet(what, SIZE, 90, Look(kind, pen=pen), np.random.default_rng(3)),
            View(),
            EVEN,
            np.random.default_rng(0),
        )
        for what in ((), written)
    )
    change = scene.picture.astype(int) - bare.picture
    for mark in scene.marks:
        x, y, width, height = mark.box
        assert change[y : y + height, x : x + width].max() > 40
