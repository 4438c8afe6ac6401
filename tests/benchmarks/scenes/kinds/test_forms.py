"""Forms: writing stands in its cells, in its boxes, on its lines; chains touch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.scenes.kinds import forms
from benchmarks.scenes.kinds.page import Page
from benchmarks.scenes.layout import COMMON_PEN, Written
from benchmarks.scenes.pen_lines import ink
from benchmarks.scenes.photograph.printing import Rule
from benchmarks.scenes.writer import Digits, Writer


@pytest.fixture
def drawn(digits: Digits) -> Callable[..., Page]:
    return lambda compose, seed=1: compose(Writer(*digits, np.random.default_rng(seed)))


def sides(one: Written) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a mark's ink."""
    tall, wide = ink(one.path, one.height, COMMON_PEN, one.turn).shape
    x, y = one.centre
    return x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2


def test_numbers_stand_in_their_cells(drawn: Callable[..., Page]) -> None:
    """No more than a tenth of a digit beyond a cell's walls."""
    page = drawn(forms.table)
    rules = [one for one in page.printed if isinstance(one, Rule)]
    across = sorted({one.points[0][1] for one in rules if one.points[0][1] == one.points[1][1]})
    down = sorted({one.points[0][0] for one in rules if one.points[0][0] == one.points[1][0]})
    assert (len(down), len(across)) == (6, 8)
    for one in page.written:
        left, top, right, bottom = sides(one)
        column = np.searchsorted(down, one.centre[0])
        row = np.searchsorted(across, one.centre[1])
        slack = 0.1 * page.digit
        assert down[column - 1] - slack <= left <= right <= down[column] + slack
        assert across[row - 1] - slack <= top <= bottom <= across[row] + slack


def test_pale_pencil_is_the_same_table(drawn: Callable[..., Page]) -> None:
    plain, pale = drawn(forms.table), drawn(forms.pale_table)
    assert plain.printed == pale.printed
    assert plain.look.pen != pale.look.pen


@pytest.mark.parametrize("seed", range(3))
def test_each_digit_has_a_box(drawn: Callable[..., Page], seed: int) -> None:
    """Its middle lies near the box's, no two share one, some boxes stay empty, and dashes are no boxes."""
    page = drawn(forms.boxes, seed)
    rules = [one for one in page.printed if isinstance(one, Rule)]
    middles = [np.mean(one.points[:4], axis=0) for one in rules if len(one.points) == 5]
    nearest = [int(np.argmin([np.hypot(*(middle - one.centre)) for middle in middles])) for one in page.written]
    assert len(set(nearest)) == len(page.written) < len(middles)
    for one, place in zip(page.written, nearest, strict=True):
        assert np.hypot(*(middles[place] - one.centre)) < 0.35 * page.digit
    assert any(len(one.points) == 2 for one in rules)


def test_rows_stand_on_the_ruling(drawn: Callable[..., Page]) -> None:
    """Nearly every digit's foot is within a fifth of its height of a line."""
    page = drawn(forms.on_ruled_lines)
    lines = np.array([one.points[0][1] for one in page.printed[:-1]])
    feet = np.array([sides(one)[3] for one in page.written])
    away = np.abs(feet[:, None] - lines).min(axis=1)
    assert (away < 0.2 * page.digit).mean() > 0.95


def test_digits_of_a_chain_touch(drawn: Callable[..., Page]) -> None:
    """Most neighbours' boxes meet or overlap; chains are apart from each other."""
    page = drawn(forms.chains)
    gaps: dict[bool, list[float]] = {True: [], False: []}
    for one, other in pairwise(page.written):
        if one.line == other.line:
            gaps[one.number == other.number].append(sides(other)[0] - sides(one)[2])
    assert np.mean(np.array(gaps[True]) < 0.02 * page.digit) > 0.9
    assert min(gaps[False]) > 0.7 * page.digit
