"""How a sheet moved, told by its digits."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.tracking.motion import Digits, Motion, common_motion

HEIGHT = 40.0
NAMES = list("631735627978")


def digits(places: np.ndarray, names: list[str] = NAMES, height: float = HEIGHT) -> Digits:
    return Digits(places, np.full(len(places), height), names)


@pytest.fixture
def before() -> Digits:
    """Three rows of four."""
    return digits(np.array([60 + 36 * c + 1j * (60 + 68 * r) for r in range(3) for c in range(4)]))


@pytest.mark.parametrize("turn", [-4, 0, 4])
@pytest.mark.parametrize("zoom", [0.95, 1, 1.06])
@pytest.mark.parametrize("shift", [0, 15 - 8j, 70 + 30j, -240 + 100j])
def test_shift_turn_and_zoom_are_found(before: Digits, turn: float, zoom: float, shift: complex) -> None:
    """To a twentieth of a digit: a little less turn is taken for likelier."""
    middle = before.places.mean()
    moved = (before.places - middle) * zoom * np.exp(1j * np.deg2rad(turn)) + middle + shift
    found = common_motion(before, digits(moved), 0j, 1.0)
    assert found.seen
    assert np.abs(found(before.places) - moved).max() < HEIGHT / 20


def test_missing_and_misread_digits_and_others_beside_do_not_mislead(before: Digits) -> None:
    moved = before.places + (20 + 9j)
    now = np.concatenate([moved[[0, 2, 3, 5, 6, 9]], [300 + 300j, 310 + 20j]])
    found = common_motion(before, digits(now, [*"612527", "1", "7"]), 0j, 1 / 15)
    assert found.shift == pytest.approx(20 + 9j, abs=HEIGHT / 20)


def test_a_few_small_marks_move_no_sheet(before: Digits) -> None:
    """As a smeared frame shows them: half as high as the digits, somewhere."""
    found = common_motion(before, digits(np.array([150 + 20j, 90 + 280j]), ["3", "1"], 18.0), 2 + 1j, 1 / 15)
    assert found == Motion(shift=2 + 1j)


def test_digits_of_another_size_are_others(before: Digits) -> None:
    assert not common_motion(before, digits(before.places + 90j, height=14.0), 0j, 1.0).seen


def test_the_only_digit_tells_a_shift_and_no_turn() -> None:
    found = common_motion(digits(np.array([100 + 100j]), ["7"]), digits(np.array([112 + 97j]), ["7"]), 0j, 1 / 15)
    assert (found.factor, found.shift) == (1, 12 - 3j)


@pytest.mark.parametrize("empty", ["before", "now"])
def test_without_digits_it_goes_on_as_expected(before: Digits, empty: str) -> None:
    none = digits(np.empty(0, np.complex128), [])
    found = common_motion(none, before, 3j, 0.1) if empty == "before" else common_motion(before, none, 3j, 0.1)
    assert found == Motion(shift=3j)
