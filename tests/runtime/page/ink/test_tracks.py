"""Which pieces of ink are long, thin and straight: masks drawn to the pixel."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import tracks as module

Mask = NDArray[np.uint8]
RUN, SIDE = 32, 10


def paper() -> Mask:
    return np.zeros((400, 600), np.uint8)


def slanted(degrees: float, thick: int = 2) -> Mask:
    mask = paper()
    across, down = 180 * np.cos(np.radians(degrees)), 180 * np.sin(np.radians(degrees))
    ends = [(round(300 + way * across), round(200 + way * down)) for way in (-1, 1)]
    return cv2.line(mask, ends[0], ends[1], 255, thick)


def are_found_beside_a_level_one(degrees: float) -> bool:
    """Two lines that rise and fall so much."""
    mask = np.vstack([slanted(degrees, 1)[100:300], slanted(-degrees, 1)[100:300]])
    mask[[5, 6, 7, 392, 393, 394]] = 255
    return len(module.tracks([mask], 96, SIDE).level) == 4


def a_page_bends_by_so_much() -> None:
    assert are_found_beside_a_level_one(4.6)
    assert not are_found_beside_a_level_one(5.8)


def is_straight(sag: float) -> bool:
    """Of a curve of 400 pixels."""
    x = np.arange(0, 400, 5.0)
    points = np.concatenate([np.stack([x, sag * (x / 200 - 1) ** 2 + side], axis=1) for side in (-1, 1)])
    ends = np.array([[0.0, 399.0]])
    return bool(module._fitted(np.zeros(len(points), np.intp), points, ends, SIDE)[1][0])


def a_line_may_bend_by_an_eighth_of_its_half() -> None:
    assert is_straight(22)
    assert not is_straight(28)


PROBES: dict[str, Callable[[], None]] = {
    "TURN_DEG": a_page_bends_by_so_much,
    "MAX_BEND_SHARE": a_line_may_bend_by_an_eighth_of_its_half,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)


@pytest.mark.parametrize("degrees", [0, 3, 10, 25, 38, -7, -30])
def test_a_line_is_found_whichever_way_it_runs(degrees):
    found = module.tracks([slanted(degrees)], RUN, SIDE)
    assert len(found.level) == 1
    assert found.level.length[0] == pytest.approx(360 * np.cos(np.radians(degrees)), abs=6)
    x = np.array([300.0])
    assert found.level.at(x)[0] == pytest.approx(200, abs=1.5)


def test_an_upright_line_is_found_too():
    found = module.tracks([slanted(90)], RUN, SIDE)
    assert (len(found.level), len(found.upright)) == (0, 1)


def test_neither_broad_ink_nor_a_short_stroke_is_one():
    mask = paper()
    cv2.circle(mask, (300, 120), 70, 255, cv2.FILLED)
    mask[300:303, 100:125] = 255
    found = module.tracks([mask], RUN, SIDE)
    assert not len(found.level)
    assert not len(found.upright)


def test_a_line_that_a_broad_stroke_crosses_is_one():
    mask = slanted(0)
    cv2.circle(mask, (300, 200), 25, 255, cv2.FILLED)
    assert module.tracks([mask], RUN, SIDE).level.length.tolist() == pytest.approx([361], abs=3)


def test_strokes_in_a_column_are_no_line():
    """A column of 1s."""
    mask = paper()
    for top in range(20, 380, 60):
        mask[top : top + 40, 300:304] = 255
    assert (module.tracks([mask], RUN, SIDE).upright.length <= 45).all()


def test_a_strip_has_lines_and_costs_little():
    for shape in ((12, 4000), (4000, 12), (30, 10_000)):
        mask = np.zeros(shape, np.uint8)
        mask[shape[0] // 2, :] = 255
        found = module.tracks([mask], 6, 6)
        assert len(found.level) + len(found.upright) <= 1
