"""A student: what its teachers answer, and its loss, cross-entropy with the labels and with these answers.

After Hinton et al., 2015. Both are one tensor of targets, for Keras knows one: the labels' shares, (B, classes), beside
them, where there are teachers, the shares of their softened answers, (B, 2 · classes). Validation has labels only, and its
loss is the plain one.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from edgeproof.support.files import write_atomic

Predict = Callable[[keras.Model, NDArray[np.uint8]], NDArray[np.float32]]  # a model's logits for images


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


class Teachers:
    """Trained models whose answers are averaged. Their logits are (N, classes) for images as they were trained on.

    kept: a folder for their answers, a file of 4 bytes per image and class each; None: they are asked anew every time.
    """

    def __init__(self, models: Iterable[keras.Model] = (), kept: Path | None = None) -> None:
        self._models, self._kept = list(models), kept

    def answers(
        self, copies: NDArray[np.uint8], temperature: float, predict: Predict, made: bytes
    ) -> NDArray[np.float32]:
        """Probabilities float32 (C, N, classes) for images uint8 (C, N, H, W), or RGB (C, N, H, W, 3).

        temperature: divides the teachers' logits, which `predict` gives. made: from what and how the copies were made. By it
        they are known again, for made once more they differ by a grey level here and there.
        """
        file = self._kept / f"{self._asked(made, temperature)}.npy" if self._kept else None
        if file:
            try:
                found = np.load(file, allow_pickle=False)
                if found.shape[:2] == copies.shape[:2] and found.dtype == np.float32:
                    return np.asarray(found)
            except (OSError, ValueError, EOFError):  # not there, cut short, or of something else: asked again
                pass
        asked = tqdm(copies, "teachers answer", unit="copy")
        given = np.stack(
            [np.mean([softened(predict(model, copy), temperature) for model in self._models], axis=0) for copy in asked]
        )
        if file:
            content = io.BytesIO()
            np.save(content, given, allow_pickle=False)
            try:
                write_atomic(file, content.getvalue())
            except OSError as error:
                print(f"{file}: {error.strerror}: the answers are not kept, and will be asked again", flush=True)
        return given

    def _asked(self, made: bytes, temperature: float) -> str:
        """A name for the question: who is asked, about what, and how softly."""
        digest = hashlib.sha256(f"{temperature} ".encode() + made)
        for model in self._models:
            for weight in model.get_weights():
                digest.update(np.ascontiguousarray(weight).data)
        return digest.hexdigest()[:24]


def softened(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Probabilities float32 (N, classes) of logits divided by `temperature`."""
    return np.asarray(tf.nn.softmax(logits / np.float32(temperature)))
