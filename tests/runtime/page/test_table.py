"""Which lines are a table, and that no number runs across a border of its cells."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.page import table as module
from edgeproof.page.ink.lines import Lines, Ruling
from edgeproof.page.reader import open_reader

ROWS = [["38", "4", "71"], ["90", "", "25"], ["6", "12", "8"], ["47", "3", ""]]


@pytest.fixture(scope="module")
def reader():
    with open_reader() as opened:
        yield opened


def lines(across: list[float], start: float, end: float) -> Lines:
    count = len(across)
    curve = np.stack([np.array(across, float), np.zeros(count), np.zeros(count)], axis=1)
    return Lines(np.full(count, start), np.full(count, end), curve, np.full(count, 2.0))


def grid(rows: int = 2, columns: int = 3) -> Ruling:
    """Cells of 100 × 60 pixels from (50, 40) on."""
    level = lines([40 + 60.0 * i for i in range(rows + 1)], 50, 50 + 100 * columns)
    upright = lines([50 + 100.0 * i for i in range(columns + 1)], 40, 40 + 60 * rows)
    return Ruling(level, upright)


def test_points_are_in_the_cell_between_its_borders():
    found = module.grid_of(grid())
    assert found is not None
    assert (found.rows, found.columns) == (2, 3)
    x, y = np.array([60.0, 155, 340, 40, 200, 351]), np.array([50.0, 105, 150, 50, 30, 50])
    assert found.cells(x, y) == [(0, 0), (1, 1), (1, 2), None, None, None]
    twice = found.scaled((2, 2))
    assert twice.cells(2 * x, 2 * y) == found.cells(x, y)


def test_a_stroke_that_crosses_some_lines_is_no_border():
    ruling = grid(4, 3)
    found = module.grid_of(Ruling(ruling.level, ruling.upright + lines([180], 100, 160)))
    assert found is not None
    assert (found.rows, found.columns) == (4, 3)


def test_two_lines_side_by_side_are_one_border():
    ruling = grid()
    found = module.grid_of(Ruling(ruling.level + lines([45], 50, 350), ruling.upright))
    assert found is not None
    assert found.rows == 2


def test_squared_paper_ruled_paper_and_a_box_are_no_tables():
    assert module.grid_of(Ruling(lines([40, 100, 160], 0, 639), lines([50, 150, 250], 0, 479))) is None
    assert module.grid_of(Ruling(lines([40, 100, 160], 0, 639), lines([50], 0, 479))) is None
    assert module.grid_of(Ruling(lines([40, 100, 160], 0, 639), Lines.none())) is None
    assert module.grid_of(grid(1, 1)) is None


def read(boxes, marks=()):
    found = module.grid_of(grid())
    names = [str(i) for i in range(len(boxes))]
    return module.read_table(found, names, [0.9] * len(boxes), boxes, [], list(marks))


def test_numbers_end_at_the_border_of_their_cell():
    """Digits that stand evenly, two in the first cell, one in the second; and one in the second row, with a minus sign."""
    boxes = [(100, 55, 20, 30), (125, 55, 20, 30), (155, 55, 20, 30), (90, 115, 20, 30)]
    numbers, texts = read(boxes, [("minus", (65, 128, 15, 4))])
    assert texts == (("01", "2", ""), ("-3", "", ""))
    assert [(number.text, number.cell, number.digits) for number in numbers] == [
        ("01", (0, 0), (0, 1)), ("2", (0, 1), (2,)), ("-3", (1, 0), (3,)),
    ]  # fmt: skip


def test_what_stands_above_a_table_comes_first_and_what_stands_below_last():
    numbers, texts = read([(60, 55, 20, 30), (60, 5, 20, 30), (60, 170, 20, 30)])
    assert [number.text for number in numbers] == ["1", "0", "2"]
    assert [number.cell for number in numbers] == [None, (0, 0), None]
    assert texts == (("0", "", ""), ("", "", ""))


def test_a_grid_that_digits_lie_across_is_paper():
    numbers, texts = read([(140, 55, 20, 30), (240, 55, 20, 30), (60, 85, 20, 30)])
    assert texts is None
    assert all(number.cell is None for number in numbers)


def test_without_a_grid_there_is_no_table():
    numbers, texts = module.read_table(None, ["4"], [0.9], [(10, 10, 20, 30)], [], [])
    assert ([number.text for number in numbers], texts) == (["4"], None)


@pytest.mark.parametrize("look", [{}, {"angle": -4}, {"bend": 10}, {"ink": 150, "rule": 20}, {"rule": 60}])
def test_a_drawn_table_is_read_cell_by_cell(draw_form, reader, look):
    found = reader.read(draw_form(ROWS, cell=(110, 70), **look).frame)
    assert found.table is not None
    cells = [
        (one, other) for row, read in zip(ROWS, found.table, strict=True) for one, other in zip(row, read, strict=True)
    ]
    assert sum(one == other for one, other in cells) >= len(cells) - 1
    assert [number.cell for number in found.numbers] == sorted(number.cell for number in found.numbers)
