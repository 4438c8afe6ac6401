"""Which images calibrate and which are golden: some of each class, and never more than a converter or a bundle can hold."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.manifest import GOLDEN_BYTES, MAX_GOLDEN
from edgeproof.run_folder import (
    ARTIFACTS,
    CALIBRATION_BYTES,
    CALIBRATION_IMAGES,
    Images,
    calibration_indices,
    golden_each,
    golden_indices,
    spanning,
)

DIGIT, LARGEST = 28 * 28, 1024 * 1024 * 3  # bytes of an image


@pytest.mark.parametrize(("classes", "each"), [(2, 32), (10, 8), (12, 8), (512, 7), (1000, 2)])
def test_golden_inputs_of_each_class(classes: int, each: int) -> None:
    labels = np.arange(40 * classes) % classes
    counts = np.bincount(labels[golden_indices(labels, classes, DIGIT)])
    assert golden_each(classes, DIGIT) == each
    assert counts.tolist() == [each] * classes
    assert counts.sum() <= MAX_GOLDEN
    assert counts.sum() * (DIGIT + ARTIFACTS * 4 * classes) <= GOLDEN_BYTES


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_golden_inputs_of_the_largest_images_are_few(classes: int) -> None:
    labels = np.arange(20 * classes) % classes
    chosen = golden_indices(labels, classes, LARGEST)
    assert 0.5 * GOLDEN_BYTES < len(chosen) * LARGEST <= GOLDEN_BYTES
    assert len(set(labels[chosen])) >= min(classes, 20)  # of each class, or each of another one


@pytest.mark.parametrize(("classes", "each"), [(2, 256), (10, 51), (1000, 1)])
def test_calibration_images_of_each_class(classes: int, each: int) -> None:
    labels = np.arange(300 * classes) % classes
    chosen = calibration_indices(labels, classes, 1, DIGIT)
    assert np.bincount(labels[chosen]).tolist() == [each] * classes
    assert each == 1 or len(chosen) <= CALIBRATION_IMAGES


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_calibration_images_of_the_largest_images_are_few(classes: int) -> None:
    labels = np.arange(30 * classes) % classes
    chosen = calibration_indices(labels, classes, 1, LARGEST)
    assert len(chosen) >= 20  # fewer are refused by convert
    assert len(chosen) * LARGEST * 4 <= CALIBRATION_BYTES
    assert len(set(labels[chosen])) >= min(classes, 10)


@pytest.mark.parametrize("image_bytes", [DIGIT, 224 * 224 * 3, 512 * 512 * 3, LARGEST])
@pytest.mark.parametrize("classes", [2, 3, 6, 9, 15, 19, 22, 40, 86, 300, 446, 1000])
def test_calibration_images_are_enough_and_of_as_many_classes_as_there_is_room_for(
    classes: int, image_bytes: int
) -> None:
    labels = np.arange(30 * classes) % classes
    chosen = calibration_indices(labels, classes, 1, image_bytes)
    most = CALIBRATION_BYTES // (4 * image_bytes)
    assert 20 <= len(chosen) <= most, "what convert refuses, and what converters can hold"
    assert len(set(labels[chosen])) == min(classes, most)
    assert len(set(chosen.tolist())) == len(chosen)


@pytest.mark.parametrize("shape", [(1, 1), (6, 5), (6, 5, 3)])
def test_dull_images_get_two_that_span_all_bytes(shape: tuple[int, ...]) -> None:
    dull = Images(np.full((4, *shape), 90, np.uint8), np.array([3, 1, 0, 2]))
    made = spanning(dull)
    assert (made.images.min(), made.images.max()) == (0, 255)
    assert made.labels.tolist() == [3, 1, 0, 2, 3, 3]
    assert np.array_equal(made.images[:4], dull.images)
    assert (made.images[4:] == 90).sum() == 2 * (dull.images[0].size - 1)
    assert spanning(made) is made
