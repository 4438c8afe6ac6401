"""From a model's raw output to an answer: dequantize, temperature, softmax, rejection. The one home of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

REJECT = "reject"  # name of the last class of a model that was taught what is not one of its classes
REJECTED = -1  # label of a rejected candidate
BINS = 15  # steps of score in which scores are compared with what is right
EVEN = 0.5  # probability below which a class is less likely than everything else together

Floats = NDArray[np.float32]


def dequantize(raw: NDArray[Any], scale: float | None, zero_point: int | None) -> Floats:
    """Logits float32 (N, classes) from an artifact's output tensor: scale · (raw − zero_point); None for a float tensor."""
    if scale is None or zero_point is None:
        return raw.astype(np.float32, copy=False)
    if raw.itemsize == 1:  # for the few values of one image, looking them up is quicker
        return _bytes_dequantized(raw.dtype.char, scale, zero_point).take(raw.view(np.uint8))
    return _dequantized(raw, scale, zero_point)


def _dequantized(raw: NDArray[Any], scale: float, zero_point: int) -> Floats:
    """Widened before the subtraction: in 8 bits `raw - zero_point` would wrap around. float32 holds differences of up to 16 bits
    exactly."""
    return (raw.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


@lru_cache
def _bytes_dequantized(dtype: str, scale: float, zero_point: int) -> Floats:
    """What each of the 256 bytes stands for, float32 (256,), in a tensor of `dtype`, uint8 or int8."""
    return _dequantized(np.arange(256, dtype=np.uint8).view(dtype), scale, zero_point)


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> Floats:
    """Probabilities float32 (N, classes); `temperature` > 1 makes an over-confident model more modest."""
    scaled = logits.astype(np.float32, copy=False)
    if temperature != 1:  # most often it is: a whole pass less
        scaled = scaled / np.float32(temperature)
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def with_reject_bias(logits: NDArray[Any], bias: float) -> Floats:
    """Logits (N, classes) with `bias` added to the last class, "reject", as a new array.

    Adds log prior odds of "reject": positive where what is no class is likelier than it was in the training.
    """
    return logits.astype(np.float32, copy=False) + _for_the_last(bias, logits.shape[-1])


@lru_cache
def _for_the_last(bias: float, classes: int) -> Floats:
    """What adds `bias` to the last of `classes` and leaves the others as they are, to the sign of a zero."""
    added = np.full(classes, -0.0, np.float32)
    added[-1] = bias
    return added


def decide(
    logits: NDArray[Any], classes: tuple[str, ...], temperature: float, threshold: float
) -> tuple[NDArray[np.int64], Floats]:
    """The answer to each row: labels int64 (N,) and scores float32 (N,), the probability of the best class.

    The label is -1 where the best class is "reject" or where the score is below `threshold` (0..1).
    """
    return decide_probabilities(softmax(logits, temperature), classes, threshold)


def decide_probabilities(
    probabilities: Floats, classes: tuple[str, ...], threshold: float
) -> tuple[NDArray[np.int64], Floats]:
    """`decide`, from probabilities float32 (N, classes)."""
    labels = probabilities.argmax(axis=-1).astype(np.int64, copy=False)
    scores = probabilities.max(axis=-1)
    if classes[-1] == REJECT:
        labels[labels == len(classes) - 1] = REJECTED
    labels[~(scores >= threshold)] = REJECTED
    return labels, scores


@dataclass(frozen=True)
class Reliability:
    """Answers grouped by score in BINS equal steps of 0..1; a group without answers is left out. Arrays are (groups,).

    score: mean score of the group: how often the model says that it is right. accuracy: how often it is. share: of all
    answers; sums to 1.
    """

    score: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    share: NDArray[np.float64]

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: the mean distance of score and accuracy over all answers, 0..1."""
        return float((self.share * np.abs(self.score - self.accuracy)).sum())


def reliability(best: NDArray[Any], right: NDArray[np.bool_]) -> Reliability:
    """Of N answers. best: the probability of each, (N,); right: whether it was right, (N,)."""
    group = np.minimum((best * BINS).astype(int), BINS - 1)
    counts = np.bincount(group, minlength=BINS)
    used = counts > 0
    return Reliability(
        np.bincount(group, best.astype(np.float64), BINS)[used] / counts[used],
        np.bincount(group, right, BINS)[used] / counts[used],
        counts[used] / len(right),
    )
