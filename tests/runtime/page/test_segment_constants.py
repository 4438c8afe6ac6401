"""What each number of `segment` decides, on ink that is drawn to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page import segment as module
from edgeproof.page.segment import segment

PAPER, INK = 235, 40


def paper(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width), PAPER, np.uint8)


def kinds(page: NDArray[np.uint8]) -> list[str]:
    """Why each thing on a page is no candidate."""
    return [dropped.kind for dropped in segment(page).dropped]


def strokes(count: int, per_row: int, across: int = 12, down: int = 20) -> NDArray[np.uint8]:
    """Rows of upright strokes, 3 × 12 pixels each, so many pixels from one to the next."""
    page = paper(down * -(-count // per_row) + 8, across * per_row + 8)
    for i in range(count):
        x, y = 8 + across * (i % per_row), 8 + down * (i // per_row)
        page[y : y + 12, x : x + 3] = INK
    return page


def looked_at(page: NDArray[np.uint8]) -> tuple[int, int]:
    """How many candidates a page has, and how many were left off."""
    found = segment(page)
    return len(found.candidates), found.left_off


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
    """On a page with room for 1,000 candidates."""
    for count, found in ((3900, 3900), (4100, 4000)):
        mask = (strokes(count, 100) == INK).astype(np.uint8) * 255
        assert len(module._connected(mask)[0]) == found


def a_page_has_room_for_so_many_candidates() -> None:
    assert looked_at(strokes(990, 40, across=50)) == (990, 0)
    assert looked_at(strokes(1010, 40, across=50)) == (1000, 10)


def a_small_page_has_room_for_more_than_it_pays_for() -> None:
    """One of 200 × 152 pixels, which pay for 30."""
    page = strokes(216, 24, across=8, down=16)
    assert page.shape == (152, 200)
    assert looked_at(page) == (180, 36)


def each_candidate_more_is_paid_by_a_thousand_pixels() -> None:
    """A page of 500 × 400 pixels."""
    page = paper(400, 500)
    written = strokes(400, 25, across=19)
    page[: len(written), : written.shape[1]] = written
    assert looked_at(page) == (350, 50)


def corners(height: int, width: int, rim: int, apart: int, pen: int) -> NDArray[np.uint8]:
    """15 corners within corners, in a rim of paper; so much wider than high that no two are one character."""
    page = paper(height, width)
    for i in range(15):
        x, y = rim + apart * i, height - rim - apart * i
        page[rim:y, x : x + pen] = page[y - pen : y, x : width - rim] = INK
    return page


def candidates_cover_a_page_a_few_times() -> None:
    """Five make it 4.1 times, six would make it 4.8."""
    assert looked_at(corners(460, 700, rim=20, apart=8, pen=3)) == (5, 10)


def on_a_small_page_they_cover_a_little_more() -> None:
    """12 cover a page of 13,440 pixels 7.5 times, 13 would cover it 7.9 times."""
    assert looked_at(corners(94, 143, rim=4, apart=3, pen=1)) == (12, 3)


def test_pieces_of_one_character_cover_no_more_than_others_may():
    """Taller than wide, 15 corners may be one character; it is looked at whole where each alone would cover too much."""
    found = segment(corners(700, 460, rim=20, apart=8, pen=3))
    assert (len(found.candidates), found.left_off) == (1, 0)


def dots_are_averaged_away_twice() -> None:
    """Dots of one pixel that become few when they are averaged twice, and such that would take three times."""
    for share, still in (0.1, False), (0.06, True):
        dots = np.where(np.random.default_rng(1).random((300, 400)) < share, 0, 255).astype(np.uint8)
        assert segment(dots).nothing.startswith("it is made of dots") == still


def blob(hole: int) -> NDArray[np.uint8]:
    """A square of 60 × 60 pixels with a square hole."""
    page = paper(200, 300)
    page[40:100, 100:160] = INK
    page[70 - hole // 2 : 70 + hole // 2, 130 - hole // 2 : 130 + hole // 2] = PAPER
    return page


def strokes_leave_paper_in_their_box() -> None:
    """0.28 or 0.22 of it: a hole, or what digits that touch leave beside them."""
    assert kinds(blob(32)) == []
    assert kinds(blob(28)) == ["solid"]
    for end, found in ((18, True), (22, False)):  # of a wedge, 40 pixels high where it begins
        wedge = np.array([[(0, 0)], [(160, 0)], [(160, end)], [(0, 40)]], np.int32)
        assert module._is_chain((0, 0, 160, 40), [[wedge]]) == found


PROBES = {
    "WORKING_PIXELS": a_picture_of_four_megapixels_is_worked_on_as_it_is,
    "MAX_WORKING_PIXELS": a_page_of_tiny_things_is_worked_on_at_sixteen_megapixels,
    "MAX_CANDIDATES": a_page_has_room_for_so_many_candidates,
    "FREE_CANDIDATES": a_small_page_has_room_for_more_than_it_pays_for,
    "MIN_CANDIDATE_PX": each_candidate_more_is_paid_by_a_thousand_pixels,
    "PIECES_PER_CANDIDATE": the_largest_pieces_are_looked_at,
    "MAX_LOOKED_AT_SHARE": candidates_cover_a_page_a_few_times,
    "FREE_LOOKED_AT_PX": on_a_small_page_they_cover_a_little_more,
    "MAX_AVERAGINGS": dots_are_averaged_away_twice,
    "MAX_STROKE_FILL": strokes_leave_paper_in_their_box,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)
