"""Which pieces of ink are boxes of a form."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import frames as module
from edgeproof.page.segment import _connected

Mask = NDArray[np.uint8]


def paper() -> Mask:
    return np.zeros((200, 300), np.uint8)


def boxes_and_tables(mask: Mask) -> tuple[int, int]:
    single, several = module.structure(*_connected(mask))
    return len(single), int(several.sum())


def box() -> Mask:
    return cv2.rectangle(paper(), (100, 50), (160, 120), 255, 3)


def test_a_rectangle_is_a_box_with_and_without_a_digit_that_touches_it():
    assert boxes_and_tables(box()) == (1, 0)
    assert boxes_and_tables(cv2.putText(box(), "5", (112, 118), cv2.FONT_HERSHEY_SIMPLEX, 2.2, 255, 4)) == (1, 0)


@pytest.mark.parametrize("angle", [-12, 5, 30])
def test_a_turned_box_is_one(angle):
    turn = cv2.getRotationMatrix2D((130, 85), angle, 1.0)
    turned = (cv2.warpAffine(box(), turn, (300, 200)) > 127).astype(np.uint8) * 255
    assert boxes_and_tables(turned) == (1, 0)


@pytest.mark.parametrize("digit", "0123456789")
def test_no_digit_is_one(digit):
    for thick in (2, 4, 10):
        assert boxes_and_tables(cv2.putText(paper(), digit, (100, 150), cv2.FONT_HERSHEY_SIMPLEX, 4, 255, thick)) == (
            0,
            0,
        )


def test_an_oval_is_none_and_a_small_square_is_none():
    assert boxes_and_tables(cv2.ellipse(paper(), (150, 100), (40, 60), 0, 0, 360, 255, 3)) == (0, 0)
    assert boxes_and_tables(cv2.rectangle(paper(), (100, 50), (107, 57), 255, 1)) == (0, 0)


def test_two_boxes_that_share_a_side_are_a_table():
    mask = box()
    mask[50:121, 128:131] = 255
    assert boxes_and_tables(mask) == (0, 1)


def test_the_sides_of_a_box_run_in_the_middle_of_its_strokes():
    single, _ = module.structure(*_connected(box()))
    sides = module.sides(single, box())
    assert sorted(sides.level.curve[:, 0].tolist()) == pytest.approx([50, 120], abs=1)
    assert sorted(sides.upright.curve[:, 0].tolist()) == pytest.approx([100, 160], abs=1)
    assert module.shortest_side(single) == pytest.approx(64, abs=3)
