"""The input pipeline: every image once per round, targets that say what the recipe says."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from train.fit import augmented_batches, distilled_batches, one_hot, soft_answers
from train.recipe import AugmentSettings, DistillSettings, TrainSettings
from train.samples import Part

CLASSES = 64
#: One image per class, each of its own grey, so that an image tells which it is.
PART = Part(np.repeat(np.arange(1, CLASSES + 1, dtype=np.uint8), 28 * 28).reshape(CLASSES, 28, 28), np.arange(CLASSES))


def test_every_image_once_per_round_with_its_own_target() -> None:
    batches = augmented_batches(PART, CLASSES, TrainSettings(epochs=1, batch=16)).take(8)
    rounds = [(np.asarray(images), np.asarray(targets)) for images, targets in batches]
    seen = [targets.argmax(axis=1) for _, targets in rounds]
    assert sorted(np.concatenate(seen[:4])) == list(range(CLASSES))
    assert sorted(np.concatenate(seen[4:])) == list(range(CLASSES))
    assert not np.array_equal(seen[:4], seen[4:])  # in another order
    for images, targets in rounds:
        assert images.shape == (16, 28, 28, 1)
        assert np.array_equal(images[:, 5, 5, 0], targets.argmax(axis=1) + 1)


def test_two_pipelines_of_one_seed_agree() -> None:
    settings = TrainSettings(epochs=1, batch=16, augment=AugmentSettings(shift=3, noise=0.1, camera=0.5))
    first, second = (
        [np.asarray(images) for images, _ in augmented_batches(PART, CLASSES, settings).take(5)] for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_label_smoothing() -> None:
    settings = TrainSettings(epochs=1, batch=64, label_smoothing=0.1)
    _, targets = next(iter(augmented_batches(PART, CLASSES, settings)))
    np.testing.assert_allclose(np.asarray(targets).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(targets).max(axis=1), 0.9 + 0.1 / CLASSES, rtol=1e-5)


@pytest.fixture(scope="module")
def teacher() -> keras.Model:
    keras.utils.set_random_seed(3)
    image = keras.Input((28, 28, 1))
    return keras.Model(image, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(image)))


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_distilled_targets_share_label_and_teacher(teacher: keras.Model, weight: float) -> None:
    distill = DistillSettings(("unused",), weight=weight, temperature=4.0, copies=2)
    settings = TrainSettings(epochs=1, batch=64)
    images, targets = next(iter(distilled_batches(PART, CLASSES, settings, distill, [teacher])))
    labels = np.asarray(images)[:, 0, 0, 0].astype(int) - 1
    soft = soft_answers(teacher, np.asarray(images)[..., 0].astype(np.uint8), 4.0)
    expected = (1 - weight) * one_hot(labels, CLASSES) + weight * soft
    np.testing.assert_allclose(np.asarray(targets), expected, atol=1e-5)  # float32 rounding


def test_temperature_softens(teacher: keras.Model) -> None:
    sharp, soft = (soft_answers(teacher, PART.images, temperature) for temperature in (1.0, 8.0))
    assert soft.max(axis=1).mean() < sharp.max(axis=1).mean()
