"""Digits to numbers: gaps, slanted lines, reading order, separators, scale."""

from __future__ import annotations

import math

import pytest

from edgeproof.page import numbers
from edgeproof.page.numbers import lines, read_numbers


def row(text: str, *, x: float = 0, y: float = 0, height: int = 60, gap: float = 0.3, rise: float = 0.0):
    """(name, box) of each digit of a row written from (x, y); a blank is 1.5 heights wide, `rise` is dy over dx."""
    placed, start = [], x
    for name in text:
        if name == " ":
            x += 1.5 * height
            continue
        width = round(height * (0.2 if name == "1" else 0.6))
        placed.append((name, (round(x), round(y - rise * (x - start)), width, height)))
        x += width + gap * height
    return placed


def texts(digits, between=()):
    names, boxes = zip(*digits, strict=True)
    return [number.text for number in read_numbers(names, [1.0] * len(names), boxes, between)]


def test_a_wide_gap_parts_numbers_and_rows_read_from_the_top():
    assert texts(row("36 1729", y=200) + row("2026 31", y=0)) == ["2026", "31", "36", "1729"]


@pytest.mark.parametrize("scale", [0.25, 1, 8])
def test_the_answer_does_not_depend_on_the_scale(scale):
    height = round(60 * scale)
    digits = row("12 345", y=0, height=height) + row("678", y=2 * height, height=height)
    assert texts(digits) == ["12", "345", "678"]


@pytest.mark.parametrize("rise", [-0.25, -0.1, 0.1, 0.25])  # ± 14 degrees
def test_slanted_lines_stay_whole_and_in_order(rise):
    digits = row("2026  31", y=300, rise=rise) + row("4751  908", y=420, rise=rise)
    assert texts(digits) == ["2026", "31", "4751", "908"]


def test_evenly_spaced_digits_are_one_number():
    assert texts(row("05221859", gap=0.9)) == ["05221859"]


def test_what_is_no_digit_parts_two_numbers_however_close():
    digits = [("1", (0, 0, 12, 60)), ("2", (40, 0, 36, 60))]
    assert texts(digits) == ["12"]
    assert texts(digits, between=[(18, 20, 16, 16)]) == ["1", "2"]
    assert texts(digits, between=[(18, 220, 16, 16)]) == ["12"]  # on another line


def test_a_number_is_as_sure_as_its_least_sure_digit_and_boxes_its_digits():
    (number,) = read_numbers(["4", "2"], [0.9, 0.6], [(50, 10, 30, 60), (10, 12, 30, 60)])
    assert number.text == "24"
    assert number.score == 0.6
    assert number.box == (10, 10, 70, 62)
    assert number.digits == (1, 0)


def test_nothing_gives_nothing():
    assert read_numbers([], [], []) == ()


def test_numbers_are_parted_where_the_gaps_jump_however_wide_a_hand_writes():
    gaps = [1.55, 1.66, 1.3, 1.47, 1.04, 1.6, 1.72, 1.19, 1.43]
    x, digits = 0.0, []
    for name, gap in zip("0123456789", [*gaps, 0], strict=True):
        digits.append((name, (round(x), 0, 30, 60)))
        x += 30 + gap * 60
    assert texts(digits) == ["0123456789"]
    wide = row("12", gap=1.0) + row("34", x=500, gap=1.0)
    assert texts(wide) == ["12", "34"]


DOT, DASH = (92, 52, 8, 8), (-40, 28, 24, 5)


def test_a_dot_at_the_foot_is_a_decimal_point_elsewhere_it_is_not():
    digits = [("3", (50, 0, 36, 60)), ("1", (108, 0, 12, 60)), ("4", (130, 0, 36, 60))]
    names, boxes = zip(*digits, strict=True)
    read = [number.text for number in read_numbers(names, [1.0] * 3, boxes, (), [("point", DOT)])]
    assert read == ["3.14"]
    for other in ((92, 10, 8, 8), (92, 90, 8, 8), (92, 50, 2, 2)):  # too high, below the line, dirt
        assert [n.text for n in read_numbers(names, [1.0] * 3, boxes, (), [("point", other)])] == ["314"]


