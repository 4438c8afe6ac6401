"""Ready networks: they take raw pixels, give logits, and learn."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from edgeproof.errors import UsageError
from edgeproof.input_contract import InputContract
from train.applications import mobilenet_v2
from train.cost import macs
from train.models import build
from train.recipe import ModelSettings

PICTURES = InputContract((96, 96), 3, "fit")


def test_one_step_at_96() -> None:
    model = build(ModelSettings(model="train.applications:mobilenet_v2", input=(96, 96, 3)), 12, PICTURES)
    assert model.count_params() == 410_208 + (1280 + 1) * 12  # the former as Keras documents it
    assert macs(model) == 10_669_488
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, run_eagerly=True)  # one step is not worth the minute that its graph takes
    before = model.layers[-1].get_weights()[0].copy()
    images = np.random.default_rng(1).uniform(0, 255, (4, 96, 96, 3)).astype(np.float32)
    assert np.isfinite(model.train_on_batch(images, np.eye(12, dtype=np.float32)[:4]))
    assert not np.array_equal(before, model.layers[-1].get_weights()[0])


def test_the_other_one() -> None:
    model = build(ModelSettings(model="train.applications:mobilenet_v3_small"), 12, PICTURES)
    assert model.output_shape == (None, 12)
    assert model.inputs[0].name == "image"


def test_weights_of_ones_own(tmp_path: Path) -> None:
    first = mobilenet_v2(3, (32, 32, 3))
    keras.Model(first.inputs, first.layers[-2].output).save_weights(file := tmp_path / "no_top.weights.h5")
    second = mobilenet_v2(5, (32, 32, 3), weights=file)
    for ours, theirs in zip(second.layers[:-1], first.layers[:-1], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True))


def test_grey_pictures_too() -> None:
    model = build(ModelSettings(model="train.applications:mobilenet_v2"), 4, InputContract((48, 48), 1, "stretch"))
    assert model.input_shape == (None, 48, 48, 1)


def test_an_application_that_is_not_there() -> None:
    with pytest.raises(UsageError, match=r'found "train\.applications:resnet50"'):
        build(ModelSettings(model="train.applications:resnet50"), 4, PICTURES)
