"""The loss of a student: cross-entropy with the labels and with the answers of its teachers (Hinton et al., 2015).

Both are one tensor of targets, for Keras knows one: the labels' shares, (B, classes), beside them, where there are
teachers, the shares of their softened answers, (B, 2 · classes). Validation has labels only, and its loss is the plain one.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class Distillation(keras.losses.Loss):  # type: ignore[misc]
    """(1 - weight) · labels' loss + weight · temperature² · teachers' loss, the latter on logits / temperature.

    The student is softened as its teachers were: else it would learn to be as unsure as they are made. A softened loss has
    gradients smaller by temperature²; the factor keeps `weight` what it says at any temperature.
    """

    def __init__(self, weight: float, temperature: float) -> None:
        super().__init__(name="distillation")
        self.weight, self.temperature = weight, temperature

    def call(self, targets: Any, logits: Any) -> Any:
        """Loss of each image, float32 (B,), of targets (B, classes) or (B, 2 · classes) and logits (B, classes)."""
        classes = logits.shape[-1]
        by_label = tf.nn.softmax_cross_entropy_with_logits(targets[:, :classes], logits)
        if targets.shape[-1] == classes:
            return by_label
        soft, temperature = targets[:, classes:], self.temperature
        by_teacher = tf.nn.softmax_cross_entropy_with_logits(soft, logits / temperature) * temperature**2
        return (1 - self.weight) * by_label + self.weight * by_teacher


def accuracy(targets: Any, logits: Any) -> Any:
    """1 where the label is the largest logit and 0 elsewhere, float32 (B,); targets as `Distillation` takes them."""
    return keras.metrics.categorical_accuracy(targets[:, : logits.shape[-1]], logits)