def test_a_dash_before_a_number_is_its_sign_between_numbers_it_parts_them():
    digits = row("47") + row("12", x=220)
    names, boxes = zip(*digits, strict=True)
    (first, second) = read_numbers(names, [1.0] * 4, boxes, (), [("minus", DASH), ("minus", (143, 28, 24, 5))])
    assert (first.text, second.text) == ("-47", "12")
    assert first.box[0] == DASH[0]
    for other in ((-40, 70, 24, 5), (-90, 28, 24, 5), (-140, 28, 130, 5)):  # an underline, far off, a long rule
        assert read_numbers(names, [1.0] * 4, boxes, (), [("minus", other)])[0].text == "47"


# ---- the numbers that decide, on digits 100 pixels high --------------------------------------------------------------

FIRST = (0, 0, 50, 100)


def on_one_line(x: int, y: int) -> bool:
    """Whether a second digit there goes on the line of the first."""
    return len(lines([FIRST, (x, y, 50, 100)])) == 1


def is_point(size: int) -> bool:
    return numbers._point(FIRST, (120, 0, 50, 100), numbers._Things([(80, 100 - size // 2, size, size)]), 100)


def is_minus(*, width: int = 50, gap: int = 20) -> bool:
    first = (500, 0, 50, 100)
    dashes = numbers._Things([(500 - gap - width, 45, width, 8)])
    return numbers._minus(first, None, numbers._Things([]), dashes, 100) is not None


def a_step() -> None:
    assert (on_one_line(100, 65), on_one_line(100, 75)) == (True, False)


def a_slope() -> None:
    assert (on_one_line(300, 85), on_one_line(300, 95)) == (True, False)


def a_slope_to_far_away() -> None:
    assert (on_one_line(600, 100), on_one_line(600, 110)) == (True, False)


def a_gap_in_a_line() -> None:
    assert (on_one_line(1200, 0), on_one_line(1300, 0)) == (True, False)


def a_small_gap_parts_nothing() -> None:
    assert numbers._limit([0.2, 0.2, 0.47]) == math.inf
    assert numbers._limit([0.2, 0.2, 0.53]) < 0.53


def a_gap_alone() -> None:
    assert texts([("1", FIRST), ("2", (160, 0, 50, 100))]) == ["12"]
    assert texts([("1", FIRST), ("2", (180, 0, 50, 100))]) == ["1", "2"]


def a_gap_beside_a_smaller_one() -> None:
    assert numbers._limit([0.4, 0.4 * 1.6]) == math.inf
    assert numbers._limit([0.4, 0.4 * 1.8]) < 0.4 * 1.8


def dirt_is_no_point() -> None:
    assert (is_point(7), is_point(9)) == (False, True)


def a_blob_is_no_point() -> None:
    assert (is_point(33), is_point(37)) == (True, False)


def a_short_dash_is_no_minus() -> None:
    assert (is_minus(width=18), is_minus(width=22)) == (False, True)


def a_dash_far_off_is_no_minus() -> None:
    assert (is_minus(gap=65), is_minus(gap=75)) == (True, False)


PROBES = {
    "MAX_STEP_HEIGHTS": a_step,
    "MAX_LINE_SLOPE": a_slope,
    "SLOPE_REACH_HEIGHTS": a_slope_to_far_away,
    "MAX_LINE_GAP_HEIGHTS": a_gap_in_a_line,
    "MIN_NUMBER_GAP_HEIGHTS": a_small_gap_parts_nothing,
    "LONE_GAP_HEIGHTS": a_gap_alone,
    "NUMBER_GAP_RATIO": a_gap_beside_a_smaller_one,
    "POINT_SIZE_HEIGHTS[0]": dirt_is_no_point,
    "POINT_SIZE_HEIGHTS[1]": a_blob_is_no_point,
    "MINUS_MIN_WIDTH_HEIGHTS": a_short_dash_is_no_minus,
    "MINUS_MAX_GAP_HEIGHTS": a_dash_far_off_is_no_minus,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(numbers, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(numbers)
