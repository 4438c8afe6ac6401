"""Pale strokes beside dark ones."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import pens as module
from edgeproof.page.ink.pens import evened
from edgeproof.page.ink.picture import PAPER_LEVEL

Picture = NDArray[np.uint8]


def page(pale: int, dark: int = 180, noise: float = 1.0) -> Picture:
    """Dark strokes in the upper half and pale ones in the lower, each by so many levels darker than the paper."""
    picture = np.full((360, 480), 220.0)
    picture += np.random.default_rng(3).normal(0, noise, picture.shape)
    for x in range(40, 460, 50):
        for y, level in ((60, dark), (250, pale)):
            stroke = np.zeros(picture.shape, np.uint8)
            cv2.line(stroke, (x, y), (x + 12, y + 50), 255, 4)
            picture[stroke > 0] -= level
    return np.clip(picture, 0, 255).astype(np.uint8)


def ink_of(picture: Picture) -> tuple[float, float]:
    """Of the dark and of the pale strokes of `page`, levels below paper."""
    made = evened(picture)
    return tuple(PAPER_LEVEL - float(np.quantile(half, 0.02)) for half in (made[60:110], made[250:300]))


def test_pale_strokes_become_as_dark_as_the_page_is_wont():
    dark, pale = ink_of(page(50))
    assert dark > 170  # as it was
    assert pale > 0.75 * dark


def test_a_page_of_one_pen_stays_as_it_is():
    dark, same = ink_of(page(180))
    assert abs(dark - same) < 12
    assert 170 < dark < 200


def test_colours_and_an_empty_page_go_through():
    assert evened(cv2.cvtColor(page(50), cv2.COLOR_GRAY2BGR)).shape == (360, 480)
    assert evened(np.full((60, 80), 200, np.uint8)) is None


# --- constants ---


def very_pale_strokes_become_four_times_as_dark() -> None:
    _, pale = ink_of(page(26))
    assert 95 < pale < 125


PROBES: dict[str, Callable[[], None]] = {
    "MAX_GAIN": very_pale_strokes_become_four_times_as_dark,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)
