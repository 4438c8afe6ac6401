"""A margin of one colour around a page."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import margin as module
from edgeproof.page.ink.margin import without_margin

Picture = NDArray[np.uint8]


def page_in_margin(varies: int = 0, bite: int = 0, width: int = 200, level: int = 200, shaded: int = 0) -> Picture:
    """A page, 120 pixels high with a stroke on it, in a black margin of 200×300 pixels.

    varies: levels by which the margin does. bite: how deep a corner of the page is missing. shaded: how far its upper edge lies
    in a shadow.
    """
    picture = np.zeros((200, 300), np.uint8)
    picture[::2] += varies
    picture[40:160, 50 : 50 + width] = level
    picture[160 - bite : 160, 50:150] = 0
    picture[40:60, 100 : 100 + shaded] = 10
    picture[90:110, 100:104] = level + 50
    return picture


def goes_on(picture: Picture) -> bool:
    """Whether a picture has a margin, which then goes on as paper."""
    return not np.array_equal(without_margin(picture), picture)


def a_margin_is_of_one_colour() -> None:
    assert goes_on(page_in_margin(varies=2))
    assert not goes_on(page_in_margin(varies=3))


def a_page_is_a_fair_part_of_the_picture() -> None:
    assert goes_on(page_in_margin(width=110))
    assert not goes_on(page_in_margin(width=90))


def a_page_in_a_margin_is_a_solid_rectangle() -> None:
    assert goes_on(page_in_margin(bite=8))
    assert not goes_on(page_in_margin(bite=16))


def the_rim_of_a_page_goes_with_its_margin() -> None:
    picture = page_in_margin()
    picture[60:80, 50:53] = 250  # the edge rings
    picture[60:80, 53] = 90
    bare = without_margin(picture)
    assert bare[70, 50:53].max() < 220
    assert bare[70, 53] == 90


PROBES: dict[str, Callable[[], None]] = {
    "MARGIN_VARIATION_LEVELS": a_margin_is_of_one_colour,
    "MIN_PAGE_SHARE": a_page_is_a_fair_part_of_the_picture,
    "MIN_PAGE_RECTANGULARITY": a_page_in_a_margin_is_a_solid_rectangle,
    "MARGIN_KERNEL_PX": the_rim_of_a_page_goes_with_its_margin,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)


def test_a_page_differs_from_its_margin_by_what_ink_does_on_most_of_its_edge():
    assert goes_on(page_in_margin(level=14))
    assert not goes_on(page_in_margin(level=11))
    assert goes_on(page_in_margin(shaded=150)), "a quarter of it lies in a shadow"
    shaded = page_in_margin(shaded=150)
    shaded[140:160, 50:250] = 10
    assert not goes_on(shaded)


def test_crumbs_are_no_page_in_a_margin():
    crumbs = np.zeros((300, 300), np.uint8)
    crumbs[::3, ::2] = 255
    assert not module._is_margin(crumbs, cv2.bitwise_not(crumbs))
