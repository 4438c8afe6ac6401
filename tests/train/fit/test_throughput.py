"""How fast a training goes, and how long it waits for its images."""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf

from train.fit.throughput import ALONE_S, Waiting, images_per_s


def slow_batches(seconds: float) -> tf.data.Dataset:
    def batch(number: int) -> np.int64:
        time.sleep(seconds)
        return np.int64(number)

    return tf.data.Dataset.counter().map(lambda number: tf.numpy_function(batch, [number], tf.int64))


def test_waiting_is_the_time_the_consumer_stands_still() -> None:
    waiting = Waiting()
    found = [int(number) for number in waiting.timed(slow_batches(0.02)).take(10)]
    assert found == list(range(10))  # the batches are handed on as they are
    assert waiting.seconds >= 0.2  # 10 × 20 ms, and what a busy machine adds
    prepared = Waiting()
    iterator = iter(prepared.timed(slow_batches(0.001).prefetch(10)))
    for _ in range(10):
        time.sleep(0.02)  # the step: meanwhile the next batches are made
        next(iterator)
    assert prepared.seconds < waiting.seconds / 2


def test_images_per_second_counts_images() -> None:
    # A sleep is never too short; on a busy machine it may be several times too long.
    assert 0.1 * 32 / 0.02 < images_per_s(slow_batches(0.02), batch=32) <= 32 / 0.02
    assert ALONE_S <= 1  # every run pays for it
