"""Multiply-accumulates, against counts by hand."""

from __future__ import annotations

from keras import Input, Model, layers

from train.cost import flat_layers, macs
from train.models import build
from train.recipe import ModelSettings


def test_macs_of_the_words() -> None:
    words = ("conv 16 5x5 stride 2", "conv 32 3x3 valid", "pool", "flatten", "dense 20")
    model = build(ModelSettings(layers=words), 10)
    # 28 → 14 → valid 12 → pool 6
    assert macs(model) == 14 * 14 * 16 * 25 + 12 * 12 * 32 * 9 * 16 + 6 * 6 * 32 * 20 + 20 * 10


def test_macs_of_other_layers() -> None:
    image = Input((28, 28, 4))
    x = layers.DepthwiseConv2D(3, padding="same")(image)  # 28 · 28 · 9 · 4
    x = layers.SeparableConv2D(8, 3, strides=2, padding="same")(x)  # 14 · 14 · (9 · 4 + 4 · 8)
    x = layers.Conv2D(8, 1, groups=2)(x)  # 14 · 14 · 4 · 8
    x = layers.Conv2DTranspose(2, 2, strides=2)(x)  # 14 · 14 · 8 · 2 · 4
    assert macs(Model(image, x)) == 28 * 28 * 36 + 14 * 14 * (36 + 32 + 32 + 64)


def test_macs_of_an_unknown_layer() -> None:
    image = Input((28, 28))
    assert macs(Model(image, layers.Conv1D(4, 3)(image))) is None


def test_macs_of_recurrent_layers() -> None:
    model = build(ModelSettings(layers=("rows", "gru 8", "lstm 4")), 10)
    # Each of 28 rows of 28 pixels: three gates of 8, then four of 4, fed by the row and by what came before.
    assert macs(model) == 28 * (3 * 8 * (28 + 8) + 4 * 4 * (8 + 4)) + 4 * 10


def test_a_model_within_a_model_is_counted_once() -> None:
    image = Input((8, 8, 1))
    inner = build(ModelSettings(layers=("conv 2 3x3", "average")), 4)
    outer = Model(start := Input((28, 28, 1)), layers.Dense(3)(inner(start)))
    assert macs(outer) == macs(inner) + 4 * 3
    assert [type(layer).__name__ for layer in flat_layers(outer)][-2:] == ["Dense", "Dense"]
    assert macs(Model(image, layers.Flatten()(image))) == 0
