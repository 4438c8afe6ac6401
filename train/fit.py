"""One training from samples to weights: the input pipeline, the targets, the loop and its guards."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeproof.errors import EdgeproofError
from train.augment import augment
from train.recipe import AugmentSettings, DistillSettings, TrainSettings
from train.samples import Part, Samples

Targets = NDArray[np.float32]  # (N, classes), rows sum to 1


def fit(
    model: keras.Model, samples: Samples, settings: TrainSettings, teachers: list[keras.Model], folder: Path
) -> keras.Model:
    """Train `model` and return it with the weights of the epoch that was best on validation.

    `folder` keeps what a killed run leaves: `best.keras`, `last.keras` and `history.csv`, written after each epoch.
    Raises EdgeproofError when the loss is no number any more.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    classes = len(samples.classes)
    steps = len(samples.train) // settings.batch
    if settings.distill:
        batches = distilled_batches(samples.train, classes, settings, settings.distill, teachers)
    else:
        batches = augmented_batches(samples.train, classes, settings)
    model.compile(
        keras.optimizers.AdamW(_learning_rate(settings, steps), weight_decay=settings.weight_decay),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.CategoricalAccuracy("accuracy")],
    )
    best = str(folder / "best.keras")
    model.fit(
        batches,
        epochs=settings.epochs,
        steps_per_epoch=steps,
        shuffle=False,  # the batches are shuffled already
        validation_data=(as_input(samples.validation.images), one_hot(samples.validation.labels, classes)),
        validation_batch_size=500,
        verbose=1 if sys.stdout.isatty() else 2,  # a bar with the time left, or in a log a line per epoch
        callbacks=[
            StopOnNaN(),
            keras.callbacks.CSVLogger(folder / "history.csv"),
            keras.callbacks.ModelCheckpoint(folder / "last.keras"),
            keras.callbacks.ModelCheckpoint(best, monitor="val_accuracy", mode="max", save_best_only=True),
        ],
    )
    return keras.models.load_model(best)


class StopOnNaN(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training with an error at the step where the loss stops being a number."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 (Keras names it)
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise EdgeproofError(
                f"the loss became {loss} in epoch {self.epoch + 1}, step {batch + 1}: lower [train] learning_rate; "
                "the last good weights are in the run's checkpoint folder"
            )


# --- input ------------------------------------------------------------------------------------------------------------


def augmented_batches(part: Part, classes: int, settings: TrainSettings) -> tf.data.Dataset:
    """Endless batches (float32 (B, 28, 28, 1) in 0..255, targets float32 (B, classes)), each image changed anew."""
    images, targets = tf.constant(part.images), tf.constant(_smoothed(part.labels, classes, settings.label_smoothing))

    def batch(indices: Any, step: Any) -> Any:
        seed = tf.stack([tf.constant(settings.seed, tf.int64), step])
        return augment(tf.gather(images, indices), settings.augment, seed), tf.gather(targets, indices)

    return _shuffled_batches(len(part), settings).map(batch, tf.data.AUTOTUNE).prefetch(8)


def distilled_batches(
    part: Part, classes: int, settings: TrainSettings, distill: DistillSettings, teachers: list[keras.Model]
) -> tf.data.Dataset:
    """As `augmented_batches`, from a pool of changed copies for which the teachers have answered beforehand.

    Asking them once per copy instead of once per step is what makes a long training with large teachers affordable.
    """
    from tqdm import trange

    pool = np.empty((distill.copies, *part.images.shape), np.uint8)
    targets = np.empty((distill.copies, len(part), classes), np.float32)
    smoothed = _smoothed(part.labels, classes, settings.label_smoothing)
    for copy in trange(distill.copies, desc="teachers answer", unit="copy"):
        pool[copy] = augmented_copy(part.images, settings.augment, (settings.seed, copy))
        soft = np.mean([soft_answers(teacher, pool[copy], distill.temperature) for teacher in teachers], axis=0)
        targets[copy] = (1 - distill.weight) * smoothed + distill.weight * soft
    flat_images, flat_targets = tf.constant(pool.reshape(-1, 28, 28)), tf.constant(targets.reshape(-1, classes))

    def batch(indices: Any, _step: Any) -> Any:
        images = tf.cast(tf.gather(flat_images, indices), tf.float32)
        return images[..., tf.newaxis], tf.gather(flat_targets, indices)

    return _shuffled_batches(len(flat_images), settings).map(batch, tf.data.AUTOTUNE).prefetch(8)


def _shuffled_batches(count: int, settings: TrainSettings) -> tf.data.Dataset:
    """Endless (indices int64 (B,), step int64 ()), every index once per round, in another order each round."""
    indices = tf.data.Dataset.range(count).shuffle(count, seed=settings.seed).repeat()
    return tf.data.Dataset.zip(indices.batch(settings.batch), tf.data.Dataset.counter())


def augmented_copy(images: NDArray[np.uint8], settings: AugmentSettings, seed: tuple[int, int]) -> NDArray[np.uint8]:
    """One changed copy of all images, uint8 (N, 28, 28)."""
    change = tf.function(lambda batch, step: augment(batch, settings, tf.stack([seed[0] * 1000 + seed[1], step])))
    blocks = [change(tf.constant(images[i : i + 1000]), tf.constant(i)) for i in range(0, len(images), 1000)]
    return np.concatenate([block.numpy()[..., 0].astype(np.uint8) for block in blocks])


def soft_answers(teacher: keras.Model, images: NDArray[np.uint8], temperature: float) -> Targets:
    """Probabilities float32 (N, classes) of the teacher's logits divided by `temperature`."""
    answers: Targets = tf.nn.softmax(predict(teacher, images) / temperature).numpy()
    return answers


def predict(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits float32 (N, classes) of uint8 images (N, 28, 28)."""
    if not len(images):
        return np.zeros((0, model.output_shape[-1]), np.float32)
    logits: NDArray[np.float32] = model.predict(as_input(images), batch_size=500, verbose=0)
    return logits


def as_input(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (N, 28, 28, 1) in 0..255."""
    return images[..., np.newaxis].astype(np.float32)


def one_hot(labels: NDArray[np.int64], classes: int) -> Targets:
    return np.eye(classes, dtype=np.float32)[labels]


def _smoothed(labels: NDArray[np.int64], classes: int, smoothing: float) -> Targets:
    return one_hot(labels, classes) * np.float32(1 - smoothing) + np.float32(smoothing / classes)


def _learning_rate(settings: TrainSettings, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Linear to the peak during the warm-up, then half a cosine to zero at the last step."""
    warmup = int(settings.warmup_epochs * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else settings.learning_rate,
        decay_steps=max(1, settings.epochs * steps - warmup),
        warmup_target=settings.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
