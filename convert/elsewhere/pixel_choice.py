"""What a model from elsewhere takes as a pixel: found, or asked of the user, and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from convert.elsewhere.data import SEED, Data
from convert.elsewhere.measured import Measured, class_mean_accuracy, measured, undecided
from convert.elsewhere.outputs import Outputs
from convert.elsewhere.pixels import candidates
from edgeproof.errors import GateError, UsageError
from edgeproof.input_contract import with_channels
from edgeproof.run_folder import Images

AUTO = "auto"
BETTER = 0.15  # than chance, a share of right answers, where there are few classes
MUCH_LOWER = 10.0  # times: a loss under another range than the one that was asked for, of which the user is told
RUNNERS_UP = 2  # ranges beside the best that are told of


def choose_pixels(
    outputs: Outputs, data: Data, calibration: Images, asked: str, *, file: Path, say: Callable[[str], None]
) -> Measured:
    """What a model with these `outputs` does with the pixels it was trained with: those that were asked for, or the best.

    `asked`: a range by name, or "auto". Raises UsageError where it cannot be told, GateError where the model knows nothing.
    """
    same = data.train.images.ndim == calibration.images.ndim  # otherwise grey was made of colour, or colour of grey
    channels = with_channels(calibration.images).shape[-1]
    ranges = candidates(data.train.images if same else calibration.images, channels)
    if asked not in (AUTO, *ranges):
        raise UsageError(f"--pixels {asked}: expected {', '.join(ranges)} for a model of {channels} channel(s)")
    ranked = measured(outputs.model, calibration, ranges, sigmoids=outputs.sigmoids)
    best, open_still = ranked[0], undecided(ranked)
    chosen = next((found for found in ranked if found.pixels.name == asked), best)
    others = sorted((found for found in ranked if found is not chosen), key=lambda found: found.loss)[:RUNNERS_UP]
    losses = ", ".join(f"{found.pixels.name} {found.loss:.3g}" for found in others)
    what = "squared error" if best.one_hot else "log-loss"
    _check_knows(max(found.accuracy for found in ranked), len(np.unique(calibration.labels)), file)
    if asked == AUTO and len(open_still) > 1:
        names = " or ".join(f"--pixels {found.pixels.name}" for found in open_still)
        raise UsageError(
            f"{file}: what it takes as a pixel cannot be told: {what} on {len(calibration)} training images "
            f"{chosen.loss:.3g} with {chosen.pixels.name}, {losses}: say what it was trained with: {names}"
        )
    told = f"takes pixels as {chosen.pixels.name}" + (" as told" if asked != AUTO else "")
    scores = "; its outputs are scores in 0..1, made into logits" if best.one_hot else ""
    say(
        f"{file.name}: {told}: {what} {chosen.loss:.3g} on {len(calibration)} training images, {chosen.accuracy:.0%} right "
        f"({losses}); {outputs.said}{scores}"
    )
    if best.loss * MUCH_LOWER < chosen.loss:
        say(f"{file.name}: {best.pixels.name} fits far better than what you told: was it trained with that?")
    simple = _class_mean_accuracy(data, len(calibration))
    if chosen.accuracy < simple:
        say(
            f"{file.name}: is right less often than whoever takes the nearest class mean ({simple:.0%}): was it trained on "
            "pictures that were made otherwise (padded, cropped, inverted)? Then put those into the .npz"
        )
    return replace(chosen, one_hot=best.one_hot)


def _check_knows(accuracy: float, classes: int, file: Path) -> None:
    """Raise GateError for a share of right answers that is little more than chance."""
    chance = 1 / classes
    if not accuracy > min(2 * chance, chance + BETTER):
        raise GateError(
            f"{file}: knows {accuracy:.0%} of the training images, whatever pixels are taken for (chance: {chance:.0%}): "
            "expected a trained model of these data, with labels in the order of its outputs"
        )


def _class_mean_accuracy(data: Data, most: int) -> float:
    """What the data are good for, at the least: measured on at most `most` training images that the means are not made of."""
    order = np.random.default_rng(SEED).permutation(len(data.train))
    count = min(most, len(order) // 2)
    asked, rest = (Images(data.train.images[part], data.train.labels[part]) for part in (order[:count], order[count:]))
    return class_mean_accuracy(rest, asked) if count else 0.0
