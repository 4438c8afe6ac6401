"""The reject class's prior, moved to what will be read."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.scores import softmax


def test_moving_the_prior_is_bayes_rule() -> None:
    """A model that says p under a prior of 24 % says p' under 10 %, with p'/(1−p') = p/(1−p) · odds(10 %)/odds(24 %)."""
    import keras

    from train.fit.temperature import expect_rejects

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    x = np.random.default_rng(1).normal(size=(8, 4)).astype(np.float32)
    before = softmax(model(x).numpy())[:, -1]
    expect_rejects(model, trained=0.24, expected=0.10)
    after = softmax(model(x).numpy())[:, -1]
    ratio = (0.10 / 0.90) / (0.24 / 0.76)
    assert after / (1 - after) == pytest.approx(ratio * before / (1 - before), rel=1e-4)
