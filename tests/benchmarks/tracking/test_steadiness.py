"""Flicker, flips and delays, counted on films of a few frames that were made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.scenes.scene import Mark, Scene
from benchmarks.tracking.film import Shot
from benchmarks.tracking.steadiness import Box, Shown, Steadiness, count

FPS = 10.0
BLANK = np.zeros((1, 1, 3), np.uint8)


def box(place: int) -> Box:
    return 40 * place, 10, 30, 40


def shot(index: int, text: str, hidden: Sequence[int] = (), sheet: int = 0) -> Shot:
    """A frame of one number."""
    marks = []
    for place, name in enumerate(text):
        x, y, wide, tall = box(place)
        outline = np.array([[x, y], [x + wide, y], [x + wide, y + tall], [x, y + tall]], np.float32)
        marks.append(Mark(name, 0, 0, outline))
    return Shot(index / FPS, Scene(BLANK, tuple(marks)), sheet, frozenset(hidden))


def shown(text: str) -> Shown:
    """Digits where those of `shot` are, "." for none, and the number that they form."""
    digits = tuple((name, box(place)) for place, name in enumerate(text) if name != ".")
    number = text.replace(".", "")
    return Shown(digits, ((number, (0, 10, 40 * len(text), 40)),) if number else ())


def counted(true: Sequence[str], seen: Sequence[str]) -> Steadiness:
    return count([shot(i, text) for i, text in enumerate(true)], [shown(text) for text in seen], FPS)


def test_what_is_steady_and_right_does_not_flicker() -> None:
    found = counted(["12"] * 10, ["12"] * 10)
    assert (found.changes, found.vanishings, found.flips, found.flicker) == (0, 0, 0, 0.0)
    assert (found.seconds, found.digit_s) == (pytest.approx(1.0), pytest.approx(2.0))
    assert (found.labelled, found.shown, found.right) == (20, 20, 20)
    assert (found.numbers, found.numbers_shown, found.numbers_right) == (10, 10, 10)
    assert found.first_s == (0.0,)
    assert found.change_s == ()


@pytest.mark.parametrize(
    ("seen", "changes", "vanishings", "flips"),
    [
        (["12", "17", "12", "12"], 2, 0, 2),  # there and back
        (["12", "1.", "12", "12"], 0, 1, 2),
        (["12", "1.", "17", "17"], 1, 1, 2),  # back as another
        (["..", "12", "12", "12"], 0, 0, 0),  # it took a while
        (["17", "12", "12", "12"], 0, 0, 1),  # read wrongly at first: recognized once is no flicker of the digit
        (["17", "17", "17", "17"], 0, 0, 0),  # wrong, but steady
        (["17", "19", "17", "17"], 2, 0, 2),
    ],
)
def test_changes_vanishings_and_flips(seen: list[str], changes: int, vanishings: int, flips: int) -> None:
    found = counted(["12"] * 4, seen)
    assert (found.changes, found.vanishings, found.flips) == (changes, vanishings, flips)


def test_a_real_change_is_no_flicker_and_its_delay_is_measured() -> None:
    found = counted(["12", "12", "17", "17", "17", "17"], ["12", "12", "12", "12", "17", "17"])
    assert (found.changes, found.flips) == (0, 0)
    assert found.change_s == (pytest.approx(0.2),)
    assert (found.labelled, found.right) == (12, 10)
    again = counted(["12", "12", "17", "17", "17", "17"], ["12", "12", "17", "12", "17", "17"])
    assert (again.changes, again.flips) == (2, 2)


def test_a_change_that_is_never_shown_has_no_delay() -> None:
    assert counted(["12", "17", "17"], ["12"] * 3).change_s == (None,)
    assert counted(["12", "17", "17"], ["13"] * 3).change_s == (), "it was not shown before either"
    assert counted(["12"] * 3, ["13"] * 3).first_s == (None,)


def test_what_a_hand_hides_is_not_looked_at() -> None:
    shots = [shot(i, "12", hidden=[1] if 1 <= i <= 2 else []) for i in range(4)]
    found = count(shots, [shown(text) for text in ("12", "1.", "19", "12")], FPS)
    assert (found.changes, found.vanishings, found.flips) == (0, 0, 0)
    assert (found.labelled, found.shown, found.right) == (6, 6, 6)
    assert (found.numbers, found.numbers_shown, found.numbers_right) == (2, 2, 2)


def test_another_sheet_has_other_digits() -> None:
    shots = [shot(0, "12"), shot(1, "12"), shot(2, "34", sheet=1), shot(3, "34", sheet=1)]
    found = count(shots, [shown(text) for text in ("12", "12", "..", "34")], FPS)
    assert (found.changes, found.vanishings) == (0, 0)
    assert found.change_s == (pytest.approx(0.1),)


def test_counts_add_up() -> None:
    one, other = counted(["12"] * 3, ["12", "17", "12"]), counted(["12"] * 2, ["12", "1."])
    both = one + other
    assert (both.changes, both.vanishings, both.labelled) == (2, 1, 10)
    assert both.first_s == (0.0, 0.0)
    assert both.flicker == pytest.approx(3 / 1.0)
