"""One training from samples to weights: the input pipeline, the targets, the loop and its guards."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgeproof.input_contract import at_once, with_channels
from edgeproof.run_folder import Images
from edgeproof.support.files import sha256
from train.data.samples import Samples
from train.fit.augment import augment
from train.fit.callbacks import KeepCheckpoints, ShowProgress, StopOnNaN, tensorboard
from train.fit.checkpoints import Checkpoints
from train.fit.distillation import Distillation, Teachers, accuracy
from train.fit.distribute import Team, fit_together
from train.fit.optimizers import optimizer
from train.fit.throughput import Stopwatch, Throughput, Waiting
from train.recipe import AugmentSettings, DistillSettings, TrainSettings

Targets = NDArray[np.float32]  # (N, classes), rows sum to 1
BatchesOf = Callable[[Images, TrainSettings, int, int], tf.data.Dataset]

#: Images that a model that does not learn is given at a time, that are changed at a time, and values of their pixels.
ASKED, CHANGED = 500, 1000
VALUES_AT_ONCE = 2**23  # 32 MB as float32; what the first layers make of them is some ten times as much


def fit(
    model: keras.Model,
    samples: Samples,
    settings: TrainSettings,
    teachers: Teachers,
    checkpoints: Checkpoints,
    *,
    tensorboard_dir: Path | None = None,
    watchers: Sequence[keras.callbacks.Callback] = (),
    team: Team | None = None,
) -> Throughput | None:
    """Train `model`, from where `checkpoints` ends, to the weights of the epoch that was best on validation.

    Each epoch that is done is kept in `checkpoints`; `watchers` are told too. With a `team`, of which this is the chief,
    the others have to `assist` at the same time. Returns how fast it went, None when every epoch was done before.
    Raises EdgeproofError when the loss is no number any more or the disk is full, UnavailableError for a
    `tensorboard_dir` without TensorBoard.
    """
    steps = len(samples.train) // settings.batch
    extra = [tensorboard(tensorboard_dir)] if tensorboard_dir else []
    _compile(model, settings, steps)
    checkpoints.restore_last(model)
    done = checkpoints.progress.epochs
    left = done < settings.epochs and not checkpoints.progress.stale(settings.patience)
    epochs = range(done, settings.epochs if left else done)
    throughput = None
    if epochs or team:
        extra += watchers
        throughput = _train_epochs(
            model, samples, settings, teachers, epochs=epochs, checkpoints=checkpoints, extra=extra, team=team
        )
    checkpoints.restore_best(model)
    if settings.distill:  # what is saved now is for everybody, and only this project knows the loss of a student
        _compile_plain(model, model.optimizer)
    return throughput


def _train_epochs(
    model: keras.Model,
    samples: Samples,
    settings: TrainSettings,
    teachers: Teachers,
    *,
    epochs: range,
    checkpoints: Checkpoints,
    extra: Sequence[keras.callbacks.Callback],
    team: Team | None,
) -> Throughput | None:
    """Train the compiled `model` for `epochs`, alone or with the `team`; `extra` callbacks come after the usual ones."""
    classes, steps = len(samples.classes), len(samples.train) // settings.batch
    waiting = Waiting()
    stopwatch = Stopwatch(waiting, settings.batch)
    callbacks = [
        stopwatch,
        StopOnNaN(checkpoints),
        KeepCheckpoints(checkpoints, settings.patience),
        ShowProgress(epochs.start, settings.epochs, steps),
        *([keras.callbacks.SwapEMAWeights()] if settings.ema else []),  # for the validation, and back
        *extra,
    ]
    validation = _in_parts(samples.validation.images, one_hot(samples.validation.labels, classes))
    batches_of = _batches_of(classes, teachers, ink=samples.input.ink)
    if team:
        batches = fit_together(
            team,
            model,
            samples.train,
            batches_of,
            settings=settings,
            epochs=epochs,
            validate=lambda: model.evaluate(validation, verbose=0, return_dict=True),
            callbacks=callbacks,
            waiting=waiting,
        )
    else:
        batches = batches_of(samples.train, settings, epochs.start, steps)
        model.fit(
            waiting.timed(batches),
            initial_epoch=epochs.start,
            epochs=epochs.stop,
            steps_per_epoch=steps,
            shuffle=False,  # the batches are shuffled already
            validation_data=validation,
            verbose=0,  # ShowProgress knows the time left for the whole run, Keras' bar for the epoch only
            callbacks=callbacks,
        )
    return stopwatch.throughput(batches)


def assist(model: keras.Model, samples: Samples, settings: TrainSettings, teachers: Teachers, team: Team) -> None:
    """The part in `fit` of every worker of `team` but the chief; `model` ends as the chief's of the last epoch."""
    _compile(model, settings, len(samples.train) // settings.batch)
    fit_together(
        team,
        model,
        samples.train,
        _batches_of(len(samples.classes), teachers, ink=samples.input.ink),
        settings=settings,
        epochs=range(0),
        validate=dict,
        callbacks=[],
        waiting=Waiting(),
    )


def _compile(model: keras.Model, settings: TrainSettings, steps: int) -> None:
    by = optimizer(settings, steps)
    if settings.distill:
        loss = Distillation(settings.distill.weight, settings.distill.temperature)
        model.compile(by, loss, metrics=[keras.metrics.MeanMetricWrapper(accuracy, name="accuracy")])
    else:
        _compile_plain(model, by)


def _compile_plain(model: keras.Model, by: keras.optimizers.Optimizer) -> None:
    model.compile(
        by,
        # On soft labels; for hard ones the sparse form that some tutorials take is the same number.
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.CategoricalAccuracy("accuracy")],
    )


