"""What a recipe learns from: the data set split, partly taken through the glyph, joined by drawn negatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import GateError, UsageError
from edgeproof.glyph import through_glyph
from train.data import Dataset
from train.recipe import Recipe

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

REJECT = "reject"
CALIBRATION_IMAGES = 512


@dataclass(frozen=True)
class Part:
    """Images uint8 (N, 28, 28) and labels int64 (N,)."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Samples:
    """What a recipe trains on, chooses by and is measured on."""

    classes: tuple[str, ...]
    """Names in label order; the last is "reject" when there are negatives."""
    train: Part
    """Digits, a share of them through the glyph, and negatives."""
    validation: Part
    """Digits as the data set has them: a model is chosen on these."""
    test: Part
    """Digits as the data set has them: read once, when the training is over."""
    held_out_negatives: Part
    """Drawn with another seed than the training's; empty for a recipe without negatives."""


def make_samples(recipe: Recipe, data: Dataset) -> Samples:
    """Split `data` as the recipe's [data] says. Deterministic in the recipe's seed."""
    settings, seed = recipe.data, recipe.train.seed
    cut = len(data.train_labels) - settings.validation
    used = int(cut * settings.fraction)
    if used < recipe.train.batch:
        raise UsageError(
            f"expected at least one batch of {recipe.train.batch} training images, found {max(used, 0)}: "
            "lower [data] validation or [train] batch, or raise fraction"
        )
    images = data.train_images[:used].copy()
    chosen = np.random.default_rng(seed).permutation(used)[: int(used * settings.through_glyph)]
    images[chosen] = through_glyph(images[chosen])
    train = Part(images, data.train_labels[:used])
    validation = Part(data.train_images[cut:], data.train_labels[cut:])
    test = Part(data.test_images, data.test_labels)
    if not settings.negatives:
        return Samples(data.classes, train, validation, test, held_out_negatives=Part(images[:0], train.labels[:0]))

    from train.negatives import draw_negatives

    reject = len(data.classes)
    drawn = draw_negatives(settings.negatives, train.images, train.labels, seed)
    held_out = draw_negatives(max(64, settings.negatives // 10), validation.images, validation.labels, seed + 1)
    return Samples(
        (*data.classes, REJECT),
        Part(np.concatenate([train.images, drawn]), np.append(train.labels, np.full(len(drawn), reject))),
        validation,
        test,
        Part(held_out, np.full(len(held_out), reject)),
    )


def calibration(samples: Samples, seed: int) -> Part:
    """Training images for convert's integer ranges, as many of each class. Raises GateError if one is a test image."""
    each = CALIBRATION_IMAGES // len(samples.classes)
    order = np.random.default_rng(seed).permutation(len(samples.train))
    chosen = np.concatenate(
        [order[samples.train.labels[order] == label][:each] for label in range(len(samples.classes))]
    )
    part = Part(samples.train.images[chosen], samples.train.labels[chosen])
    test = {image.tobytes() for image in samples.test.images}
    overlap = sum(image.tobytes() in test for image in part.images)
    if overlap:
        raise GateError(
            f"{overlap} of {len(part)} calibration images are test images: take them out of the training set"
        )
    return part
