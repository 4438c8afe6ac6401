"""What each number of `segment` decides, on ink that is drawn to the pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page import segment as module
from edgeproof.page.binarize import Page
from edgeproof.page.segment import segment

PAPER, INK = 235, 40


def paper(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width), PAPER, np.uint8)


def kinds(page: NDArray[np.uint8]) -> list[str]:
    """Why each thing on a page is no candidate."""
    return [dropped.kind for dropped in segment(page).dropped]


def strokes(count: int, per_row: int) -> NDArray[np.uint8]:
    """Rows of upright strokes, 3 × 12 pixels each."""
    page = paper(20 * -(-count // per_row) + 8, 12 * per_row + 8)
    for i in range(count):
        x, y = 8 + 12 * (i % per_row), 8 + 20 * (i // per_row)
        page[y : y + 12, x : x + 3] = INK
    return page


def a_picture_of_four_megapixels_is_worked_on_as_it_is() -> None:
    """One of 2000 × 1900 pixels so, one of 2100 × 2000 at half of its resolution."""
    usual, _ = module._reductions(2000 * 1900)
    assert usual == 1
    usual, _ = module._reductions(2100 * 2000)
    assert usual == 2


def a_page_of_tiny_things_is_worked_on_at_sixteen_megapixels() -> None:
    """One of 4000 × 3800 pixels as it is, one of 4300 × 4000 at half of its resolution."""
    _, finest = module._reductions(4000 * 3800)
    assert finest == 1
    _, finest = module._reductions(4300 * 4000)
    assert finest == 2


def the_largest_pieces_are_looked_at() -> None:
    for count, found in ((3900, 3900), (4100, 4000)):
        mask = (strokes(count, 100) == INK).astype(np.uint8) * 255
        assert len(module._connected(mask)[0]) == found


def a_page_has_room_for_so_many_candidates() -> None:
    few, many = (segment(strokes(count, 40)) for count in (990, 1010))
    assert (len(few.candidates), few.left_off) == (990, 0)
    assert (len(many.candidates), many.left_off) == (1000, 10)


def writing_leaves_most_of_the_paper() -> None:
    """Strokes every 12 pixels, of ink that covers 0.28 and 0.32 of the picture."""
    for height, crowded in ((224, False), (256, True)):
        ink = np.zeros((400, 600), np.uint8)
        for x in range(6, 600, 12):
            ink[20 : 20 + height, x : x + 6] = 255
        assert bool(module._pieces(Page(ink, 127, 10)).nothing) == crowded


def zigzag(width: int, height: int) -> NDArray[np.uint8]:
    """Upright strokes that lean on each other, on a page so wide that they are no ruled line."""
    page = paper(100, 2000)
    xs = np.linspace(100, 100 + width - 1, 9)
    points = np.stack([xs, np.where(np.arange(9) % 2, 30, 30 + height - 1)], axis=1)
    cv2.polylines(page, [points.round().astype(np.int32)], False, INK)
    return page


def a_chain_of_digits_is_so_long() -> None:
    assert kinds(zigzag(224, 40)) == []
    assert kinds(zigzag(256, 40)) == ["flat"]


def comb(tooth: int) -> NDArray[np.uint8]:
    """A bar 160 × 20 pixels above teeth of another 20, one every 20 pixels."""
    page = paper(100, 2000)
    page[30:50, 100:260] = INK
    for x in range(100, 260, 20):
        page[50:70, x : x + tooth] = INK
    return page


def a_chain_of_digits_leaves_paper() -> None:
    """Of its box: 0.43 or 0.35."""
    assert kinds(comb(3)) == []
    assert kinds(comb(6)) == ["flat"]


def blob(hole: int) -> NDArray[np.uint8]:
    """A square of 60 × 60 pixels with a square hole."""
    page = paper(200, 300)
    page[40:100, 100:160] = INK
    page[70 - hole // 2 : 70 + hole // 2, 130 - hole // 2 : 130 + hole // 2] = PAPER
    return page


def strokes_leave_paper_in_their_box() -> None:
    """A hole of 0.28 or 0.22 of the box."""
    assert kinds(blob(32)) == []
    assert kinds(blob(28)) == ["solid"]


PROBES = {
    "WORKING_PIXELS": a_picture_of_four_megapixels_is_worked_on_as_it_is,
    "MAX_WORKING_PIXELS": a_page_of_tiny_things_is_worked_on_at_sixteen_megapixels,
    "MAX_PIECES": the_largest_pieces_are_looked_at,
    "MAX_CANDIDATES": a_page_has_room_for_so_many_candidates,
    "MAX_INK_SHARE": writing_leaves_most_of_the_paper,
    "MAX_CHAIN_ASPECT": a_chain_of_digits_is_so_long,
    "MAX_CHAIN_FILL": a_chain_of_digits_leaves_paper,
    "MAX_STROKE_FILL": strokes_leave_paper_in_their_box,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)
