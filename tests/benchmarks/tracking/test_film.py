"""Films of hand-held sheets: where the digits are, what changes, what is hidden."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.scenes.writer import Digits
from benchmarks.tracking import film
from benchmarks.tracking.film import Plan, Shot


def drawn(plan: Plan, digits: Digits, seed: int = 1) -> list[Shot]:
    return list(film.draw(plan, digits, seed))


def test_the_ink_is_where_the_marks_are_and_moves(digits: Digits) -> None:
    """The darkest tenth of the sheet's middle lies in the marks' boxes, in the first frame and in the last."""
    shots = drawn(Plan("red marker", seconds=0.6, fps=5), digits)
    assert [shot.time_s for shot in shots] == pytest.approx([0.0, 0.2, 0.4])
    assert shots[0].scene.numbers == shots[-1].scene.numbers
    assert tuple(map(len, shots[0].scene.numbers)) == (3, 2, 4, 2, 3)
    assert shots[0].scene.digits[0].box != shots[-1].scene.digits[0].box
    for shot in (shots[0], shots[-1]):
        green = shot.scene.picture[..., 1].astype(float)
        inside = np.zeros(green.shape, np.bool_)
        for mark in shot.scene.digits:
            x, y, wide, tall = mark.box
            inside[y - 2 : y + tall + 2, x - 2 : x + wide + 2] = True
        boxes = np.array([mark.box for mark in shot.scene.digits])
        left, top = boxes[:, :2].min(axis=0)
        right, foot = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
        part = green[top:foot, left:right]
        dark = part < np.quantile(part, 0.1)
        assert inside[top:foot, left:right][dark].mean() > 0.97


def test_the_same_seed_draws_the_same_film(digits: Digits) -> None:
    plan = Plan("pale pencil", seconds=0.2, fps=10)
    first, again, other = (drawn(plan, digits, seed)[-1].scene.picture for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_each_change_is_of_one_digit(digits: Digits) -> None:
    shots = drawn(Plan("black ballpoint", seconds=0.6, fps=10, changes_s=(0.2, 0.4)), digits)
    texts = ["".join(mark.text for mark in shot.scene.digits) for shot in shots]
    assert texts[0] == texts[1]
    assert texts[2] == texts[3]
    differ = [sum(a != b for a, b in zip(before, after, strict=True)) for before, after in pairwise(texts)]
    assert differ == [0, 1, 0, 1, 0]


def test_another_sheet_has_other_numbers(digits: Digits) -> None:
    shots = drawn(Plan("black ballpoint", seconds=0.4, fps=10, swapped_s=0.2), digits)
    assert [shot.sheet for shot in shots] == [0, 0, 1, 1]
    assert set(shots[1].scene.numbers).isdisjoint(shots[2].scene.numbers)


def test_a_hand_hides_the_last_row_for_a_while(digits: Digits) -> None:
    shots = drawn(Plan("black ballpoint", seconds=0.4, fps=10, covered_s=(0.1, 0.3)), digits)
    assert [bool(shot.hidden) for shot in shots] == [False, True, True, False]
    last = {place for place, mark in enumerate(shots[1].scene.digits) if mark.line == 2}
    assert len(shots[1].hidden & last) >= 2
