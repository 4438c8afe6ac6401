"""How a page is turned, from the boxes of its rows; and each number of `edgeproof.page.context.deskew`, held by a probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import radians, tan

import cv2
import numpy as np
import pytest

from edgeproof.page.context import deskew
from edgeproof.page.context.deskew import deskewed, page_skew
from edgeproof.page.geometry import Box

HEIGHT = 40


def row(place: int, middles: Sequence[float], slope: float = 0.0) -> list[Box]:
    """Boxes of one row, `HEIGHT` high and half as wide, their middles at so many heights; it runs down by `slope` degrees."""
    across = [100 + middle * HEIGHT for middle in middles]
    down = [100 + 10 * HEIGHT * place + (x - across[0]) * tan(radians(slope)) for x in across]
    return [(round(x - HEIGHT / 4), round(y), HEIGHT // 2, HEIGHT) for x, y in zip(across, down, strict=True)]


def pairs(slopes: Sequence[float]) -> list[Box]:
    """A row of two boxes for each slope, in degrees."""
    return [box for place, slope in enumerate(slopes) for box in row(place, [0, 3], slope)]


@pytest.mark.parametrize("degrees", [-12, 7, 15])
def test_rows_tell_how_the_page_is_turned(degrees):
    assert page_skew([*row(0, [0, 2, 4, 6], degrees), *row(1, [0, 2, 4, 6], degrees)]) == pytest.approx(
        degrees, abs=0.5
    )


def test_a_turned_crop_is_deskewed_whole():
    bar = np.zeros((60, 60), np.uint8)
    cv2.line(bar, (20, 10), (40, 50), 255, 5)  # leans by arctan 20/40 to the left
    upright = deskewed(bar, -np.degrees(np.arctan2(20, 40)))
    columns, rows = (upright > 127).any(axis=0), (upright > 127).any(axis=1)
    assert columns.sum() <= 8
    assert rows.sum() >= 44
    assert float(upright.sum()) == pytest.approx(float(bar.sum()), rel=0.02)


def test_one_character_out_of_its_row_does_not_move_it():
    boxes = row(0, [0, 2, 4, 6, 8, 10], 8)
    x, y, width, height = boxes[3]
    boxes[3] = (x, y - HEIGHT // 3, width, height)
    assert page_skew(boxes) == pytest.approx(8, abs=0.5)


def test_few_pairs_tell_no_direction():
    assert page_skew(pairs([8, 8, 8])) is not None
    assert page_skew(pairs([8, 8])) is None


def slopes_have_to_agree() -> None:
    assert page_skew(pairs([-5.5, 0, 5.5])) is not None
    assert page_skew(pairs([-6.5, 0, 6.5])) is None


def a_slight_slope_is_level() -> None:
    assert page_skew(pairs([3.5, 3.5, 3.5])) == 0
    assert page_skew(pairs([4.5, 4.5, 4.5])) == pytest.approx(4.5, abs=0.4)


PROBES: dict[str, Callable[[], None]] = {
    "MAX_SLOPE_DEVIATION_DEG": slopes_have_to_agree,
    "MAX_LEVEL_SKEW_DEG": a_slight_slope_is_level,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(deskew, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(deskew)
