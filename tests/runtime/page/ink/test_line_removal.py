"""Lines out, strokes whole: drawn to the pixel, and tables, boxes and ruled pages with golden digits."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import line_removal as module
from edgeproof.page.ink.binarize import Page
from edgeproof.page.ink.lines import Lines, Ruling
from edgeproof.page.segment import segment

Mask = NDArray[np.uint8]
LINE = Ruling(Lines(np.zeros(1), np.array([399.0]), np.array([[100.0, 0, 0]]), np.array([3.0])), Lines.none())


def page(strokes: Mask, line: int = 200) -> Page:
    """Strokes of level 200, and a level line of three pixels through the middle."""
    ink = strokes.copy()
    ink[99:102] = np.maximum(ink[99:102], line)
    return Page(ink, 100, 12)


def paper() -> Mask:
    return np.zeros((200, 400), np.uint8)


@pytest.mark.parametrize("line", [60, 120, 200])
def test_a_stroke_that_crosses_a_line_stays_whole(line):
    strokes = paper()
    strokes[60:140, 200:206] = 200
    cv2.line(strokes, (260, 60), (300, 140), 200, 6)
    strokes[120:124, 320:350] = 200  # a minus sign
    bare = module.without(page(strokes, line), LINE)
    assert cv2.connectedComponents(bare.mask)[0] - 1 == 3
    assert cv2.countNonZero(cv2.bitwise_xor(bare.mask, cv2.compare(strokes, 100, cv2.CMP_GE))) <= 30


def test_pencil_in_a_strong_grid_is_told_by_its_own_level():
    """At half the contrast of the grid it would fall to pieces."""
    strokes = paper()
    strokes[60:140, 200:206] = 55
    bare = module.without(page(strokes, 200), LINE)
    assert bare.page.edge < 40
    assert cv2.connectedComponents(bare.mask)[0] - 1 == 1
    assert cv2.boundingRect(bare.mask) == (200, 60, 6, 80)


def test_what_is_left_of_a_line_are_shreds():
    bare = module.without(page(paper()), LINE)
    pieces = [[np.array([[[10, 99]], [[14, 99]], [[14, 101]], [[10, 101]]])], [np.array([[[10, 80]], [[14, 101]]])]]
    assert bare.shreds(pieces).tolist() == [True, False]
    assert bare.shreds([]).tolist() == []


def test_few_slivers_are_ones_and_where_most_are_they_are_pieces_of_lines():
    sliver, digit = (50, 50, 30, 3), (50, 50, 30, 40)
    assert module.has_broken_lines(np.array([sliver] * 12 + [digit] * 11))
    assert not module.has_broken_lines(np.array([sliver] * 12 + [digit] * 12))
    assert not module.has_broken_lines(np.array([sliver] * 3))


@pytest.mark.parametrize(("height", "line"), [(550, True), (450, False)])
def test_what_leaves_the_page_and_is_longer_than_half_of_it_is_a_line(height, line):
    assert module.is_line(np.array([(300, 0, 30, height)]), (1000, 1000)).tolist() == [line]
    assert not module.is_line(np.array([(300, 200, 30, height)]), (1000, 1000)).any()


def test_a_sliver_along_the_border_is_an_edge_and_one_beside_it_is_a_1():
    slivers = np.array([(0, 300, 10, 40), (990, 300, 10, 40), (300, 0, 40, 10), (5, 300, 10, 40), (0, 300, 30, 40)])
    assert module.is_edge(slivers, (1000, 1000)).tolist() == [True, True, True, False, False]


# ---- pages -----------------------------------------------------------------------------------------------------------

ROWS = [["38", "4", "71"], ["90", "", "25"], ["6", "12", "8"], ["47", "3", ""]]
SINGLE = [["3", "8", "", "4", "7"], ["", "9", "0", "2", ""], ["5", "6", "1", "", "2"]]
FORMS = {
    "a table": {},
    "as dark as the ink": {"rule": 60, "ink": 60, "thick": 2},
    "pencil in a strong grid": {"rule": 20, "ink": 160, "thick": 3},
    "pale lines": {"rule": 150},
    "bent": {"bend": 12},
    "turned": {"angle": 6},
    "thick lines": {"thick": 6},
    "on the lower line": {"down": 1.08},
    "across the upper line": {"down": -0.1},
}


def hits(form) -> tuple[int, int]:
    """How many digits of a form are found whole, and what else is."""
    boxes = [each.box for each in segment(form.frame).candidates if each.whole]
    missed = 0
    for _, (x, y, width, height) in form.digits:
        near = [
            box
            for box in boxes
            if abs(2 * box[3] - 2 * height) <= height and x - 8 <= box[0] + box[2] / 2 <= x + width + 8
        ]
        missed += not any(abs(box[1] + box[3] / 2 - y - height / 2) <= height / 2 for box in near)
    return len(form.digits) - missed, len(boxes) - len(form.digits) + missed


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_digits_in_a_table_are_found_and_nothing_else(draw_form, kind):
    for seed in (1, 2):
        form = draw_form(ROWS, cell=(120, 70), seed=seed, **FORMS[kind])
        if "angle" in FORMS[kind] or "bend" in FORMS[kind]:
            assert len([each for each in segment(form.frame).candidates if each.whole]) == len(form.digits)
        else:
            found, extra = hits(form)
            assert found >= len(form.digits) - 1
            assert extra <= 1


@pytest.mark.parametrize("tint", [10, 14])
def test_lines_are_found_between_cells_that_are_not_quite_white(draw_form, tint):
    """Printed in a pale tint, every second column is a little darker than paper, here and there."""
    form = draw_form(ROWS, cell=(120, 70), height=56, down=0.9, rule=40)
    noise = np.random.default_rng(1).normal(tint, tint / 2, form.frame.shape[:2])
    tinted = np.arange(form.frame.shape[1]) // 120 % 2 == 0
    darker = np.where(tinted & (form.frame[..., 0] > 150), noise, 0).clip(0, 40)
    found, extra = hits(replace(form, frame=(form.frame - darker[..., None]).astype(np.uint8)))
    assert found >= len(form.digits) - 1
    assert extra <= 1


@pytest.mark.parametrize("look", [{}, {"thick": 1, "rule": 120}, {"ink": 150}, {"height": 56}])
def test_boxes_of_a_form_are_no_digits(draw_form, look):
    form = draw_form(SINGLE, cell=(52, 64), apart=24, **look)
    found, extra = hits(form)
    assert found >= len(form.digits) - 1
    assert extra <= 1


def test_empty_boxes_are_nothing(draw_form):
    for thick in (1, 3, 5):
        assert segment(draw_form([[""] * 4] * 3, cell=(40, 40), apart=30, thick=thick).frame).candidates == ()