# --- input ------------------------------------------------------------------------------------------------------------


def _batches_of(classes: int, teachers: Teachers, *, ink: bool) -> BatchesOf:
    """A function of images, settings, the first epoch and how many batches an epoch takes: the batches from there on."""

    def alike(part: Images, settings: TrainSettings, first_step: int) -> tf.data.Dataset:
        if settings.distill:
            return distilled_batches(
                part, classes, settings, settings.distill, teachers, first_step=first_step, ink=ink
            )
        return augmented_batches(part, classes, settings, first_step=first_step, ink=ink)

    def batches(part: Images, settings: TrainSettings, first_epoch: int, per_epoch: int) -> tf.data.Dataset:
        first_step = first_epoch * per_epoch
        if not settings.mild_epochs:
            return alike(part, settings, first_step)
        turn = (settings.epochs - settings.mild_epochs) * per_epoch
        mild = dataclasses.replace(settings, augment=settings.augment.milder(), seed=settings.seed + 1)
        if settings.distill:  # as many copies as the share of the epochs: each is seen as often as one of the others
            copies = math.ceil(settings.distill.copies * settings.mild_epochs / settings.epochs)
            mild = dataclasses.replace(mild, distill=dataclasses.replace(settings.distill, copies=copies))
        last = alike(part, mild, max(0, first_step - turn))
        return (
            alike(part, settings, first_step).take(turn - first_step).concatenate(last) if first_step < turn else last
        )

    return batches


def augmented_batches(
    part: Images, classes: int, settings: TrainSettings, *, first_step: int = 0, ink: bool = True
) -> tf.data.Dataset:
    """Endless batches (float32 (B, H, W, channels) in 0..255, targets float32 (B, classes)), each image changed anew.

    They are a function of the seed and the step: beginning at `first_step` gives those that would have come then.
    """
    shape = (-1, *with_channels(part.images).shape[1:])
    images, targets = tf.constant(part.images), tf.constant(_smoothed(part.labels, classes, settings.label_smoothing))

    def batch(indices: Any, step: Any) -> Any:
        seed = tf.stack([tf.constant(settings.seed, tf.int64), step])
        chosen = tf.gather(images, indices)
        if settings.augment == AugmentSettings():  # nothing to change: no reason to sample each pixel anew
            return tf.reshape(tf.cast(chosen, tf.float32), shape), tf.gather(targets, indices)
        return augment(chosen, settings.augment, seed, ink=ink), tf.gather(targets, indices)

    return _shuffled_batches(len(part), settings, first_step).map(batch, tf.data.AUTOTUNE).prefetch(8)


