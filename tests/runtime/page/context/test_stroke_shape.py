"""How strokes lean and bend, measured on glyphs drawn pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.page.context import stroke_shape
from edgeproof.page.context.stroke_shape import lean, stroke_shapes


def upright() -> np.ndarray:
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 14] = 255
    return image


def slanted(columns_per_row: float) -> np.ndarray:
    """A line whose top is to the right."""
    image = np.zeros((28, 28), np.uint8)
    for row in range(4, 24):
        image[row, round(14 - columns_per_row * (row - 13.5))] = 255
    return image


@pytest.mark.parametrize("slope", [-0.5, 0.0, 0.25, 0.5])
def test_a_straight_line_leans_by_its_slope_and_does_not_bend(slope: float) -> None:
    """Permitted: whole pixels, half of one at either end of twenty."""
    image = slanted(slope)[None]
    shape = stroke_shapes(image)
    assert shape.lean[0] == pytest.approx(np.degrees(np.arctan(slope)), abs=2)
    assert lean(image)[0] == pytest.approx(np.degrees(np.arctan(slope)), abs=2)
    assert abs(shape.bow[0]) < 0.03
    assert shape.rough[0] < 0.04


def test_a_bow_to_the_left_is_positive() -> None:
    image = np.zeros((28, 28), np.uint8)
    for row in range(4, 24):
        image[row, round(16 - 4 * (1 - ((row - 13.5) / 9.5) ** 2))] = 255
    assert stroke_shapes(image[None]).bow[0] == pytest.approx(0.2, abs=0.04)
    assert stroke_shapes(image[None, :, ::-1]).bow[0] == pytest.approx(-0.2, abs=0.04)


def test_too_few_rows_tell_nothing() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[4:7, 14] = 255
    shape = stroke_shapes(image[None])
    assert (shape.lean[0], shape.bow[0], shape.rough[0]) == (0, 0, 1)


def the_rim_of_a_stroke_is_no_ink() -> None:
    pale, ink = upright(), upright()
    pale[4:10, 20], ink[4:10, 20] = 58, 70
    assert stroke_shapes(pale[None]).lean[0] == 0
    assert stroke_shapes(ink[None]).lean[0] > 1


PROBES = {"STROKE_INK_LEVEL": the_rim_of_a_stroke_is_no_ink}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(stroke_shape, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(stroke_shape)
