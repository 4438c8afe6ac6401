"""Scenes of the robustness table: labels lie on ink, the same seed gives the same pixels."""

from __future__ import annotations

import pytest

from benchmarks.scenes import conditions
from benchmarks.scenes.conditions import Base
from benchmarks.scenes.writer import Digits


def test_labels_lie_on_all_ink_and_on_nothing_else(small: list[Base], check_ink) -> None:
    for base in small:
        assert len(base.scene.digits) >= 4
        check_ink(base.scene.picture, [mark.box for mark in base.scene.marks])


def test_the_same_seed_gives_the_same_pixels(digits: Digits) -> None:
    first, again, other = (conditions.make_base("sums", digits, seed, (480, 360), 40).scene for seed in (5, 5, 6))
    assert (first.picture == again.picture).all()
    assert [mark.box for mark in first.marks] == [mark.box for mark in again.marks]
    assert not (first.picture == other.picture).all()


@pytest.mark.parametrize("height", [8, pytest.param(800, marks=pytest.mark.slow)])
def test_digits_have_the_stated_height(digits: Digits, height: int) -> None:
    """MNIST's box is 20 pixels in one direction: wide digits are lower, none is much higher (slant and pen add a little)."""
    (scene,) = conditions.sized(digits, height, 1, 2)
    tall = max(mark.box[3] for mark in scene.digits)
    assert 0.75 * height <= tall <= 1.35 * height + 2