def distilled_batches(
    part: Images,
    classes: int,
    settings: TrainSettings,
    distill: DistillSettings,
    teachers: Teachers,
    *,
    first_step: int = 0,
    ink: bool = True,
) -> tf.data.Dataset:
    """As `augmented_batches`, from a pool of changed copies for which the teachers have answered beforehand.

    Targets are float32 (B, 2 · classes), as train.fit.distillation.Distillation takes them.
    Asking them once per copy instead of once per step is what makes a long training with large teachers affordable.
    """
    pool = np.empty((distill.copies, *part.images.shape), np.uint8)
    for copy in range(distill.copies):
        pool[copy] = augmented_copy(part.images, settings.augment, (settings.seed, copy), ink=ink)
    made = f"{settings.augment} {settings.seed} {distill.copies} {sha256(part.images.tobytes())}".encode()
    flat_answers = tf.constant(teachers.answers(pool, distill.temperature, predict, made).reshape(-1, classes))
    flat_images = tf.constant(with_channels(pool.reshape(-1, *part.images.shape[1:])))
    labels = tf.constant(_smoothed(part.labels, classes, settings.label_smoothing))

    def batch(indices: Any, _step: Any) -> Any:
        images = tf.cast(tf.gather(flat_images, indices), tf.float32)
        targets = tf.concat([tf.gather(labels, indices % len(part)), tf.gather(flat_answers, indices)], axis=1)
        return images, targets

    return _shuffled_batches(len(flat_images), settings, first_step).map(batch, tf.data.AUTOTUNE).prefetch(8)


def _shuffled_batches(count: int, settings: TrainSettings, first_step: int) -> tf.data.Dataset:
    """Endless (indices int64 (B,), step int64 ()), every index once per round, in another order each round.

    Each round's order is drawn from (seed, round), so that a resumed training need not replay the rounds before.
    """
    first_round, used = divmod(first_step * settings.batch, count)

    def order(number: Any) -> Any:
        shuffled = tf.random.experimental.stateless_shuffle(tf.range(count, dtype=tf.int64), [settings.seed, number])
        return shuffled[tf.where(number == first_round, tf.constant(used, tf.int64), 0) :]

    rounds = tf.data.Dataset.counter(first_round).map(order)
    return tf.data.Dataset.zip(rounds.rebatch(settings.batch), tf.data.Dataset.counter(first_step))


def augmented_copy(
    images: NDArray[np.uint8], settings: AugmentSettings, seed: tuple[int, int], *, ink: bool = True
) -> NDArray[np.uint8]:
    """One changed copy of all images, uint8 (N, H, W), or RGB (N, H, W, 3)."""
    first = seed[0] * 1000 + seed[1]
    change = tf.function(lambda batch, step: augment(batch, settings, tf.stack([first, step]), ink=ink))
    made, size = np.empty_like(images), at_once(images.shape[1:], CHANGED, VALUES_AT_ONCE)
    for i in range(0, len(images), size):
        part = made[i : i + size]
        part[:] = change(tf.constant(images[i : i + size]), tf.constant(i)).numpy().astype(np.uint8).reshape(part.shape)
    return made


def predict(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits float32 (N, classes) of uint8 images (N, H, W), or RGB (N, H, W, 3)."""
    if not len(images):
        return np.zeros((0, model.output_shape[-1]), np.float32)
    logits: NDArray[np.float32] = model.predict(_in_parts(images), verbose=0)
    return logits


def _in_parts(images: NDArray[np.uint8], *others: NDArray[np.float32]) -> tf.data.Dataset:
    """What a model that does not learn is given: images and what goes with them, a part as float32 at a time."""
    arrays = tuple(tf.constant(array) for array in (with_channels(images), *others))
    size = at_once(images.shape[1:], ASKED, VALUES_AT_ONCE)

    def part(start: Any) -> tuple[Any, ...]:
        return tuple(tf.cast(array[start : start + size], tf.float32) for array in arrays)

    return tf.data.Dataset.range(0, len(images), size).map(part).prefetch(1)


def as_input(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (N, H, W, channels) in 0..255."""
    return with_channels(images).astype(np.float32)


def one_hot(labels: NDArray[np.int64], classes: int) -> Targets:
    return np.eye(classes, dtype=np.float32)[labels]


def _smoothed(labels: NDArray[np.int64], classes: int, smoothing: float) -> Targets:
    return one_hot(labels, classes) * np.float32(1 - smoothing) + np.float32(smoothing / classes)
