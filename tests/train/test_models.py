"""Models: layer lists become the networks that they say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeproof.errors import UsageError
from train.__main__ import RECIPES
from train.models import build
from train.recipe import ModelSettings, load_recipe


@pytest.mark.parametrize(
    ("recipe", "classes", "parameters"),
    [("digits-quick", 10, 47_770), ("digits", 11, 52_243), ("digits-teacher", 11, 354_947)],
)
def test_shipped_shapes(recipe: str, classes: int, parameters: int) -> None:
    model = build(load_recipe(RECIPES / f"{recipe}.toml").model, classes)
    assert model.count_params() == parameters
    assert model.input_shape == (None, 28, 28, 1)
    assert model.inputs[0].name == "image"
    assert model.inputs[0].dtype == "float32"
    assert model.output_shape == (None, classes)


@pytest.mark.parametrize(
    ("recipe", "parameters"),
    [
        ("mlp-128", (784 + 1) * 128 + (128 + 1) * 10),
        ("mlp-512", (784 + 1) * 512 + (512 + 1) * 10),
        # 28 → 26 without padding, → 13 by pooling.
        ("cnn-32", (9 + 1) * 32 + (13 * 13 * 32 + 1) * 128 + (128 + 1) * 10),
        # 28 → 26 → 13 → 11 → 5.
        ("cnn-32-64", (9 + 1) * 32 + (9 * 32 + 1) * 64 + (5 * 5 * 64 + 1) * 128 + (128 + 1) * 10),
        # 28 → 14 → 7 → 3: padded, halved three times.
        (
            "cnn-deep",
            (9 + 1) * 32 + (9 * 32 + 1) * (32 + 64) + (9 * 64 + 1) * (64 + 128) + (9 * 128 + 1) * 128
            + (3 * 3 * 128 + 1) * 512 + (512 + 1) * 10,
        ),
    ],
)  # fmt: skip
def test_the_tutorials_networks_counted_by_hand(recipe: str, parameters: int) -> None:
    assert build(load_recipe(RECIPES / f"{recipe}.toml").model, 10).count_params() == parameters


def test_dropout_stands_where_the_tutorials_have_it() -> None:
    model = build(load_recipe(RECIPES / "cnn-32-64.toml").model, 10)
    found = [getattr(layer, "rate", type(layer).__name__) for layer in model.layers]
    assert found == [
        "InputLayer", "Rescaling", "Conv2D", "ReLU", "MaxPooling2D", 0.25, "Conv2D", "ReLU", "MaxPooling2D", 0.25,
        "Flatten", "Dense", 0.5, "Dense",
    ]  # fmt: skip


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


OWN = """
import keras

def image():
    return keras.Input((28, 28, 1))

def good(classes):
    x = start = image()
    return keras.Model(start, keras.layers.Dense(classes)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))))

def with_softmax(classes):
    start = image()
    return keras.Model(start, keras.layers.Dense(classes, activation="softmax")(keras.layers.Flatten()(start)))

def too_many_classes(classes):
    return good(classes + 1)

def colour(classes):
    start = keras.Input((32, 32, 3))
    return keras.Model(start, keras.layers.Dense(classes)(keras.layers.Flatten()(start)))

def no_model(classes):
    return "a model"
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "my_networks.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield "my_networks"
    sys.modules.pop("my_networks", None)


def test_a_model_of_ones_own(module: str) -> None:
    model = build(ModelSettings(model=f"{module}:good"), 5)
    assert model.output_shape == (None, 5)
    assert model.count_params() == (784 + 1) * 5


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("with_softmax", "expected logits, found probabilities: leave the softmax out"),
        ("too_many_classes", r"expected input .* and output \(None, 5\), found .* and \(None, 6\)"),
        ("colour", r"found \(None, 32, 32, 3\)"),
        ("no_model", "expected a keras.Model, found str"),
        ("missing", 'expected "package.module:function", found "my_networks:missing"'),
        ("", 'expected "package.module:function", found "my_networks:"'),
    ],
)
def test_a_model_of_ones_own_that_does_not_fit(module: str, function: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build(ModelSettings(model=f"{module}:{function}"), 5)


@pytest.mark.parametrize("name", ["no_such_package:build", ":build", "no colon"])
def test_a_function_that_is_not_there(name: str) -> None:
    with pytest.raises(UsageError, match=r'expected "package\.module:function", found'):
        build(ModelSettings(model=name), 5)
