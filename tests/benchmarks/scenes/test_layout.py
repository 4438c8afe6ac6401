"""What is written where."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes import conditions, layout
from benchmarks.scenes.writer import Digits, Writer


@pytest.mark.parametrize("style", layout.WITHOUT_DIGITS)
def test_scenes_without_digits_have_none(digits: Digits, style: layout.Style) -> None:
    scene = conditions.make_base(style, digits, 1, (480, 360), 40).scene
    assert scene.digits == ()
    assert scene.numbers == ()
    assert bool(scene.marks) is (style != "blank")


def test_numbers_are_the_digits_in_groups(digits: Digits) -> None:
    writer = Writer(*digits, np.random.default_rng(0))
    page = layout.PageWriter((800, 200), 40, writer)
    page.new_line()
    page.write("12+7 = 190", 20, 100)
    marks = [(one.text, one.number) for one in page.written]
    assert marks == [("1", 0), ("2", 0), ("+", -1), ("7", 1), ("=", -1), ("1", 2), ("9", 2), ("0", 2)]


def test_given_rows_are_written_where_they_should_begin(digits: Digits) -> None:
    """± a tenth of a digit at the left, ± its size and height above the base line."""
    writer = Writer(*digits, np.random.default_rng(0))
    written = layout.compose_rows(("12 345", "6"), (800, 400), 50, writer, corner=(0.1, 0.2), pitch=2)
    assert [(one.text, one.line, one.number) for one in written] == [
        ("1", 0, 0), ("2", 0, 0), ("3", 0, 1), ("4", 0, 1), ("5", 0, 1), ("6", 1, 2),
    ]  # fmt: skip
    for one, baseline in ((written[0], 80 + 50), (written[5], 80 + 50 + 100)):
        tall, wide = layout.ink(one.path, one.height, layout.COMMON_PEN, one.turn).shape
        assert one.centre[0] - wide / 2 == pytest.approx(80, abs=5)
        assert one.centre[1] + tall / 2 == pytest.approx(baseline, abs=8)
