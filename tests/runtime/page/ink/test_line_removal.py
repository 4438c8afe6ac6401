"""What is taken for a ruled line: boxes and masks just inside and just outside of each limit."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import line_removal as module

Mask = NDArray[np.uint8]


def paper(side: int) -> Mask:
    return np.zeros((side, side), np.uint8)


def with_line(length: int, thickness: int) -> Mask:
    """A level line in a picture of 1,000 pixels."""
    mask = paper(1000)
    mask[400 : 400 + thickness, 300 : 300 + length] = 255
    return mask


def taken_for_a_line(mask: Mask) -> bool:
    """At least half of it: the ends of a run are rounded."""
    return 2 * cv2.countNonZero(module._straight(mask)) > cv2.countNonZero(mask)


def is_ruled(width: int) -> bool:
    """Whether a flat box amid a page of 1,000 pixels, beside one that is as tall as the page, is taken for a line."""
    return bool(module.is_line(np.array([(300, 400, width, 20), (900, 0, 30, 1000)]), (1000, 1000))[0])


def a_wide_flat_piece_has_a_line_in_it() -> None:
    assert is_ruled(160)
    assert not is_ruled(140)


def a_straight_run_is_a_line_and_a_stroke_is_none() -> None:
    assert taken_for_a_line(with_line(length=110, thickness=3))
    assert not taken_for_a_line(with_line(length=90, thickness=3))


def a_shadow_is_broader_than_a_line() -> None:
    assert taken_for_a_line(with_line(length=600, thickness=15))
    assert not taken_for_a_line(with_line(length=600, thickness=19))


def falling_line_and_dots(side: int) -> Mask:
    """A line that falls by 45°, and a level row of single pixels, three apart, that is more than twice as long."""
    mask = paper(side)
    mask[side // 8, ::3] = 255
    cv2.line(mask, (side // 4, side // 4), (5 * side // 8, 5 * side // 8), 255, 1)
    return mask


def a_row_of_dots_is_a_line_in_a_small_picture_and_grain_in_a_large_one() -> None:
    assert module._direction(falling_line_and_dots(700)) == pytest.approx(0, abs=0.01)
    assert module._direction(falling_line_and_dots(800)) == pytest.approx(np.pi / 4, abs=0.01)


def stripes(wide: int) -> Mask:
    """At 45°, so many pixels across of 100."""
    down, across = np.indices((256, 256))
    return np.where((across - down) % 100 < wide, np.uint8(255), np.uint8(0))


def where_lines_cover_a_third_there_is_no_direction() -> None:
    assert module._direction(stripes(32)) == pytest.approx(np.pi / 4, abs=0.05)
    assert module._direction(stripes(38)) == 0


def few_slivers_are_ones_and_many_are_pieces_of_lines() -> None:
    sliver = (50, 50, 30, 3)
    assert module.has_broken_lines(np.array([sliver] * 12))
    assert not module.has_broken_lines(np.array([sliver] * 11))


PROBES: dict[str, Callable[[], None]] = {
    "MIN_RULED_LINE_SHARE": a_wide_flat_piece_has_a_line_in_it,
    "MIN_LINE_RUN_SHARE": a_straight_run_is_a_line_and_a_stroke_is_none,
    "MIN_LINE_ELONGATION": a_shadow_is_broader_than_a_line,
    "HOUGH_SIDE_PX": a_row_of_dots_is_a_line_in_a_small_picture_and_grain_in_a_large_one,
    "MAX_LINED_SHARE": where_lines_cover_a_third_there_is_no_direction,
    "MIN_BROKEN_LINE_PIECES": few_slivers_are_ones_and_many_are_pieces_of_lines,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)


@pytest.mark.parametrize(("height", "line"), [(550, True), (450, False)])
def test_what_leaves_the_page_and_is_longer_than_half_of_it_is_a_line(height, line):
    assert module.is_line(np.array([(300, 0, 30, height)]), (1000, 1000)).tolist() == [line]
    assert not module.is_line(np.array([(300, 200, 30, height)]), (1000, 1000)).any()


@pytest.mark.parametrize("shape", [(12, 4000), (4000, 12), (30, 100_000)])
def test_a_strip_has_a_direction_and_no_run_longer_than_its_shorter_side(shape):
    mask = np.zeros(shape, np.uint8)
    mask[shape[0] // 2, :] = 255
    assert module._direction(mask) == pytest.approx(0, abs=0.01)
    assert module._straight(mask).shape == shape
