"""How well a model from elsewhere does under each range of pixel values, by which the one it was trained with is found.

A network of ReLUs answers much alike whatever its pixels are multiplied by, so how often it is right does not tell. How sure
it is does: of the ranges, the one it was trained with has the lowest mean log-loss on training images. A network that knows
them by heart would be surest on a range far too wide; that a few labels are wrong anyhow costs it what it is too sure of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convert.elsewhere.pixels import Floats, Pixels
from convert.keras_model import keras_logits
from edgeproof.run_folder import Images

if TYPE_CHECKING:
    import keras

MISLABELLED = 0.001  # share of labels that are wrong: 0 lets memory win, 0.01 makes trained certainty lose
RARE = ("1-0", "255-0", "z-score", "torch")
RARE_GAIN = (
    3.0  # how many times lower their loss must be: dropout makes a wider range than the true one a little better
)
TIE = 1.5  # two ranges whose losses differ by less cannot be told apart ...
ALIKE = 0.02  # ... which does no harm where the probabilities differ by less in the mean, 0..1
ONE_HOT_GAIN = 10.0  # makes logits of outputs that were trained to be 0 and 1
ONE_HOT = 0.5  # squared distance from the one-hot labels; for nothing learned it is about 0.9, for logits above 1


@dataclass(frozen=True)
class Measured:
    """What a model answers when it is given `pixels`.

    loss: mean log-loss on the images; of outputs that are `one_hot`, the mean squared distance from the labels. accuracy:
    share that is right, 0..1. probabilities: (n, classes).
    """

    pixels: Pixels
    loss: float
    accuracy: float
    probabilities: Floats
    one_hot: bool = False


def measured(model: keras.Model, images: Images, ranges: Mapping[str, Pixels], *, sigmoids: bool) -> list[Measured]:
    """How well a model does on `images` under each of the `ranges`, the best first.

    It gives logits (n, classes), each of which was trained for itself where they are `sigmoids`.
    """
    answers = {name: keras_logits(model, images.images, taken).astype(np.float64) for name, taken in ranges.items()}
    wanted = np.eye(next(iter(answers.values())).shape[1])[images.labels]
    distances = {name: float(np.square(found - wanted).sum(axis=1).mean()) for name, found in answers.items()}
    one_hot = not sigmoids and min(distances.values()) < ONE_HOT
    gain = ONE_HOT_GAIN if one_hot else 1.0
    likely = {name: _log_probabilities(gain * found, sigmoids) for name, found in answers.items()}
    losses = distances if one_hot else {name: _log_loss(found, wanted) for name, found in likely.items()}
    made = [
        Measured(
            ranges[name],
            losses[name],
            float((found.argmax(axis=1) == images.labels).mean()),
            np.exp(found),
            one_hot,
        )
        for name, found in likely.items()
    ]
    return sorted(made, key=handicapped)


def handicapped(found: Measured) -> float:
    """Its loss, as the ranges are ranked by."""
    return found.loss * (RARE_GAIN if found.pixels.name in RARE else 1)


def undecided(ranked: list[Measured]) -> list[Measured]:
    """The best and those that cannot be told from it and would give other probabilities; one where it is decided."""
    best, *others = ranked
    return [best] + [
        other for other in others if handicapped(other) < TIE * handicapped(best) and _difference(best, other) > ALIKE
    ]


def class_mean_accuracy(train: Images, asked: Images) -> float:
    """What the data are good for, at the least: how many of `asked` are nearest to the mean of their class in `train`, 0..1.

    The images of both are of one shape.
    """
    labels = np.unique(train.labels)
    flat = train.images.reshape(len(train), -1).astype(np.float32)
    means = np.stack([flat[train.labels == label].mean(axis=0) for label in labels])
    images = asked.images.reshape(len(asked), -1).astype(np.float32)
    # |x − m|² without |x|², which is the same for every class.
    distances = np.square(means).sum(axis=1) - 2 * images @ means.T
    return float((labels[distances.argmin(axis=1)] == asked.labels).mean())


def _log_probabilities(answers: Floats, sigmoids: bool) -> Floats:
    logits = -np.logaddexp(0, -answers) if sigmoids else answers
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _log_loss(likely: Floats, wanted: Floats) -> float:
    """Infinite where the answers are no numbers."""
    softened = (1 - MISLABELLED) * wanted + MISLABELLED / wanted.shape[1]
    loss = float(-(softened * likely).sum(axis=1).mean())
    return loss if np.isfinite(loss) else float("inf")


def _difference(a: Measured, b: Measured) -> float:
    """Mean total variation of the probabilities, 0..1."""
    return float(np.abs(a.probabilities - b.probabilities).sum(axis=1).mean() / 2)
