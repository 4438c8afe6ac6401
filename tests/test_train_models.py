"""Models: layer lists become the networks that they say."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.errors import UsageError
from train.__main__ import RECIPES
from train.models import build
from train.recipe import ModelSettings, load_recipe


@pytest.mark.parametrize(
    ("recipe", "classes", "parameters"),
    [("digits-quick", 10, 47_770), ("digits", 11, 47_835), ("digits-teacher", 11, 354_947)],
)
def test_shipped_shapes(recipe: str, classes: int, parameters: int) -> None:
    model = build(load_recipe(RECIPES / f"{recipe}.toml").model, classes)
    assert model.count_params() == parameters
    assert model.input_shape == (None, 28, 28, 1)
    assert model.inputs[0].name == "image"
    assert model.inputs[0].dtype == "float32"
    assert model.output_shape == (None, classes)


def test_classical_network() -> None:
    # Conv 32 3×3 – pool – dense 128: (9·1 + 1)·32 + (14·14·32 + 1)·128 + (128 + 1)·10 by hand.
    layers = ("conv 32 3x3", "pool", "flatten", "dense 128", "dropout 0.2")
    assert build(ModelSettings(layers, batch_norm=False), 10).count_params() == 320 + 802_944 + 1_290


def test_raw_pixels_in_logits_out() -> None:
    model = build(ModelSettings(("conv 4 3x3 stride 2", "average")), 10)
    logits = np.asarray(model(np.full((2, 28, 28, 1), 255, np.float32)))
    assert abs(logits).max() < 10  # scaled inside: 255 is 1.0 to the first convolution
    assert not np.allclose(logits.sum(axis=1), 1)  # no softmax at the end


@pytest.mark.parametrize("text", ["convolution 32 3x3", "conv 32", "conv 32 3x3 stride", "pool 2", "dropout 3", ""])
def test_unknown_layer_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=f"'{text}' is not understood; known: conv, pool"):
        build(ModelSettings((text,)), 10)


def test_picture_must_end_in_a_vector() -> None:
    with pytest.raises(UsageError, match="expected 'average' or 'flatten'"):
        build(ModelSettings(("conv 4 3x3",)), 10)
