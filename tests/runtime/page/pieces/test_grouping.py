"""Which pieces of ink are one character. Most are drawn as upright rectangles, so that every size is exact."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeproof.page.geometry import Box
from edgeproof.page.pieces import grouping as module
from edgeproof.page.pieces.grouping import characters, large_text

ROW = [(1000 + 200 * i, 0, 50, 100) for i in range(3)]  # far away: they make 100 pixels the page's typical height


def rectangle(box: Box) -> list:
    """A filled piece of ink: its outline, and no holes."""
    x, y, width, height = box
    return [
        np.array([[(x, y)], [(x, y + height - 1)], [(x + width - 1, y + height - 1)], [(x + width - 1, y)]], np.int32)
    ]


def corner(box: Box, thick: int) -> list:
    """A piece of ink like an L, its strokes `thick` pixels wide."""
    x, y, width, height = box
    right, bottom = x + width - 1, y + height - 1
    way = [(x, y), (x, bottom), (right, bottom), (right, bottom - thick), (x + thick, bottom - thick), (x + thick, y)]
    return [np.array(way, np.int32)[:, None]]


def count(*boxes: Box) -> int:
    """How many characters rectangles are, beside a row of digits 100 pixels high."""
    every = [*boxes, *ROW]
    groups, specks = characters([rectangle(box) for box in every], np.array(every, np.int64))
    return len(groups) - len(ROW) + len(specks)


def is_one(*boxes: Box) -> bool:
    return count(*boxes) == 1


def is_speck(piece: list) -> bool:
    """Whether a piece is a speck beside the first character of ROW."""
    pieces = [piece, *(rectangle(box) for box in ROW)]
    boxes = np.array([cv2.boundingRect(each[0]) for each in pieces], np.int64)
    return characters(pieces, boxes)[1] == [0]


def a_step_compares_so_many_pieces() -> None:
    """Of a row of 60 strokes that stand close."""
    row = [(20 * i, 0, 18, 40) for i in range(60)]
    at_once: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        near = module._near
        patch.setattr(
            module, "_near", lambda sides, mains, typical: at_once.append(len(mains)) or near(sides, mains, typical)
        )
        characters([rectangle(box) for box in row], np.array(row, np.int64))
    assert at_once == [32, 28]


def a_speck_is_small_beside_its_character() -> None:
    assert is_speck(rectangle((960, 70, 24, 24)))
    assert not is_speck(rectangle((960, 70, 26, 26)))


def a_dot_is_filled() -> None:
    """Two corners of 21 × 21 pixels, of which the thicker fills 0.58 of its box and the thinner 0.44."""
    assert is_speck(corner((960, 70, 21, 21), 7))
    assert not is_speck(corner((960, 70, 21, 21), 5))


def one_lies_over_the_other() -> None:
    """A bar over a belly, by 6 or 10 of its 40 pixels."""
    assert not is_one((66, 0, 40, 20), (100, 30, 60, 70))
    assert is_one((70, 0, 40, 20), (100, 30, 60, 70))


def what_lies_over_the_other_is_near() -> None:
    assert is_one((0, 0, 40, 40), (0, 64, 40, 40))
    assert not is_one((0, 0, 40, 40), (0, 68, 40, 40))


def halves_beside_each_other_all_but_touch() -> None:
    assert is_one((0, 0, 30, 70), (34, 50, 20, 50))
    assert not is_one((0, 0, 30, 70), (36, 50, 20, 50))


def large_text_is_many_times_the_median() -> None:
    small = [(20 * i, 0, 8, 10) for i in range(12)]
    for height, found in ((78, 0), (82, 1)):
        boxes = [*small, (400, 0, 40, height)]
        assert large_text([corner(box, 2) for box in boxes], np.array(boxes, np.int64)).sum() == found


def small_text_is_more_than_dirt() -> None:
    for count, found in ((7, 0), (8, 1)):
        boxes = [*((20 * i, 0, 8, 10) for i in range(count)), (400, 0, 40, 100)]
        assert large_text([corner(box, 2) for box in boxes], np.array(boxes, np.int64)).sum() == found


def characters_are_about_as_tall() -> None:
    """What is joined is 133 or 137 pixels high, and a neighbour of the upper of two pieces 1.3 or 1.4 times as tall as it."""
    assert is_one((0, 0, 40, 23), (0, 33, 60, 100))
    assert not is_one((0, 0, 40, 27), (0, 37, 60, 100))
    upper, lower, beside = (0, 20, 40, 45), (0, 75, 40, 45), (60, 75, 40, 45)
    assert count(upper, lower, beside, (60, 13, 40, 59)) == 4
    assert count(upper, lower, beside, (60, 11, 40, 63)) < 4


def jagged(corners: int, left: int) -> list:
    """A piece 4 pixels wide and as many high as it has corners, half of them at either side."""
    down = np.arange(corners // 2)
    one = np.stack([left + down % 2, 2 * down], axis=1)
    other = np.stack([left + 3 + down % 2, 2 * down], axis=1)[::-1]
    return [np.concatenate([one, other]).astype(np.int32)[:, None]]


def halves_are_one(corners: int, beside: int = 0) -> bool:
    """Whether two outlines of so many corners, side by side with a shift, are one character, with so many corners elsewhere."""
    one, other = jagged(corners, 0), jagged(corners, 6)
    other[0][..., 1] += corners // 3
    far = [jagged(corners, 100 * corners * (i + 1)) for i in range(beside // corners)]
    pieces = [one, other, *far]
    groups, _ = characters(pieces, np.array([cv2.boundingRect(piece[0]) for piece in pieces], np.int64))
    return len(groups) == 1 + len(far)


def so_many_corners_are_compared_in_any_case() -> None:
    """Two thirds of them lie beside the other outline."""
    assert halves_are_one(2000)
    assert not halves_are_one(2300)


def for_each_corner_so_many_more_are_compared() -> None:
    assert halves_are_one(3600, beside=100_000)
    assert not halves_are_one(4000, beside=100_000)


PROBES = {
    "FREE_COMPARISONS": so_many_corners_are_compared_in_any_case,
    "COMPARISONS_PER_CORNER": for_each_corner_so_many_more_are_compared,
    "PIECES_AT_ONCE": a_step_compares_so_many_pieces,
    "MIN_SMALL_TEXT_PIECES": small_text_is_more_than_dirt,
    "MAX_SPECK_SIZE_SHARE": a_speck_is_small_beside_its_character,
    "MIN_DOT_FILL": a_dot_is_filled,
    "MIN_OVERLAP_SHARE": one_lies_over_the_other,
    "MAX_GAP_OVER_SHARE": what_lies_over_the_other_is_near,
    "MAX_GAP_BESIDE_SHARE": halves_beside_each_other_all_but_touch,
    "LARGE_TEXT_HEIGHT_RATIO": large_text_is_many_times_the_median,
    "MAX_HEIGHT_RATIO": characters_are_about_as_tall,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)
