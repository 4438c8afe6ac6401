"""Negatives: every kind draws ink, the same seed draws the same, and nothing is a blank."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data import datasets as data
from train.data.synthetic import non_digits

Digits = tuple[NDArray[np.uint8], NDArray[np.int64]]


@pytest.fixture(scope="module")
def digits() -> Digits:
    mnist = data.load("mnist")
    return mnist.train_images[:1000], mnist.train_labels[:1000]


def test_form_and_determinism(digits: Digits) -> None:
    drawn = non_digits.draw_non_digits(200, *digits, seed=5)
    assert drawn.shape == (200, 28, 28)
    assert drawn.dtype == np.uint8
    assert np.array_equal(drawn, non_digits.draw_non_digits(200, *digits, seed=5))
    assert not np.array_equal(drawn, non_digits.draw_non_digits(200, *digits, seed=6))
    assert len(np.unique(drawn, axis=0)) > 190  # varied; a dot is always a dot


@pytest.mark.parametrize("kind", non_digits._KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_draws_ink(kind: non_digits.Kind, digits: Digits) -> None:
    random = np.random.default_rng(2)
    for _ in range(50):
        crop = kind(random, *digits)
        assert crop.dtype == np.uint8
        assert crop.ndim == 2
        assert crop.max() > 128


def test_halves_come_from_the_digits_that_allow_it(digits: Digits) -> None:
    images, labels = digits
    only = np.flatnonzero(np.isin(labels, [label for label, _ in non_digits._SAFE_HALVES]))
    random, same_random = np.random.default_rng(3), np.random.default_rng(3)
    blanked = images.copy()
    blanked[np.setdiff1d(np.arange(len(images)), only)] = 0
    for _ in range(50):  # a half of any other digit would differ, or fail on the blank
        assert np.array_equal(non_digits._half(random, images, labels), non_digits._half(same_random, blanked, labels))
