"""By what the range of pixels is found, and when it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.elsewhere.measured import Measured, class_mean_accuracy, measured, ranks, undecided
from convert.elsewhere.pixels import Pixels, candidates
from convert.keras_model import quiet_tensorflow
from edgeproof.run_folder import Images

SURE = np.array([[0.9, 0.1]])
UNSURE = np.array([[0.6, 0.4]])


def found(name: str, rank: float, probabilities: NDArray[Any] = SURE) -> Measured:
    return Measured(Pixels(name), rank, 0.9, probabilities, rank)


def halves() -> Images:
    """Two classes: bright on the left, bright on the right."""
    random = np.random.default_rng(1)
    labels = np.arange(40) % 2
    images = random.integers(0, 60, (40, 6, 6), np.uint8)
    images[labels == 0, :, :3] += 150
    images[labels == 1, :, 3:] += 150
    return Images(images, labels)


@pytest.mark.parametrize(
    ("ranked", "names"),
    [
        ([found("0-1", 0.1), found("0-255", 1.0, UNSURE)], ["0-1"]),
        ([found("0-1", 0.1), found("minus1-1", 0.12, UNSURE)], ["0-1", "minus1-1"]),
        ([found("0-1", 0.1), found("minus1-1", 0.12, SURE)], ["0-1"]),  # both give the same answers
    ],
)
def test_what_cannot_be_told_apart(ranked: list[Measured], names: list[str]) -> None:
    assert [choice.pixels.name for choice in undecided(ranked)] == names


@pytest.mark.parametrize(
    ("losses", "tempered", "best"),
    [
        ((0.06, 0.08), (0.05, 0.07), "0-1"),
        ((0.06, 0.04), (0.06, 0.04), "0-1"),  # dropout: a little surer
        (
            (0.32, 0.07),
            (0.06, 0.07),
            "0-1",
        ),  # smoothed labels: much surer, and no better when both are as sure as suits them
        ((0.54, 0.09), (0.23, 0.08), "z-score"),
        ((float("inf"), 0.09), (float("inf"), 0.08), "z-score"),
    ],
)
def test_a_rare_range_must_be_much_better(
    losses: tuple[float, float], tempered: tuple[float, float], best: str
) -> None:
    names = ("0-1", "z-score")
    order = ranks(dict(zip(names, losses, strict=True)), dict(zip(names, tempered, strict=True)))
    assert min(order, key=lambda name: order[name]) == best


@pytest.mark.slow
def test_a_model_that_knows_its_images_by_heart_is_not_taken_for_one_of_a_wider_range() -> None:
    """Right everywhere, and on 0..255 surer than a number can say: log-loss alone, 0, would choose that."""
    quiet_tensorflow()
    import keras

    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)])
    left = np.where(np.arange(36) % 6 < 3, 1.0, -1.0)
    model.set_weights([np.stack([left, -left], axis=1)])
    ranked = measured(model, halves(), candidates(halves().images, 1), sigmoids=False)
    accuracies = {choice.pixels.name: choice.accuracy for choice in ranked}
    assert accuracies["0-1"] == accuracies["0-255"] == 1
    assert ranked[0].pixels.name == "0-1"


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_layers_compute_what_was_measured(channels: int) -> None:
    quiet_tensorflow()
    import keras

    shape = (9, 5, 4, 3) if channels == 3 else (9, 5, 4)
    images = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    ranges = candidates(images, channels)
    assert set(ranges) - {"torch", "caffe"} == {"0-255", "0-1", "minus1-1", "1-0", "255-0", "z-score"}
    for pixels in ranges.values():
        tensor = images.reshape(9, 5, 4, channels).astype(np.float32)
        for layer in pixels.layers(channels):
            tensor = layer(tensor)
        found = keras.ops.convert_to_numpy(tensor)
        assert np.allclose(found, pixels(images), rtol=1e-4, atol=1e-4), pixels.name


def test_what_the_mean_picture_of_each_class_is_worth() -> None:
    data = halves()
    first, rest = Images(data.images[:10], data.labels[:10]), Images(data.images[10:], data.labels[10:])
    assert class_mean_accuracy(rest, first) == 1
    assert class_mean_accuracy(Images(rest.images, 1 - rest.labels), first) == 0
