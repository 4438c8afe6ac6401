"""Each number of `edgeproof.page.pieces.oversegment`, held by a probe: what it decides, just inside and just outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.glyph import Image
from edgeproof.page.pieces import oversegment
from edgeproof.page.pieces.oversegment import Candidate, best_paths, parts

HEIGHT = 40  # of the drawn blobs: low enough to be looked at unshrunk


def blocks(*widths: int, gap: int = 2, height: int = HEIGHT) -> Image:
    """Solid blocks side by side, a thin thread of ink through the gaps between them."""
    ink = np.full((height, sum(widths) + gap * (len(widths) - 1)), 255, np.uint8)
    for end in np.cumsum(widths)[:-1] + gap * np.arange(len(widths) - 1):
        ink[: height // 2, end : end + gap] = ink[height // 2 + 1 :, end : end + gap] = 0
    return ink


def sizes(ink: Image) -> list[tuple[int, int]]:
    """Width and height of each part of a blob, the whole first."""
    return [part.box[2:] for part in parts((0, 0, ink.shape[1], ink.shape[0]), ink)]


def cuts(ink: Image, *, doubtful: bool = False) -> int:
    """Between the edges of the blob."""
    return parts((0, 0, ink.shape[1], ink.shape[0]), ink, doubtful=doubtful)[0].last_cut - 1


def seams(ink: Image, most: int = 99) -> list[NDArray[np.int64]]:
    return oversegment._seams([ink], [most])[0]


def what_is_as_wide_as_two_digits_is_cut() -> None:
    assert cuts(blocks(19, 19)) > 0  # as wide as high
    assert cuts(blocks(17, 17)) == 0  # 0.9 times as wide


def what_the_model_refused_is_cut_although_it_is_narrow() -> None:
    assert cuts(blocks(10, 10), doubtful=True) > 0  # 0.55 times as wide as high
    assert cuts(blocks(8, 8), doubtful=True) == 0  # 0.45 times


def no_part_is_wider_than_a_digit() -> None:
    assert (50, HEIGHT) in sizes(blocks(50, 99))  # 1.25 times as wide as high
    assert (58, HEIGHT) not in sizes(blocks(58, 99))  # 1.45 times


def no_part_is_narrower_than_a_stroke() -> None:
    assert (5, HEIGHT) in sizes(blocks(5, 40, gap=1))
    assert (4, HEIGHT) not in sizes(blocks(4, 40, gap=1))


def no_part_is_much_lower_than_its_blob() -> None:
    for rows, is_part in ((17, True), (15, False)):
        ink = blocks(20, 25)
        ink[: HEIGHT // 2 - 2, :20] = 0
        ink[HEIGHT // 2 - 2 + rows :, :20] = 0
        assert ((20, rows) in sizes(ink)) == is_part


def a_wide_blob_has_seven_cuts_at_most() -> None:
    assert cuts(blocks(*[10] * 8)) == cuts(blocks(*[10] * 10)) == 7


def a_blob_that_may_be_one_wide_digit_has_three_cuts_at_most() -> None:
    assert cuts(blocks(*[9] * 4)) == cuts(blocks(*[6] * 6)) == 3


def a_refused_blob_has_ten_cuts_at_most() -> None:
    assert cuts(blocks(*[10] * 11), doubtful=True) == cuts(blocks(*[10] * 16), doubtful=True) == 10


def two_cuts_stand_apart() -> None:
    assert len(seams(blocks(5, 5, 5, gap=1))) == 2  # 6 columns from gap to gap
    assert len(seams(blocks(5, 4, 5, gap=1))) == 1  # 5 columns


def seams_that_mostly_run_together_are_one() -> None:
    """One seam that forks around an island of ink, so narrow that no other seam has room."""

    def around(island: int) -> Image:
        ink = np.full((HEIGHT, 17), 255, np.uint8)
        for row in range(HEIGHT):
            aside = int(np.clip(island / 2 + 3 - abs(row - HEIGHT / 2), 0, 3))
            ink[row, [8 - aside, 8 + aside]] = 0
        return ink

    assert len(seams(around(13))) == 2
    assert len(seams(around(9))) == 1


def a_tall_blob_is_looked_at_smaller() -> None:
    """A slanting gap moves by a column in each row, unless the rows of the cut were fewer than those of the blob."""

    def each_row(height: int) -> bool:
        ink = np.full((height, height + 20), 255, np.uint8)
        for row in range(height):
            ink[row, 10 + row] = 0
        (seam,) = seams(ink, 1)
        return bool((np.diff(seam) == 1).all())

    assert each_row(38)
    assert not each_row(46)


def a_cut_runs_through_less_ink_than_a_usual_column() -> None:
    for share, is_cut in ((0.7, True), (0.9, False)):
        ink = blocks(20, 20, gap=1)
        ink[:, 20] = round(255 * share)
        assert bool(seams(ink)) == is_cut


def blank_paper_costs_something() -> None:
    """Next to no ink in the usual column: nothing is saved by a cut."""
    for pixels, is_cut in ((0.12, True), (0.08, False)):
        ink = np.zeros((HEIGHT, 100), np.uint8)
        ink[0, :20] = round(255 * 100 / 20 * pixels)  # so many pixels of full ink in the mean column
        assert bool(seams(ink)) == is_cut


def a_cut_goes_around_ink_where_that_is_short() -> None:
    """From the one gap in a thick bar up to the top: across a grey stroke, or aside past its end."""
    for reach, aside in ((7, True), (9, False)):
        ink = np.zeros((HEIGHT, 61), np.uint8)
        ink[17:24] = 255
        ink[17:24, 30] = 0
        ink[3, 31 - reach : 30 + reach] = 128
        (seam,) = seams(ink)
        assert (seam[0] != 30) == aside


def small_pieces_at_a_cut_belong_to_the_neighbour() -> None:
    left, right = np.zeros(HEIGHT, np.int64), np.full(HEIGHT, 40)
    for rows, stays in ((22, True), (18, False)):
        part = np.zeros((HEIGHT, 40), np.uint8)
        part[:, 20:] = 255  # 800 pixels
        part[:rows, :10] = 255
        assert bool(oversegment._own_ink(part, left, right)[:, :10].any()) == stays


def chosen(whole: float, *halves: float) -> list[int]:
    """Which of a wide blob, 0, and its two halves, 1 and 2, are taken, by how likely each is a digit."""
    spans: Sequence[tuple[int, int]] = [(0, 2), (0, 1), (1, 2)]
    blank = np.zeros((60, 40), np.uint8)
    candidates = [Candidate((40 * start, 0, 40 * (end - start), 60), blank, 0, start, end, 2) for start, end in spans]
    return best_paths(candidates, np.array([whole, *halves])).tolist()


def each_part_has_to_be_a_sure_digit() -> None:
    assert chosen(0.02, 0.75, 0.99) == [1, 2]
    assert chosen(0.02, 0.65, 0.99) == [0]


def of_two_paths_as_good_the_one_with_fewer_cuts_is_taken() -> None:
    assert chosen(0.53, 0.9, 0.9) == [1, 2]
    assert chosen(0.60, 0.9, 0.9) == [0]


PROBES: dict[str, Callable[[], None]] = {
    "MIN_PAIR_ASPECT": what_is_as_wide_as_two_digits_is_cut,
    "MIN_DOUBTFUL_PAIR_ASPECT": what_the_model_refused_is_cut_although_it_is_narrow,
    "MAX_PART_ASPECT": no_part_is_wider_than_a_digit,
    "MIN_PART_WIDTH_HEIGHTS": no_part_is_narrower_than_a_stroke,
    "MIN_PART_HEIGHT_SHARE": no_part_is_much_lower_than_its_blob,
    "MAX_CUTS": a_wide_blob_has_seven_cuts_at_most,
    "MAX_CUTS_OF_WIDE_DIGIT": a_blob_that_may_be_one_wide_digit_has_three_cuts_at_most,
    "MAX_CUTS_OF_DOUBTFUL": a_refused_blob_has_ten_cuts_at_most,
    "MIN_CUT_SPACING_HEIGHTS": two_cuts_stand_apart,
    "MIN_SEAM_DISTANCE_HEIGHTS": seams_that_mostly_run_together_are_one,
    "MAX_SEAM_HEIGHT_PX": a_tall_blob_is_looked_at_smaller,
    "MAX_SEAM_INK_SHARE": a_cut_runs_through_less_ink_than_a_usual_column,
    "STEP_COST_PX": blank_paper_costs_something,
    "SIDE_STEP_COST_PX": a_cut_goes_around_ink_where_that_is_short,
    "MAX_SCRAP_SHARE": small_pieces_at_a_cut_belong_to_the_neighbour,
    "MIN_SURE_PROBABILITY": each_part_has_to_be_a_sure_digit,
    "CUT_PROBABILITY": of_two_paths_as_good_the_one_with_fewer_cuts_is_taken,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(oversegment, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(oversegment)
