"""Models: layer lists become the networks that they say."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from edgeproof.errors import UsageError
from edgeproof.input_contract import InputContract
from train.__main__ import RECIPES
from train.cost import macs
from train.models import build
from train.recipe import ModelSettings, load_recipe


@pytest.mark.parametrize(
    ("recipe", "classes", "parameters"),
    [
        ("digits-quick", 10, 47_770),
        ("digits", 11, 37_947),
        ("digits-nano", 11, 9_983),
        ("digits-full-stride", 11, 326_603),
    ],
)
def test_shipped_shapes(recipe: str, classes: int, parameters: int) -> None:
    model = build(load_recipe(RECIPES / f"{recipe}.toml").model, classes)
    assert model.count_params() == parameters
    assert model.input_shape == (None, 28, 28, 1)
    assert model.inputs[0].name == "image"
    assert model.inputs[0].dtype == "float32"
    assert model.output_shape == (None, classes)


@pytest.mark.parametrize(("recipe", "most"), [("digits", 1_100_000), ("digits-nano", 350_000)])
def test_the_arithmetic_that_a_device_may_be_asked_for(recipe: str, most: int) -> None:
    counted = macs(build(load_recipe(RECIPES / f"{recipe}.toml").model, 11))
    assert counted is not None
    assert counted <= most


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("convolution 32 3x3", "; did you mean 'conv'?"),
        ("seperable 32 3x3", "; did you mean 'separable'?"),
        ("", "; known: add, average, conv, dense"),
        ("conv 32", ": expected 'conv N KxK [stride S] [valid] [ACTIVATION]'"),
        ("conv 32 3x3 stride", ": expected 'conv N KxK [stride S] [valid] [ACTIVATION]'"),
        ("dense 32 tanh", ": expected 'dense N [ACTIVATION]'"),
        ("pool 2", ": expected 'pool'"),
        ("dropout 3", ": expected 'dropout SHARE'"),
    ],
)
def test_a_word_that_is_not_understood(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"'{text}' is not understood{said}")):
        build(ModelSettings((text,)), 10)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "average"), r"'add' after shape \(28, 28, 1\): expected a 'save' before it, found none"),
        (("save", "average"), "expected an 'add' for each 'save', found 1 more 'save'"),
        (
            ("save", "conv 4 3x3 valid", "add"),
            r"'add' after shape \(26, 26, 4\): expected the saved \(28, 28, 1\) to be",
        ),
        (("save", "flatten", "add"), r"expected the saved \(28, 28, 1\) to be as large"),
        (("gru 4",), r"'gru 4' after shape \(28, 28, 1\): expected 'rows' before it"),
        (("conv 0 3x3", "average"), "'conv 0 3x3' after shape .*: Invalid value for argument `filters`"),
        (("conv 4 29x3 valid", "average"), "'conv 4 29x3 valid' after shape"),
    ],
)
def test_words_that_do_not_fit_each_other(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        build(ModelSettings(words), 10)
    assert "\n" not in str(error.value)


def kinds(words: tuple[str, ...], **settings: Any) -> list[str]:
    """Of the layers between the scaling and the logits."""
    model = build(ModelSettings(words, **settings), 10)
    return [type(layer).__name__ for layer in model.layers[2:-1]]


def test_where_batch_normalization_stands() -> None:
    words = ("conv 4 3x3", "average")
    before, after = ["Conv2D", "BatchNormalization", "ReLU"], ["Conv2D", "ReLU", "BatchNormalization"]
    assert kinds(words)[:3] == kinds(words, batch_norm=True)[:3] == kinds(words, batch_norm="before")[:3] == before
    assert kinds(words, batch_norm="after")[:3] == after
    assert kinds(words, batch_norm=False)[:2] == ["Conv2D", "ReLU"]
    biased = [build(ModelSettings(words, batch_norm=how), 10).layers[2].use_bias for how in ("before", "after", False)]
    assert biased == [False, True, True]  # normalization takes a bias out again, unless the activation stands between


def test_activations() -> None:
    words = ("conv 4 3x3", "depthwise 3x3 linear", "separable 4 3x3 relu", "average", "dense 5", "dense 5 linear")
    model = build(ModelSettings(words, activation="hard-swish", batch_norm=False), 10)
    found = [keras.activations.serialize(a) for layer in model.layers if (a := getattr(layer, "activation", None))]
    assert found == [
        "linear",
        "hard_silu",
        "linear",
        "linear",
        "hard_silu",
        "linear",
        "linear",
    ]  # Activation is the 2nd
    assert [type(layer).__name__ for layer in model.layers].count("ReLU") == 1
    (clipped,) = (layer for layer in build(ModelSettings((*words[:1], "average"), activation="relu6"), 10).layers
                  if isinstance(layer, keras.layers.ReLU))  # fmt: skip
    assert clipped.max_value == 6


def test_depthwise_and_separable_counted_by_hand() -> None:
    words = ("conv 8 3x3", "depthwise 3x3 stride 2", "separable 12 3x3", "max")
    model = build(ModelSettings(words, batch_norm=False), 10)
    assert model.count_params() == (9 + 1) * 8 + (9 + 1) * 8 + (9 * 8 + 8 * 12 + 12) + (12 + 1) * 10
    assert model.layers[-2].output.shape == (None, 12)


def test_a_norm_stands_where_it_is_said_and_nowhere_else() -> None:
    words = ("conv 4 3x3", "conv 4 3x3", "norm", "average")
    model = build(ModelSettings(words, batch_norm=False, batch_norm_momentum=0.9), 10)
    kinds = [type(layer).__name__ for layer in model.layers[2:]]
    assert kinds == ["Conv2D", "ReLU", "Conv2D", "ReLU", "BatchNormalization", "GlobalAveragePooling2D", "Dense"]
    assert model.layers[6].momentum == 0.9


def test_bfloat16_is_of_what_is_computed_between_image_and_logits() -> None:
    model = build(ModelSettings(("conv 4 3x3", "norm", "average"), precision="bfloat16"), 10)
    assert {layer.compute_dtype for layer in model.layers[1:-1]} == {"bfloat16"}
    assert {model.inputs[0].dtype, model.layers[-1].compute_dtype, model.outputs[0].dtype} == {"float32"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"  # of whatever is built next


def test_a_residual_is_the_sum_of_its_two_ways() -> None:
    words = ("conv 6 3x3", "save", "conv 6 3x3 linear", "add", "flatten")
    model = build(ModelSettings(words, batch_norm=False), 10)
    (add,) = (layer for layer in model.layers if isinstance(layer, keras.layers.Add))
    inside = keras.Model(model.inputs, [*add.input, add.output])
    saved, branch, total = inside(np.random.default_rng(1).uniform(0, 255, (2, 28, 28, 1)).astype(np.float32))
    np.testing.assert_allclose(total, np.add(saved, branch))


def test_a_residual_of_another_shape_is_projected() -> None:
    words = (
        "conv 6 3x3",
        "save",
        "conv 8 3x3 stride 2",
        "save",
        "conv 8 3x3 stride 2 linear",
        "add",
        "add relu",
        "average",
    )
    model = build(ModelSettings(words), 10, InputContract((27, 30), 3, "stretch"))
    projected = [layer for layer in model.layers if getattr(layer, "kernel_size", 0) == (1, 1)]
    assert sorted((layer.strides, layer.filters) for layer in projected) == [((2, 2), 8), ((4, 4), 8)]
    assert [type(layer).__name__ for layer in model.layers].count("BatchNormalization") == 5
    assert model.layers[-3].output.shape == (None, 7, 8, 8)  # 27 → 14 → 7, 30 → 15 → 8


def test_a_residual_of_a_low_and_wide_picture_is_projected() -> None:
    words = ("conv 4 3x3", "save", "conv 8 3x3 stride 2 linear", "add", "average")
    model = build(ModelSettings(words), 10, InputContract((1, 64), 1, "stretch"))
    (projected,) = (layer for layer in model.layers if getattr(layer, "kernel_size", 0) == (1, 1))
    assert projected.strides == (2, 2)


def test_a_residual_of_a_wide_picture_is_projected() -> None:
    words = ("save", "conv 4 3x3 stride 4", "conv 4 3x3 stride 4", "add", "average")
    model = build(ModelSettings(words), 10, InputContract((8, 64), 1, "stretch"))
    (projection,) = (layer for layer in model.layers if getattr(layer, "kernel_size", 0) == (1, 1))
    assert projection.strides == (16, 16)
    assert projection.output.shape == (None, 1, 4, 4)  # 8 → 2 → 1, 64 → 16 → 4


def test_recurrent_layers_go_over_the_rows() -> None:
    model = build(ModelSettings(("rows", "lstm 5", "gru 6")), 10, InputContract((28, 20), 3, "stretch"))
    rows, first, second = model.layers[2:5]
    assert rows.output.shape == (None, 28, 60)
    assert (first.output.shape, second.output.shape) == ((None, 28, 5), (None, 6))
    assert first.unroll and second.unroll  # a loop is more than every converter takes


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

def sized(classes, input_shape):
    start = keras.Input(input_shape)
    return keras.Model(start, keras.layers.Dense(classes)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(start))))

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


def test_a_model_of_ones_own_is_told_the_size(module: str) -> None:
    model = build(ModelSettings(model=f"{module}:sized"), 5, InputContract((8, 9), 3, "fit"))
    assert model.input_shape == (None, 8, 9, 3)


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
