"""Raw output → answer."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.scores import REJECTED, decide, dequantize, reliability, softmax, sure_enough

TEN = tuple("0123456789")


def test_dequantize_widens_before_it_subtracts() -> None:
    """In uint8, 0 − 200 wraps around to 56: the answer would change sign."""
    raw = np.array([[0, 200, 255]], np.uint8)
    np.testing.assert_allclose(dequantize(raw, 0.5, 200), [[-100.0, 0.0, 27.5]])
    raw = np.array([[-128, 0, 127]], np.int8)
    np.testing.assert_allclose(dequantize(raw, 0.25, 127), [[-63.75, -31.75, 0.0]])


def test_float_output_is_passed_on() -> None:
    raw = np.array([[1.5, -2.0, 0.0]], np.float32)
    assert dequantize(raw, None, None) is raw


def test_softmax_is_stable_and_sums_to_one() -> None:
    probabilities = softmax(np.array([[1000.0, 0.0, -1000.0], [1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(probabilities, [[1, 0, 0], [1 / 3] * 3], atol=1e-6)
    np.testing.assert_allclose(
        softmax(np.array([[2.0, 0.0]]), temperature=2.0), softmax(np.array([[1.0, 0.0]])), atol=1e-7
    )


@pytest.mark.parametrize("count", [0, 1, 5])
def test_decide_shapes(count: int) -> None:
    labels, scores = decide(np.zeros((count, 10), np.float32), TEN, 1.0, 0.0)
    assert labels.shape == scores.shape == (count,)
    assert labels.dtype == np.int64


def test_low_score_and_reject_class_are_rejected() -> None:
    logits = np.full((3, 11), -10, np.float32)
    logits[0, 7] = 10  # a clear 7
    logits[1, 10] = 10  # clearly no digit
    logits[2, [3, 5]] = 10  # 3 or 5, half and half
    labels, scores = decide(logits, (*TEN, "reject"), 1.0, 0.9)
    assert labels.tolist() == [7, REJECTED, REJECTED]
    assert scores[0] > 0.99
    assert scores[2] == pytest.approx(0.5, abs=1e-3)


def test_odds_move_what_a_probability_is_worth() -> None:
    probability = np.array([0.5, 0.8, 0.2], np.float32)
    assert sure_enough(probability, 0.5).tolist() == [True, True, False]
    assert sure_enough(probability, 0.79, odds=4).tolist() == [True, True, False]  # worth 0.8, 0.94 and 0.5
    assert sure_enough(probability, 0.5, odds=np.array([0.9, 0.3, 4], np.float32)).tolist() == [False, True, True]
    assert sure_enough(np.array([0, 1], np.float32), 1.0, odds=10).tolist() == [False, True]


@pytest.mark.parametrize("score", [0.5, 0.7, 0.7831, 0.99, 0.999])
def test_a_score_that_is_the_threshold_is_enough(score: float) -> None:
    assert sure_enough(np.array([score], np.float32), score).all()


def test_calibration_error_by_hand() -> None:
    """Ten answers at 0.95 of which nine are right, ten at 0.55 of which all are: (10·0.05 + 10·0.45) / 20."""
    best = np.array([0.95] * 10 + [0.55] * 10)
    right = np.array([True] * 9 + [False] + [True] * 10)
    assert reliability(best, right).calibration_error == pytest.approx(0.25)
    assert reliability(np.ones(5), np.ones(5, bool)).calibration_error == 0
