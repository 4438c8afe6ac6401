"""What a press puts on paper."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes.photograph import printing
from benchmarks.scenes.photograph.printing import FILES, Face, Rule, Text, print_onto


def white() -> np.ndarray:
    return np.ones((120, 300, 3), np.float32)


@pytest.mark.parametrize("face", FILES)
def test_a_text_s_mark_is_where_its_letters_are(face: Face) -> None:
    """± 2 pixels of smoothing; a capital letter is as high as stated, ± an eighth."""
    page = white()
    (mark,) = print_onto(page, [Text("HE", 20, 70, 30, face)], (0, 0), 1)
    ink = page.min(axis=2) < 0.5
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    x, y, width, height = mark.box
    assert np.allclose((x, y, x + width, y + height), (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), atol=2)
    assert height == pytest.approx(30, abs=4)
    assert y + height == pytest.approx(70, abs=2)
    assert (mark.line, mark.number, mark.is_digit) == (-1, -1, False)


def test_print_stands_on_the_page_by_corner_and_scale() -> None:
    near, far = white(), white()
    rule = Rule(((10, 20), (60, 20)), 3, (0.2, 0.4, 0.9))
    assert print_onto(near, [rule], (0, 0), 1) == ()
    print_onto(far, [rule], (100, 50), 2)
    assert near[19, 30] == pytest.approx(rule.colour, abs=0.02)
    assert far[89, 160] == pytest.approx(rule.colour, abs=0.02)
    for page, area in ((near, 50 * 3), (far, 100 * 6)):
        assert (1 - page[..., 0]).sum() / 0.8 == pytest.approx(area, rel=0.15), "the ends are round"


def test_print_beyond_the_page_is_cut() -> None:
    page = white()
    print_onto(page, [Rule(((-50, 60), (900, 60)), 2), Rule(((-50, -60), (-20, -60)))], (0, 0), 1)
    assert (page[59:61] < 0.5).all()
    assert (page[:50] == 1).all()


def test_letters_are_inked_and_their_holes_are_not() -> None:
    page = white()
    print_onto(page, [Text("o", 100, 90, 60, "sans")], (0, 0), 1)
    ink = page[..., 0] < 0.5
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert not ink[rows.mean().astype(int), columns.mean().astype(int)]
    assert set(printing.FILES) == {"serif", "bold", "italic", "sans"}
