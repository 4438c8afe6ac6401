"""The numbers that say what a thing on a page looks like and what stands around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeproof.page.context import features
from edgeproof.page.context.features import NAMES, Page, things


def numbers(of: Page) -> dict[str, np.ndarray]:
    """Each number by its name, (N,) in the order of the boxes."""
    found = things(of)
    table = np.empty((len(of.boxes), len(NAMES)))
    table[found.order] = found.numbers()
    return dict(zip(NAMES, table.T, strict=True))


def few_digits_say_little_of_their_spread(page, stroke) -> None:
    assert spread(page(("2", 0), ("1", 0), glyphs=[stroke(), stroke(lean=30)])) == pytest.approx(0.95, rel=0.05)


def ten_say_as_much_as_is_usual(page, stroke) -> None:
    of = page(*[("2", 0)] * 10, ("1", 0), glyphs=[stroke()] * 10 + [stroke(lean=30)])
    assert spread(of) == pytest.approx(0.5**0.5, rel=0.02)


PROBES = {"USUAL_SPREAD": few_digits_say_little_of_their_spread, "SPREAD_DIGITS": ten_say_as_much_as_is_usual}


def test_what_the_model_says(page) -> None:
    found = numbers(page(("3", 0), ("-", 0)))
    assert found["digit"][0] > 5 > -5 > found["digit"][1]
    assert (found["is_3"].tolist(), found["is_0"][0]) == ([1, 0], 0)
    assert found["margin"][0] > 5


def test_to_a_model_of_the_ten_digits_alone_its_doubt_is_none(page) -> None:
    of = page(("3", 0), ("3", 0))
    of.probabilities[1] = 0.05
    of.probabilities[1, 3] = 0.5
    found = numbers(replace(of, probabilities=of.probabilities[:, :10]))
    assert found["digit"][0] > 5
    assert found["digit"][1] == pytest.approx(0, abs=1e-6)
    assert found["is_3"].tolist() == [1, 1]


def test_of_strokes_that_pass_for_a_1_how_they_bend_and_lean(page, stroke) -> None:
    shapes = [stroke(), stroke(bow=0.2), stroke(bow=-0.2), stroke(lean=30), stroke(hook=True), stroke(bow=0.2)]
    found = numbers(page(*[("1", 0)] * 5, ("7", 0), glyphs=shapes))
    straight, bow, other_way, leans, hook, no_1 = range(6)
    assert found["bends"][bow] == pytest.approx(found["bends"][other_way], abs=0.03)
    assert found["bends"][bow] > 0.1 > max(found["bends"][straight], found["bends"][hook])
    assert found["rough"][hook] > 2 * found["rough"][straight]
    assert found["leaning"][leans] == pytest.approx(3, abs=0.3)
    assert found["slant"][leans] > 1 > found["slant"][straight]
    assert (found["bends"][no_1], found["slant"][no_1]) == (0, 0)


def test_what_the_other_strokes_of_the_row_do(page, stroke) -> None:
    found = numbers(page(*[("1", 0)] * 4, glyphs=[stroke(bow=0.2)] * 3 + [stroke()]))
    assert found["row_bends"][3] > 0.1 > found["row_bends"][0] > 0.05
    found = numbers(page(*[("1", 0)] * 3, *[("2", 0)] * 5, glyphs=[stroke(lean=30)] * 3 + [stroke()] * 5))
    assert found["row_slant"][0] > 0.5
    assert (found["row_bends"][5], found["row_slant"][5]) == (0, 0)


def test_what_stands_beside_a_thing(page) -> None:
    found = numbers(page(("4", 0), ("-", 0), ("5", 12)))
    assert (found["left_digit"][0], found["left_gap"][0]) == (0, 3)
    assert found["right_letter"][0] == pytest.approx(1, abs=0.01)
    assert found["right_gap"][0] == pytest.approx(0.5)
    assert found["left_digit"][1] == pytest.approx(1, abs=0.01)
    assert (found["left_foot"][2], found["left_head"][2]) == (pytest.approx(-0.2), pytest.approx(-0.2))
    assert found["right_digit_2"][0] == pytest.approx(1, abs=0.01)


def test_a_word_ends_where_the_gap_is_wide_and_a_row_does_not(page) -> None:
    near = numbers(page(("4", 0), ("-", 0), ("-", 0), gap=10))
    far = numbers(page(("4", 0), ("-", 0), ("-", 0), gap=90))
    assert near["word_letters"][0] == pytest.approx(np.log(3), abs=0.01)
    assert far["word_letters"][0] == 0
    assert far["row_letters"][0] == near["row_letters"][0]


def spread(of: Page) -> float:
    """By how many tens of degrees the digits of a page that ends with a 1 are said to differ in their lean."""
    found = numbers(of)
    return float(found["lean"][-1] / found["slant"][-1])


def test_a_stroke_leans_far_where_the_digits_of_the_page_lean_alike(page, stroke) -> None:
    leaning = [stroke(lean=30 * (i % 2)) for i in range(40)] + [stroke(lean=40)]
    unlike = page(*[("2", 0)] * 40, ("1", 0), gap=1, glyphs=leaning)
    alike = page(*[("2", 0)] * 40, ("1", 0), gap=1, glyphs=[stroke()] * 40 + [stroke(lean=20)])
    assert spread(unlike) == pytest.approx(1.45, rel=0.1)
    assert spread(alike) == pytest.approx((10 / 50) ** 0.5, rel=0.02)


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held, page, stroke) -> None:
    held(features, name, lambda: PROBES[name](page, stroke))


def test_every_constant_has_a_probe(constants_of) -> None:
    assert set(PROBES) == constants_of(features)


def test_a_skewed_page_gives_the_numbers_of_the_level_one(page) -> None:
    level = page(*[("4", 0), ("-", 0), ("5", 12)] * 3)
    middles = np.array([(x + width / 2, y + height / 2) for x, y, width, height in level.boxes])
    turn = np.radians(12)
    turned = middles @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    boxes = [(round(x - 15), round(y - 30), 30, 60) for x, y in turned]
    skewed = numbers(replace(level, boxes=boxes, skew=12.0))
    for name, values in numbers(level).items():
        if name != "edge":
            assert skewed[name] == pytest.approx(values, abs=0.05), name  # boxes are of whole pixels


def test_among_strokes(page) -> None:
    found = numbers(page(("1", 0), ("1", 0), ("1", 0), ("2", 0)))
    assert found["row_ones"][3] > 0.8 > found["row_ones"][0] > 0.5
    assert found["row_share"][0] > found["row_share"][3]  # there is a digit that is no stroke


def test_how_far_the_picture_goes_on(page) -> None:
    inside = page(("1", 0))
    outside = replace(inside, boxes=[(0, 50, 30, 60)])
    assert (numbers(inside)["edge"][0], numbers(outside)["edge"][0]) == (pytest.approx(50 / 60), 0)


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_a_page_of_another_size_gives_the_same_numbers(page, factor: int) -> None:
    small = page(("1", 0), ("-", 5), ("8", 0), ("3", 0))
    boxes = [tuple(factor * side for side in box) for box in small.boxes]
    large = replace(small, boxes=boxes, size=(factor * small.size[0], factor * small.size[1]))
    for name, values in numbers(small).items():
        assert numbers(large)[name] == pytest.approx(values), name


def test_the_order_of_the_boxes_is_no_matter(page) -> None:
    straight = page(("1", 0), ("-", 5), ("8", 0), ("3", 0))
    turned = replace(straight, boxes=straight.boxes[::-1], probabilities=straight.probabilities[::-1])
    for name, values in numbers(straight).items():
        assert numbers(turned)[name][::-1] == pytest.approx(values), name


def test_an_odd_page_gives_finite_numbers() -> None:
    boxes = [(0, 0, 1, 5000), (0, 0, 5000, 1), (4999, 4999, 1, 1), (0, 0, 1, 1), (0, 0, 1, 1)]
    probabilities = np.zeros((5, 11), np.float32)
    probabilities[:, 4] = 1
    odd = Page(boxes, np.zeros((5, 28, 28), np.uint8), probabilities, np.ones(5, np.bool_), (5000, 5000))
    for name, values in numbers(odd).items():
        assert np.isfinite(values).all(), name


def test_an_empty_page_has_none() -> None:
    none = Page([], np.zeros((0, 28, 28), np.uint8), np.zeros((0, 11), np.float32), np.zeros(0, np.bool_), (400, 900))
    assert all(values.shape == (0,) for values in numbers(none).values())
