"""A camera looks at a written sheet: pens, views, light."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes import layout
from benchmarks.scenes.conditions import Base
from benchmarks.scenes.photograph.camera import PENS, Light, Look, Sheet, View, shoot, write_sheet
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
