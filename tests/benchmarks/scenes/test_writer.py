"""Whose digits are written."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes.writer import clear_digits
from edgeproof.errors import SourceError


def two_of_each() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two images of each digit: the model is sure of the first and torn about the second (margin 0.46)."""
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 4:24, 12:15] = np.arange(20, dtype=np.uint8)[:, None, None] + 200
    labels = np.repeat(np.arange(10), 2)
    logits = 20 * np.eye(10, dtype=np.float32)[labels]
    logits[1::2] /= 20
    return images, labels, logits


def test_unclear_writing_is_left_out() -> None:
    images, labels, logits = two_of_each()
    chosen, of = clear_digits(images, labels, logits)
    assert of.tolist() == list(range(10))
    assert (chosen == images[::2]).all()


def test_what_the_model_gets_wrong_is_left_out() -> None:
    images, labels, logits = two_of_each()
    logits[1::2] = logits[0::2]
    logits[0] = logits[2]  # sure of a 1 where a 0 stands
    assert (clear_digits(images, labels, logits)[0][0] == images[1]).all()


def test_a_digit_without_clear_images_is_named() -> None:
    images, labels, logits = two_of_each()
    logits[14] /= 20
    with pytest.raises(SourceError, match="found none of 7"):
        clear_digits(images, labels, logits)


def test_the_quarter_nearest_to_the_mean_is_typical() -> None:
    """Of eight images of each digit, three pixels brighter each, the two in the middle are nearest to the mean."""
    images = np.zeros((80, 28, 28), np.uint8)
    images[:, 4:24, 12:15] = (100 + 3 * np.tile(np.arange(8), 10))[:, None, None]
    labels = np.repeat(np.arange(10), 8)
    chosen, of = clear_digits(images, labels, 20 * np.eye(10, dtype=np.float32)[labels])
    assert np.bincount(of).tolist() == [2] * 10
    assert set(chosen.max(axis=(1, 2)).tolist()) == {109, 112}
