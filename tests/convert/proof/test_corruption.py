"""Corruptions: always the same, nine different ones, and still digits."""

from __future__ import annotations

import numpy as np
import pytest

from convert.proof.corruption import IMAGES, KINDS, corrupt, sample
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.support.files import sha256


def test_the_same_images_are_chosen_and_give_the_same_pixels() -> None:
    golden = load_bundle().golden.images
    before = golden.copy()
    first, again = corrupt(golden), corrupt(golden)
    assert list(first) == list(KINDS)
    assert all((first[kind] == again[kind]).all() for kind in KINDS)
    assert all(images.shape == golden.shape and images.dtype == np.uint8 for images in first.values())
    assert len({sha256(images.tobytes()) for images in first.values()} | {sha256(golden.tobytes())}) == 10
    assert (golden == before).all(), "the caller's images were changed"
    assert (sample(10_000) == sample(10_000)).all()


@pytest.mark.parametrize(("count", "chosen"), [(10_000, IMAGES), (IMAGES, IMAGES), (300, 300)])
def test_a_fixed_part_of_the_test_images(count: int, chosen: int) -> None:
    indices = sample(count)
    assert len(indices) == len(set(indices.tolist())) == chosen
    assert (np.diff(indices) > 0).all()
    assert indices.max() < count


def test_ink_is_changed_as_named() -> None:
    golden = load_bundle().golden.images
    ink = {kind: images.sum(dtype=np.int64) / golden.sum(dtype=np.int64) for kind, images in corrupt(golden).items()}
    assert ink["thin"] < 0.8
    assert ink["thick"] > 1.2
    assert ink["contrast"] == pytest.approx(0.35, abs=0.01)
    assert ink["blur"] == pytest.approx(1, abs=0.02), "blurring moves ink, it makes none"
    assert ink["shear"] == pytest.approx(1, abs=0.02)
    assert ink["occlusion"] < 0.95
    assert min(ink["noise"], ink["stripes"]) > 1.1


def test_digits_stay_readable() -> None:
    """Half of the sure digits at least are still read in each kind: a table of chance would say nothing."""
    bundle = load_bundle()
    with open_classifier(bundle, "fp32.onnx", "onnxruntime", "cpu") as classifier:
        for kind, images in corrupt(bundle.golden.images).items():
            right = (classifier.logits(images).argmax(axis=1) == bundle.golden.labels).mean()
            assert right > 0.5, kind
