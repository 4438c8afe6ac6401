"""Raw output → answer."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.scores import REJECTED, decide, decide_probabilities, dequantize, reliability, softmax, with_reject_bias

TEN = tuple("0123456789")


def test_dequantize_widens_before_it_subtracts() -> None:
    """In uint8, 0 − 200 wraps around to 56: the answer would change sign."""
    raw = np.array([[0, 200, 255]], np.uint8)
    np.testing.assert_allclose(dequantize(raw, 0.5, 200), [[-100.0, 0.0, 27.5]])
    raw = np.array([[-128, 0, 127]], np.int8)
    np.testing.assert_allclose(dequantize(raw, 0.25, 127), [[-63.75, -31.75, 0.0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16])
def test_every_integer_is_dequantized_as_in_real_numbers(dtype: type[np.integer]) -> None:
    """Of bytes each is looked up; a float64 holds difference and product exactly, so that there is one rounding."""
    limits = np.iinfo(dtype)
    raw = np.arange(limits.min, limits.max + 1).astype(dtype)[:, np.newaxis]
    scale = np.float32(0.12512381)
    for zero_point in (limits.min, 0, limits.max):
        exact = (raw.astype(np.float64) - zero_point) * np.float64(scale)
        found = dequantize(raw, float(scale), int(zero_point))
        assert found.dtype == np.float32
        assert np.array_equal(found, exact.astype(np.float32))


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


def test_a_bias_moves_the_last_class_only_and_in_a_new_array() -> None:
    logits = np.array([[-0.0, 0.0, 1.5, 2.0], [1e30, -1e-30, 3.0, -4.0]], np.float32)
    moved = with_reject_bias(logits, -1.25)
    assert moved[:, -1].tolist() == [0.75, -5.25]
    assert moved[:, :-1].tobytes() == logits[:, :-1].tobytes()
    assert logits[:, -1].tolist() == [2.0, -4.0]


@pytest.mark.parametrize("score", [0.5, 0.7, 0.7831, 0.99, 0.999])
def test_a_score_that_is_the_threshold_is_enough(score: float) -> None:
    labels, _ = decide_probabilities(np.array([[0, score]], np.float32), ("0", "1"), score)
    assert labels.tolist() == [1]


def test_calibration_error_by_hand() -> None:
    """Ten answers at 0.95 of which nine are right, ten at 0.55 of which all are: (10·0.05 + 10·0.45) / 20."""
    best = np.array([0.95] * 10 + [0.55] * 10)
    right = np.array([True] * 9 + [False] + [True] * 10)
    assert reliability(best, right).calibration_error == pytest.approx(0.25)
    assert reliability(np.ones(5), np.ones(5, bool)).calibration_error == 0
