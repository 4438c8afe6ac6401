"""Optimizers: each recipe's learning rate at each step is the one that its formula says."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from train.__main__ import RECIPES
from train.fit.optimizers import optimizer
from train.recipe import TrainSettings, load_recipe

STEPS = 100  # in an epoch


def rate_at(step: int, **settings: Any) -> float:
    rule = optimizer(TrainSettings(epochs=10, learning_rate=1e-2, **settings), STEPS)
    rule.build([keras.Variable(0.0)])
    rule.iterations.assign(step)
    return float(rule.learning_rate)


@pytest.mark.parametrize("step", [0, 1, 5_000, 1_000_000])
def test_inverse_time(step: int) -> None:
    found = rate_at(step, optimizer="adam", schedule="inverse-time", decay=1e-4)
    assert found == pytest.approx(1e-2 / (1 + 1e-4 * step), rel=1e-5)  # float32


@pytest.mark.parametrize("step", [0, 500, 999])
def test_constant(step: int) -> None:
    assert rate_at(step, schedule="constant") == pytest.approx(1e-2)


def test_cosine_rises_falls_and_ends_at_zero() -> None:
    assert rate_at(0, warmup_epochs=2) == 0
    assert rate_at(100, warmup_epochs=2) == pytest.approx(5e-3)
    assert rate_at(200, warmup_epochs=2) == pytest.approx(1e-2)
    assert rate_at(600, warmup_epochs=2) == pytest.approx(5e-3)
    assert rate_at(1000, warmup_epochs=2) == pytest.approx(0, abs=1e-9)
    assert rate_at(0, warmup_epochs=0) == pytest.approx(1e-2)


@pytest.mark.parametrize(
    ("recipe", "kind"), [("mlp-128", "Adam"), ("mlp-512", "RMSprop"), ("cnn-deep", "Adam"), ("digits-quick", "AdamW")]
)
def test_each_recipe_gets_what_it_names(recipe: str, kind: str) -> None:
    rule = optimizer(load_recipe(RECIPES / f"{recipe}.toml").train, STEPS)
    assert type(rule).__name__ == kind
    assert (rule.weight_decay is not None) == (kind == "AdamW")
