"""Augmentation: deterministic, in range, and each strength does what its name says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from train.__main__ import RECIPES
from train.fit.augment import augment
from train.recipe import AugmentSettings, load_recipe

FULL = load_recipe(RECIPES / "digits.toml").train.augment


@pytest.fixture(scope="module")
def strokes() -> NDArray[np.uint8]:
    """64 upright bars, uint8 (64, 28, 28)."""
    images = np.zeros((64, 28, 28), np.uint8)
    images[:, 4:24, 12:16] = 255
    return images


def changed(images: NDArray[np.uint8], seed: int = 1, **strengths: float) -> NDArray[np.float32]:
    return np.asarray(augment(images, AugmentSettings(**strengths), [seed, 0]))


def test_form_of_the_result(strokes: NDArray[np.uint8]) -> None:
    images = np.asarray(augment(strokes, FULL, [3, 4]))
    assert images.shape == (64, 28, 28, 1)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 255
    assert np.array_equal(images, images.round())


def test_same_seed_same_images_and_only_then(strokes: NDArray[np.uint8]) -> None:
    first, again, other_step = (np.asarray(augment(strokes, FULL, seed)) for seed in ([3, 4], [3, 4], [3, 5]))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other_step)


def test_each_image_is_changed_differently(strokes: NDArray[np.uint8]) -> None:
    images = np.asarray(augment(strokes, FULL, [3, 4]))
    assert len(np.unique(images, axis=0)) == len(images)


def test_zero_strength_changes_nothing(strokes: NDArray[np.uint8]) -> None:
    assert np.array_equal(changed(strokes)[..., 0], strokes)


@pytest.mark.parametrize("name", [spec.name for spec in dataclasses.fields(AugmentSettings) if spec.name != "camera"])
def test_every_strength_has_an_effect(strokes: NDArray[np.uint8], name: str) -> None:
    crosses = np.maximum(strokes, strokes.swapaxes(1, 2))  # ink on all four sides, as a digit has it
    values = {"rotate": 10.0, "slant": 10.0, "shift": 2.0, "broken": 2.0, "fragments": 4.0, "noise": 0.1}
    images = changed(crosses, camera=1.0, **{name: values.get(name, 0.5)})[..., 0]
    assert (images != crosses).any(axis=(1, 2)).mean() > 0.3  # a gap may fall beside the ink


def test_shift_moves_by_at_most_its_pixels(strokes: NDArray[np.uint8]) -> None:
    images = changed(strokes, shift=2.0)[..., 0]
    columns = (images.sum(axis=1) @ np.arange(28)) / images.sum(axis=(1, 2))  # centres of mass
    moved = abs(columns - 13.5)
    assert 1.5 < moved.max() <= 2.01  # 0.01: whole grey levels


def test_slant_shears_and_keeps_the_rows(strokes: NDArray[np.uint8]) -> None:
    images = changed(strokes, slant=20.0)[..., 0]
    top, bottom = ((images[:, row] @ np.arange(28)) / images[:, row].sum(axis=1) for row in (4, 23))
    lean = np.rad2deg(np.arctan((top - bottom) / 19))
    assert 15 < abs(lean).max() < 20.5
    assert np.array_equal(images[:, 4:24].any(axis=(1, 2)), np.ones(64, bool))
    assert not images[:, :4].any()


def test_stroke_makes_thicker_and_thinner(strokes: NDArray[np.uint8]) -> None:
    ink = changed(strokes, stroke=0.5).sum(axis=(1, 2, 3)) / strokes.sum(axis=(1, 2))
    assert ink.min() < 0.85
    assert ink.max() > 1.15


def test_camera_share(strokes: NDArray[np.uint8]) -> None:
    images = changed(np.repeat(strokes, 16, axis=0), camera=0.25, uneven=0.5)[..., 0]
    share = (images != strokes[0]).any(axis=(1, 2)).mean()
    assert 0.19 < share < 0.31  # 1,024 draws at 0.25: ± 4 standard deviations
