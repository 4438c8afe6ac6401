"""Each number of `edgeproof.page.pieces.oversegment`, held by a probe: what it decides, just inside and just outside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.glyph import Image
from edgeproof.page.pieces import oversegment
from edgeproof.page.pieces.oversegment import Candidate

HEIGHT = 40  # of the drawn blobs: low enough to be looked at unshrunk
ROOM = 10_000


def blocks(*widths: int, gap: int = 2, height: int = HEIGHT) -> Image:
    """Solid blocks side by side, a thin thread of ink through the gaps between them."""
    ink = np.full((height, sum(widths) + gap * (len(widths) - 1)), 255, np.uint8)
    for end in np.cumsum(widths)[:-1] + gap * np.arange(len(widths) - 1):
        ink[: height // 2, end : end + gap] = ink[height // 2 + 1 :, end : end + gap] = 0
    return ink


def parts_of(ink: Image) -> tuple[Candidate, ...]:
    """The parts of a blob that is no digit, beside two digits that are far from it."""
    height, width = ink.shape
    digits = [Candidate((9000, 500 * place, 20, 40), np.zeros((40, 20), np.uint8), place) for place in (1, 2)]
    page = [Candidate((0, 0, width, height), ink), *digits]
    return oversegment.parts(page, np.array([0.0, 1, 1]), ROOM, ROOM * HEIGHT**2)[1]


def sizes(ink: Image) -> list[tuple[int, int]]:
    """Width and height of each part of a blob."""
    return [part.box[2:] for part in parts_of(ink)]


def seams(ink: Image) -> list[NDArray[np.int64]]:
    return oversegment._seams([ink])[0]


def is_part(width: int) -> bool:
    """Whether so many columns of a blob may be a digit."""
    seams = np.zeros(HEIGHT, np.int64), np.full(HEIGHT, width)
    return oversegment._between(np.full((HEIGHT, 100), 255, np.uint8), *seams) is not None


def no_part_is_wider_than_a_digit() -> None:
    assert is_part(50)  # 1.25 times as wide as high
    assert not is_part(58)  # 1.45 times


def no_part_is_narrower_than_a_stroke() -> None:
    assert is_part(6)
    assert not is_part(5)


def no_part_is_much_lower_than_its_blob() -> None:
    for rows, found in ((17, True), (15, False)):
        ink = blocks(20, 25)
        ink[: HEIGHT // 2 - 2, :20] = 0
        ink[HEIGHT // 2 - 2 + rows :, :20] = 0
        assert ((20, rows) in sizes(ink)) == found


def a_blob_is_cut_four_times_in_each_width_of_its_height() -> None:
    assert len(seams(blocks(*[6] * 16))) == 13  # 126 columns: 3.15 times as wide as high
    assert len(seams(blocks(*[6] * 26))) == 21  # 5.15 times


def a_cut_goes_around_ink_where_that_is_short() -> None:
    """From the one gap in a thick bar up to the top: across a grey stroke, or aside past its end."""
    for reach, aside in ((7, True), (9, False)):
        ink = np.zeros((HEIGHT, 61), np.uint8)
        ink[17:24] = 255
        ink[17:24, 30] = 0
        ink[3, 31 - reach : 30 + reach] = 128
        cheapest = min(seams(ink), key=lambda seam: abs(int(seam[HEIGHT // 2]) - 30))
        assert cheapest[HEIGHT // 2] == 30
        assert (cheapest[0] != 30) == aside


def a_digit_beside_something_else_is_sure() -> None:
    """A blob that is no digit, its left half likely one, its right half surely none."""
    blank = np.zeros((60, 40), np.uint8)
    halves = [
        Candidate((40 * start, 0, 40 * (end - start), 60), blank, 0, start, end, 2)
        for start, end in ((0, 2), (0, 1), (1, 2))
    ]
    assert oversegment.best_paths(halves, np.array([0.01, 0.9995, 0.01])).tolist() == [1, 2]
    assert oversegment.best_paths(halves, np.array([0.01, 0.998, 0.01])).tolist() == [0]


PROBES: dict[str, Callable[[], None]] = {
    "MAX_PART_ASPECT": no_part_is_wider_than_a_digit,
    "MIN_PART_WIDTH_HEIGHTS": no_part_is_narrower_than_a_stroke,
    "MIN_PART_HEIGHT_SHARE": no_part_is_much_lower_than_its_blob,
    "MAX_CUTS_PER_HEIGHT": a_blob_is_cut_four_times_in_each_width_of_its_height,
    "SIDE_STEP_COST_PX": a_cut_goes_around_ink_where_that_is_short,
    "SURE_PROBABILITY": a_digit_beside_something_else_is_sure,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(oversegment, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(oversegment)
