"""Do the scores mean what they say: the temperature, the calibration error, and the reject class's prior."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.scores import softmax
from train.fit.temperature import fit_temperature, nll, reliability

RNG = np.random.default_rng(5)


def sure_answers(count: int, divisor: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Logits float32 (count, 10) and labels drawn from the softmax of logits / divisor: that is their temperature."""
    logits = RNG.normal(0, 3, (count, 10)).astype(np.float32)
    powers = np.exp(logits / divisor)
    odds = powers / powers.sum(axis=1, keepdims=True)
    return logits, np.array([RNG.choice(10, p=row / row.sum()) for row in odds.astype(np.float64)])


@pytest.mark.parametrize("divisor", [0.5, 1.0, 2.5])
def test_temperature_is_found_again_and_lowers_the_error(divisor: float) -> None:
    logits, labels = sure_answers(4000, divisor)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(divisor, rel=0.08)  # of 4,000 drawn labels: about twice the standard error
    assert nll(logits, labels, found) <= nll(logits, labels)
    assert reliability(logits, labels, found).calibration_error < 0.03
    if divisor != 1.0:
        assert reliability(logits, labels).calibration_error > 0.08


def test_temperature_of_faultless_answers_is_one() -> None:
    logits = np.eye(10, dtype=np.float32) * 5
    assert fit_temperature(logits, np.arange(10)) == 1.0


def test_a_few_very_sure_mistakes_do_not_make_every_score_modest() -> None:
    """99 answers of score 0.99 are right, and one mistake was made with utter certainty: likelihood alone would say 2."""
    logits = np.tile(np.array([[np.log(99.0), 0.0]], np.float32), (100, 1))
    logits[0] = (0.0, 30.0)
    labels = np.zeros(100, int)
    assert nll(logits, labels, 2.0) < nll(logits, labels)
    assert fit_temperature(logits, labels) == 1.0


def test_calibration_error_by_hand() -> None:
    """Ten answers with score 0.9, of which six are right: 0.3 off."""
    logits = np.tile(np.array([[np.log(9.0), 0.0]], np.float32), (10, 1))
    found = reliability(logits, np.array([0] * 6 + [1] * 4))
    assert found.score == pytest.approx([0.9])
    assert found.accuracy == pytest.approx([0.6])
    assert found.share == pytest.approx([1.0])
    assert found.calibration_error == pytest.approx(0.3)


def test_likelihood_of_huge_logits_is_a_number() -> None:
    assert nll(np.array([[1e4, 0.0]], np.float32), np.array([1])) == pytest.approx(1e4)


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
