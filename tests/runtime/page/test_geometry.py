"""What several steps share, seen in the steps: which size no digit has, and how few things tell nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgeproof.page import geometry as module
from edgeproof.page.context.deskew import page_skew
from edgeproof.page.segment import segment


def kinds(width: int, height: int, hollow: bool) -> tuple[str, ...]:
    """Why a dark box on white paper was dropped; empty when it may be a digit."""
    frame = np.full((300, 300), 230, np.uint8)
    frame[50 : 50 + height, 40 : 40 + width] = 30
    if hollow:
        frame[51 : 49 + height, 41 : 39 + width] = 230
    found = segment(frame)
    assert len(found.candidates) + len(found.dropped) == 1
    return tuple(dropped.kind for dropped in found.dropped)


def a_zero_of_few_pixels_is_too_low() -> None:
    assert kinds(5, 6, hollow=True) == ()
    assert kinds(5, 5, hollow=True) == ("low",)


def a_bar_is_flat_and_a_blob_is_not() -> None:
    assert kinds(24, 10, hollow=False) == ("solid",)
    assert kinds(26, 10, hollow=False) == ("flat",)


def row(count: int, top: int = 0) -> list[tuple[int, int, int, int]]:
    """Boxes of digits along a row that falls by 12°."""
    return [(40 * i, top + round(40 * i * np.tan(np.radians(12))), 12, 20) for i in range(count)]


def three_pairs_of_digits_say_how_a_page_lies() -> None:
    assert page_skew(row(3)) == pytest.approx(12, abs=0.5)
    assert page_skew(row(2) + row(2, top=200)) is None


PROBES: dict[str, Callable[[], None]] = {
    "MIN_DIGIT_HEIGHT_PX": a_zero_of_few_pixels_is_too_low,
    "MIN_SAMPLE": three_pairs_of_digits_say_how_a_page_lies,
    "MAX_DIGIT_ASPECT": a_bar_is_flat_and_a_blob_is_not,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)
