"""What a trained model is worth: its right answers, and whether its scores mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from edgeproof.glyph import through_glyph
from train.data.samples import Samples
from train.fit.fit import predict
from train.fit.temperature import fit_temperature, reliability


@dataclass(frozen=True)
class Evaluation:
    """metrics: by the names of run.json, each in 0..1; null where the recipe has no such images.

    temperature: divides the logits, > 0; fitted on the validation images. test_logits: float32 (N, classes).
    """

    metrics: dict[str, float | None]
    temperature: float
    test_logits: NDArray[np.float32]


def evaluate(model: keras.Model, samples: Samples) -> Evaluation:
    """Of the trained `model`; this is when the test images are read, once."""
    validation, test, non_digits = samples.validation, samples.test, samples.held_out_non_digits
    validation_logits, test_logits = predict(model, validation.images), predict(model, test.images)
    temperature = fit_temperature(validation_logits, validation.labels)
    crops = accuracy(predict(model, through_glyph(test.images)), test.labels) if samples.input.ink else None
    rejected = accuracy(predict(model, non_digits.images), non_digits.labels) if len(non_digits) else None
    metrics = {
        "validation_accuracy": accuracy(validation_logits, validation.labels),
        "test_accuracy": accuracy(test_logits, test.labels),
        "test_accuracy_through_glyph": crops,
        "negatives_rejected": rejected,
        "test_ece": reliability(test_logits, test.labels, temperature).calibration_error,
        "test_ece_uncalibrated": reliability(test_logits, test.labels).calibration_error,
    }
    return Evaluation(metrics, temperature, test_logits)


def accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Share of the labels that are the largest of all outputs: a rejected digit counts as wrong."""
    return float((logits.argmax(axis=1) == labels).mean())
