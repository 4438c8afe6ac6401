"""Do the scores mean what they say? Expected calibration error, and the temperature that brings it down."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.scores import Reliability

WIDEST = 8.0  # the temperature lies between 1/8 and 8: beyond, it says more about the images than about the model

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]


def reliability(logits: Logits, labels: Labels, temperature: float = 1.0) -> Reliability:
    """Of the best answers to N images. logits: (N, classes); labels: (N,)."""
    best = scores.softmax(logits, temperature).max(axis=1).astype(np.float64)
    return scores.reliability(best, logits.argmax(axis=1) == labels)


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """The divisor of the logits under which the labels are most likely; 1 when that would not make the scores truer.

    It cannot be told when every answer is right: each smaller temperature would be likelier still. And a few very sure
    mistakes among few images can pull the likelihood so far that the calibration error grows. The images must not be
    those of the training, on which every model is too sure.
    """
    from scipy.optimize import minimize_scalar

    if (logits.argmax(axis=1) == labels).all():
        return 1.0
    widest = float(np.log(WIDEST))  # searched as a logarithm: half and double are the same distance from 1
    found = minimize_scalar(
        lambda power: nll(logits, labels, float(np.exp(power))), bounds=(-widest, widest), method="bounded"
    )
    temperature = float(np.exp(found.x))
    better = reliability(logits, labels, temperature).calibration_error < reliability(logits, labels).calibration_error
    return temperature if better else 1.0


def nll(logits: Logits, labels: Labels, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    scaled = logits.astype(np.float64) / temperature
    highest = scaled.max(axis=1, keepdims=True)
    log_sum = highest[:, 0] + np.log(np.exp(scaled - highest).sum(axis=1))
    return float((log_sum - scaled[np.arange(len(labels)), labels]).mean())


def expect_rejects(model: Any, trained: float, expected: float) -> None:
    """Change the last class's prior from `trained`, its share among the training images, to `expected`, both in (0, 1).

    Adds the difference of the log prior odds to that class's logit (Bayes' rule; Saerens, Latinne and Decaestecker,
    2002), in the last bias of the model, in place.
    """
    weights, bias = model.layers[-1].get_weights()
    bias[-1] += np.log(expected / (1 - expected)) - np.log(trained / (1 - trained))
    model.layers[-1].set_weights([weights, bias])
