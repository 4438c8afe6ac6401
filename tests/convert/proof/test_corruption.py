"""Corruptions: always the same, all different, still digits; and of pictures those that happen to pictures."""

from __future__ import annotations

import numpy as np
import pytest

from convert.proof import corruption
from convert.proof.corruption import COLOUR_KINDS, IMAGES, INK_KINDS, PICTURE_KINDS, PICTURES, corrupt, sample
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.input_contract import GLYPHS, InputContract
from edgeproof.support.files import sha256


def test_the_same_images_are_chosen_and_give_the_same_pixels() -> None:
    golden = load_bundle().golden.images
    before = golden.copy()
    first, again = corrupt(golden, GLYPHS), corrupt(golden, GLYPHS)
    assert list(first) == list(INK_KINDS)
    assert all((first[kind] == again[kind]).all() for kind in INK_KINDS)
    assert all(images.shape == golden.shape and images.dtype == np.uint8 for images in first.values())
    assert len({sha256(images.tobytes()) for images in first.values()} | {sha256(golden.tobytes())}) == 10
    assert (golden == before).all(), "the caller's images were changed"
    assert (sample(10_000, GLYPHS) == sample(10_000, GLYPHS)).all()


@pytest.mark.parametrize(("count", "chosen"), [(10_000, IMAGES), (IMAGES, IMAGES), (300, 300)])
def test_a_fixed_part_of_the_test_images(count: int, chosen: int) -> None:
    indices = sample(count, GLYPHS)
    assert len(indices) == len(set(indices.tolist())) == chosen
    assert (np.diff(indices) > 0).all()
    assert indices.max() < count


def test_of_pictures_fewer_are_corrupted() -> None:
    assert len(sample(10_000, InputContract((32, 32), 3, "fit"))) == PICTURES
    assert len(sample(10_000, InputContract((1024, 1024), 3, "fit"))) == 10, "all kinds of them are held at once"


@pytest.mark.parametrize("contract", [GLYPHS, InputContract((20, 12), 3, "fit")])
def test_a_part_at_a_time_they_are_the_same_pixels(contract: InputContract, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(1).integers(0, 256, (23, *contract.shape), np.uint8)
    whole = corrupt(images, contract)
    monkeypatch.setattr(corruption, "AT_ONCE", 5 * images[0].size)
    parts = corrupt(images, contract)
    assert all((parts[kind] == whole[kind]).all() for kind in whole)


def test_ink_is_changed_as_named() -> None:
    golden = load_bundle().golden.images
    ink = {
        kind: images.sum(dtype=np.int64) / golden.sum(dtype=np.int64)
        for kind, images in corrupt(golden, GLYPHS).items()
    }
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
        for kind, images in corrupt(bundle.golden.images, GLYPHS).items():
            right = (classifier.logits(images).argmax(axis=1) == bundle.golden.labels).mean()
            assert right > 0.5, kind


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(32, 32), (20, 48), (1, 1)])
def test_pictures_have_kinds_of_their_own(size: tuple[int, int], channels: int) -> None:
    contract = InputContract(size, channels, "stretch")  # type: ignore[arg-type]
    images = np.random.default_rng(1).integers(0, 256, (6, *contract.shape), np.uint8)
    made = corrupt(images, contract)
    assert list(made) == [*PICTURE_KINDS, *(COLOUR_KINDS if channels == 3 else ())]
    for kind, changed in made.items():
        assert changed.shape == images.shape, kind
        assert changed.dtype == np.uint8, kind
        assert size == (1, 1) or (changed != images).any(), kind


def test_pictures_are_changed_as_named() -> None:
    contract = InputContract((32, 32), 3, "stretch")
    red = np.zeros((4, 32, 32, 3), np.uint8)
    red[..., 0], red[:, 8:24, 8:24, 1] = 200, 100
    made = corrupt(red, contract)
    assert made["dark"].mean() == pytest.approx(red.mean() / 2, abs=1)
    assert made["bright"].mean() > 1.5 * red.mean()
    assert made["contrast"].std() == pytest.approx(red.std() / 2, rel=0.02)
    assert np.ptp(made["saturation"].astype(int), axis=-1).mean() < 0.6 * np.ptp(red.astype(int), axis=-1).mean()
    assert made["jpeg"][..., 0].mean() > 150, "red stays red"
    assert np.abs(made["blur"].mean() - red.mean()) < 2, "blurring moves light, it makes none"
    assert made["turn"][:, 0, 0, 0].min() == 200, "no black corners: a camera has none"
