"""What a recipe learns from: the data set split, partly taken through the glyph, joined by synthetic digits and non-digits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import GateError, UsageError
from edgeproof.glyph import through_glyph
from edgeproof.input_contract import GLYPHS, InputContract
from edgeproof.resize import make_inputs
from edgeproof.run_folder import Images, calibration_indices, image_digest, spanning
from edgeproof.scores import REJECT
from edgeproof.support.npz import MAX_UNPACKED_BYTES
from train.data import datasets, own
from train.data.datasets import Dataset
from train.recipe import Recipe

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """What a recipe trains on, chooses by and is measured on."""

    classes: tuple[str, ...]
    """Names in label order; the last is "reject" when there are non-digits."""
    train: Images
    """Digits, a share of them through the glyph, synthetic digits and non-digits."""
    validation: Images
    """Digits as the data set has them: a model is chosen on these."""
    test: Images
    """Digits as the data set has them: read once, when the training is over."""
    held_out_non_digits: Images
    """Drawn with another seed than the training's; empty for a recipe without non-digits."""
    input: InputContract = GLYPHS
    """What all of these images are."""


def load_dataset(recipe: Recipe, data_dir: Path | None) -> Dataset:
    """The data set that the recipe names, in images of the recipe's input; of one's own it is printed what was found in them."""
    settings = recipe.data
    if settings.name != own.NAME:
        data = datasets.load(settings.name, data_dir)
        contract = recipe.contract(data.image_shape)
        if contract.ink and data.image_shape != contract.shape:
            raise UsageError(
                f"{recipe.name}: {settings.name} are pictures of {'×'.join(map(str, data.image_shape))} and no glyphs: "
                'say in [data] how they are resized: resize = "stretch", "fit" or "crop"'
            )
        train, test = (make_inputs(images, contract) for images in (data.train_images, data.test_images))
        return replace(data, train_images=train, test_images=test)
    if not settings.path:
        raise UsageError(f"{recipe.name}: expected --data FOLDER or --data FILE.npz, or path in [data]; found neither")
    found = own.load_own(
        Path(settings.path),
        contract=recipe.contract(),
        test=settings.test,
        strict=settings.strict,
        seed=recipe.train.seed,
    )
    print("\n".join(found.notes), flush=True)
    return found.dataset


def make_samples(recipe: Recipe, data: Dataset) -> Samples:
    """Split `data` as the recipe's [data] says. Deterministic in the recipe's seed."""
    settings, seed = recipe.data, recipe.train.seed
    count = len(data.train_labels)
    held_out = settings.validation if isinstance(settings.validation, int) else round(count * settings.validation)
    used = int((count - held_out) * settings.fraction)
    first = settings.validation_from == "first"
    chosen_by = slice(held_out) if first else slice(count - held_out, count)
    start = held_out if first else 0
    images, labels = data.train_images[start : start + used].copy(), data.train_labels[start : start + used]
    if settings.per_class:
        few = _few(labels, data.classes, settings.per_class, seed)
        images, labels = images[few], labels[few]
    if len(labels) < recipe.train.batch:
        raise UsageError(
            f"expected at least one batch of {recipe.train.batch} training images, found {len(labels)}: "
            "lower [data] validation or [train] batch, or raise fraction"
        )
    if settings.through_glyph:
        chosen = np.random.default_rng(seed).permutation(len(labels))[: int(len(labels) * settings.through_glyph)]
        images[chosen] = through_glyph(images[chosen])
    if settings.hands:
        from train.data.synthetic.digits import draw_digits

        drawn_images, drawn_labels = draw_digits(settings.hands, seed)
        images, labels = np.concatenate([images, drawn_images]), np.append(labels, drawn_labels)
    train = Images(images, labels)
    validation = Images(data.train_images[chosen_by], data.train_labels[chosen_by])
    _require_readable(validation)
    test = Images(data.test_images, data.test_labels)
    if not settings.negatives:
        none, contract = Images(images[:0], labels[:0]), recipe.contract(data.image_shape)
        return Samples(data.classes, train, validation, test, held_out_non_digits=none, input=contract)

    from train.data.synthetic.non_digits import draw_non_digits

    reject = len(data.classes)
    drawn = draw_non_digits(settings.negatives, train.images, train.labels, seed)
    unseen = draw_non_digits(max(64, settings.negatives // 10), validation.images, validation.labels, seed + 1)
    return Samples(
        (*data.classes, REJECT),
        Images(np.concatenate([train.images, drawn]), np.append(train.labels, np.full(len(drawn), reject))),
        validation,
        test,
        Images(unseen, np.full(len(unseen), reject)),
    )


def _few(labels: Labels, classes: tuple[str, ...], each: int, seed: int) -> NDArray[np.int64]:
    """Indices of `each` labels of every class, drawn by `seed`. Raises UsageError when a class has fewer."""
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = [order[labels[order] == label][:each] for label in range(len(classes))]
    for name, found in zip(classes, chosen, strict=True):
        if len(found) < each:
            raise UsageError(f"per_class: expected {each} training images of class {name}, found {len(found)}")
    return np.concatenate(chosen)


def _require_readable(validation: Images) -> None:
    """Raises UsageError when so many images are held out that the run folder could not be read back."""
    size = validation.images.nbytes + validation.labels.nbytes
    if size > MAX_UNPACKED_BYTES:
        raise UsageError(
            f"expected at most {MAX_UNPACKED_BYTES / 2**30:g} GiB of images to choose by, found {size / 2**30:.1f} GiB: "
            "lower [data] validation"
        )


def calibration(samples: Samples, seed: int) -> Images:
    """Training images for convert's integer ranges, as many of each class. Raises GateError if one is a test image."""
    chosen = calibration_indices(samples.train.labels, len(samples.classes), seed, samples.train.images[0].nbytes)
    part = Images(samples.train.images[chosen], samples.train.labels[chosen])
    test = set(map(image_digest, samples.test.images))
    overlap = sum(image_digest(image) in test for image in part.images)
    if overlap:
        raise GateError(
            f"{overlap} of {len(part)} calibration images are test images: take them out of the training set"
        )
    return spanning(part)


def threshold_images(samples: Samples) -> Images:
    """What convert finds the threshold of a score on: the validation images and the drawn non-digits that were held out.

    A model was chosen on the former, which flatters it a little; the test images say by how much.
    """
    held_out = samples.validation, samples.held_out_non_digits
    return Images(
        np.concatenate([part.images for part in held_out]), np.concatenate([part.labels for part in held_out])
    )
