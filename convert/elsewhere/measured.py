"""How well a model from elsewhere does under each range of pixel values, by which the one it was trained with is found.

A network of ReLUs answers much alike whatever its pixels are multiplied by, so how often it is right does not tell. How sure
it is does: of the ranges, the one it was trained with has the lowest mean log-loss on training images. A network that knows
them by heart would be surest on a range far too wide; that a few labels are wrong anyhow costs it what it is too sure of.
One that was kept unsure (dropout, smoothed labels) does a little better on a range wider than its own, most of all on z-scores:
these, and other rare ranges, must do much better, also where each range gets the temperature that suits it.
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
RARE_GAIN = 3.0  # how many times lower the loss of a rare range must be
TEMPERATURES = 2.0 ** np.arange(-6, 10.5, 0.5)  # from surer to less sure
TIE = 1.5  # two ranges whose losses differ by less cannot be told apart ...
ALIKE = 0.02  # ... which does no harm where the probabilities differ by less in the mean, 0..1
ONE_HOT_GAIN = 10.0  # makes logits of outputs that were trained to be 0 and 1
ONE_HOT = 0.5  # squared distance from the one-hot labels; for nothing learned it is about 0.9, for logits above 1


@dataclass(frozen=True)
class Measured:
    """What a model answers when it is given `pixels`.

    loss: mean log-loss on the images; of outputs that are `one_hot`, the mean squared distance from the labels. accuracy:
    share that is right, 0..1. probabilities: (n, classes). rank: by what ranges are compared, the loss as `ranks` has it.
    """

    pixels: Pixels
    loss: float
    accuracy: float
    probabilities: Floats
    rank: float
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
    order = ranks(losses, {name: _at_best_temperature(found, wanted) for name, found in likely.items()})
    made = []
    for name, found in likely.items():
        accuracy = float((found.argmax(axis=1) == images.labels).mean())
        made.append(Measured(ranges[name], losses[name], accuracy, np.exp(found), order[name], one_hot))
    return sorted(made, key=lambda found: found.rank)


def ranks(losses: Mapping[str, float], tempered: Mapping[str, float]) -> dict[str, float]:
    """The losses as ranges are compared by. `tempered`: the losses at the temperature that suits each range best.

    That of a rare range counts three times, and not at all where the best usual range does as well at its temperature.
    """
    usual = min((name for name in losses if name not in RARE), key=lambda name: losses[name])

    def rank(name: str) -> float:
        if name not in RARE:
            return losses[name]
        return RARE_GAIN * losses[name] if tempered[name] < tempered[usual] else float("inf")

    return {name: rank(name) for name in losses}


def undecided(ranked: list[Measured]) -> list[Measured]:
    """The best and those that cannot be told from it and would give other probabilities; one where it is decided."""
    best, *others = ranked
    return [best] + [other for other in others if other.rank < TIE * best.rank and _difference(best, other) > ALIKE]


def class_mean_accuracy(train: Images, asked: Images) -> float:
    """What the data are good for, at the least: how many of `asked` are nearest to the mean of their class in `train`, 0..1.

    The images of both are of one shape.
    """
    labels = np.unique(train.labels)
    means = np.stack([train.images[train.labels == label].mean(axis=0).ravel() for label in labels]).astype(np.float32)
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


def _at_best_temperature(likely: Floats, wanted: Floats) -> float:
    """The log-loss when the answers are made as sure as it is best for it."""
    return min(_log_loss(_log_probabilities(likely / temperature, False), wanted) for temperature in TEMPERATURES)


def _difference(a: Measured, b: Measured) -> float:
    """Mean total variation of the probabilities, 0..1."""
    return float(np.abs(a.probabilities - b.probabilities).sum(axis=1).mean() / 2)
