"""Is the input the limit? How fast it is alone, how fast the training is, and how long the training waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

ALONE_S = 1.0  # how long the input is run by itself
_WARM_UP = 8  # batches not counted: the depth of the prefetch buffer


@dataclass(frozen=True)
class Throughput:
    """input_images_per_s: the pipeline (shuffling, augmentation) alone; training_images_per_s: the steps, without their
    compilation and without validation; waiting_share: of the steps' time that went by waiting for a batch, 0..1.
    """

    input_images_per_s: float
    training_images_per_s: float
    waiting_share: float

    def __str__(self) -> str:
        return (
            f"{self.training_images_per_s:,.0f} images/s, {self.waiting_share:.1%} of the time spent waiting for data "
            f"(the input alone: {self.input_images_per_s:,.0f} images/s)"
        )


class Waiting:
    """seconds: how long all batches that `timed` hands on were waited for."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """The same batches, each counted.

        A zipped data set asks its parts one after the other, so its first part notes when the whole was asked for.
        Nothing may be fetched ahead after this. (The clock is Python's: TensorFlow's own is refused where operations
        are to be deterministic.)
        """

        def add(asked_at: Any) -> Any:
            self.seconds += time.monotonic() - asked_at
            return np.float64(self.seconds)

        def note(asked_at: Any, batch: Any) -> Any:
            with tf.control_dependencies([tf.numpy_function(add, [asked_at], tf.float64)]):
                return tf.nest.map_structure(tf.identity, batch)

        asked = tf.data.Dataset.counter().map(lambda _: tf.numpy_function(time.monotonic, [], tf.float64))
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        return tf.data.Dataset.zip(asked, batches).map(note).with_options(options)


class Stopwatch(keras.callbacks.Callback):  # type: ignore[misc]
    """Times the training steps of all epochs; the first step, which compiles, is left out."""

    def __init__(self, waiting: Waiting, batch: int) -> None:
        super().__init__()
        self._waiting, self._batch = waiting, batch
        self._steps, self._seconds = 0, 0.0
        self._since: float | None = None  # None: not running

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 (Keras names them)
        if self._steps:
            self._since = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        if self._since is None:
            self._waiting.seconds = 0.0
            self._since = time.monotonic()
        else:
            self._steps += 1

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        if self._since is not None:
            self._seconds += time.monotonic() - self._since
        self._since = None

    def throughput(self, batches: tf.data.Dataset) -> Throughput | None:
        """What was measured, with `batches` measured alone now; None when there was nothing to train."""
        if not self._steps:
            return None
        waiting = self._waiting.seconds / self._seconds
        return Throughput(
            round(images_per_s(batches, self._batch), 1),
            round(self._steps * self._batch / self._seconds, 1),
            round(min(1.0, waiting), 4),
        )


def images_per_s(batches: tf.data.Dataset, batch: int) -> float:
    """How fast the endless `batches` of `batch` images come when nobody does anything with them."""
    iterator = iter(batches)
    for _ in range(_WARM_UP):
        next(iterator)
    began, count = time.monotonic(), 0
    while (seconds := time.monotonic() - began) < ALONE_S:
        next(iterator)
        count += 1
    return count * batch / seconds
