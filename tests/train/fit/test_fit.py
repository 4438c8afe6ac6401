"""The input pipeline: every image once per round, targets that say what the recipe says; the loss, the average."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.run_folder import Images
from edgeproof.scores import softmax
from train.data.samples import Samples
from train.fit import fit as fit_module
from train.fit.checkpoints import Checkpoints, open_checkpoints
from train.fit.distillation import Distillation, Teachers, accuracy, softened
from train.fit.fit import (
    _batches_of,
    _in_parts,
    as_input,
    augmented_batches,
    augmented_copy,
    distilled_batches,
    fit,
    one_hot,
    predict,
)
from train.models import build
from train.recipe import AugmentSettings, DistillSettings, ModelSettings, TrainSettings

CLASSES = 64
#: One image per class, each of its own grey, so that an image tells which it is.
PART = Images(
    np.repeat(np.arange(1, CLASSES + 1, dtype=np.uint8), 28 * 28).reshape(CLASSES, 28, 28), np.arange(CLASSES)
)


def test_every_image_once_per_round_with_its_own_target() -> None:
    batches = augmented_batches(PART, CLASSES, TrainSettings(epochs=1, batch=16)).take(8)
    rounds = [(np.asarray(images), np.asarray(targets)) for images, targets in batches]
    seen = [targets.argmax(axis=1) for _, targets in rounds]
    assert sorted(np.concatenate(seen[:4])) == list(range(CLASSES))
    assert sorted(np.concatenate(seen[4:])) == list(range(CLASSES))
    assert not np.array_equal(seen[:4], seen[4:])  # in another order
    for images, targets in rounds:
        assert images.shape == (16, 28, 28, 1)
        assert np.array_equal(images[:, 5, 5, 0], targets.argmax(axis=1) + 1)


def test_two_pipelines_of_one_seed_agree() -> None:
    settings = TrainSettings(epochs=1, batch=16, augment=AugmentSettings(shift=3, noise=0.1, camera=0.5))
    first, second = (
        [np.asarray(images) for images, _ in augmented_batches(PART, CLASSES, settings).take(5)] for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_label_smoothing() -> None:
    settings = TrainSettings(epochs=1, batch=64, label_smoothing=0.1)
    _, targets = next(iter(augmented_batches(PART, CLASSES, settings)))
    np.testing.assert_allclose(np.asarray(targets).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(targets).max(axis=1), 0.9 + 0.1 / CLASSES, rtol=1e-5)


@pytest.fixture(scope="module")
def teacher() -> keras.Model:
    keras.utils.set_random_seed(3)
    image = keras.Input((28, 28, 1))
    return keras.Model(image, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(image)))


def test_distilled_targets_are_label_and_teacher_side_by_side(teacher: keras.Model) -> None:
    distill = DistillSettings(("unused",), temperature=4.0, copies=2)
    for images, targets in distilled_batches(PART, CLASSES, TrainSettings(1, 64), distill, Teachers([teacher])).take(2):
        labels = np.asarray(images)[:, 0, 0, 0].astype(int) - 1
        soft = softened(predict(teacher, np.asarray(images)[..., 0].astype(np.uint8)), 4.0)
        expected = np.concatenate([one_hot(labels, CLASSES), soft], axis=1)
        np.testing.assert_allclose(np.asarray(targets), expected, atol=1e-5)  # float32 rounding


def test_temperature_softens(teacher: keras.Model) -> None:
    sharp, soft = (softened(predict(teacher, PART.images), temperature) for temperature in (1.0, 8.0))
    assert soft.max(axis=1).mean() < sharp.max(axis=1).mean()


def test_what_teachers_answered_once_is_kept(teacher: keras.Model, tmp_path: Path) -> None:
    asked = []

    def ask(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        asked.append(len(images))
        return predict(model, images)

    copies = np.stack([PART.images, 255 - PART.images])
    first = Teachers([teacher], tmp_path).answers(copies, 2.0, ask, b"these")
    again = Teachers([teacher], tmp_path).answers(copies, 2.0, ask, b"these")
    assert np.array_equal(first, again)
    assert asked == [CLASSES, CLASSES]
    (kept,) = tmp_path.iterdir()
    Teachers([teacher], tmp_path).answers(copies, 3.0, ask, b"these")  # other questions
    Teachers([teacher], tmp_path).answers(copies, 2.0, ask, b"others")
    Teachers([teacher, teacher], tmp_path).answers(copies, 2.0, ask, b"these")
    assert len(asked) == 10
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(Teachers([teacher], tmp_path).answers(copies, 2.0, ask, b"these"), first)


def far(batches: Any, count: int) -> list[float]:
    """How far from the middle the grey's centre lies in each of the first `count` batches, pixels."""
    middle = np.arange(28) - 13.5
    images = [np.asarray(batch)[..., 0] for batch, _ in batches.take(count)]
    return [float(np.abs((i.sum(axis=1) @ middle) / i.sum(axis=(1, 2))).max()) for i in images]


@pytest.mark.parametrize("first_epoch", [0, 1, 2, 3])
def test_the_last_epochs_are_mild(first_epoch: int) -> None:
    settings = TrainSettings(epochs=4, batch=16, mild_epochs=2, augment=AugmentSettings(shift=12))
    distances = far(_batches_of(CLASSES, Teachers(), ink=True)(PART, settings, first_epoch, 2), 2 * (4 - first_epoch))
    strong = 2 * max(0, 2 - first_epoch)
    assert all(distance > 3 for distance in distances[:strong])  # half of 12 pixels, of a shape that is cut at the edge
    assert all(distance <= 3 for distance in distances[strong:])


def test_answers_that_cannot_be_kept_do_not_end_the_training(
    teacher: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    found = Teachers([teacher], tmp_path / "file" / "below").answers(PART.images[np.newaxis], 2.0, predict, b"these")
    assert found.shape == (1, CLASSES, CLASSES)
    (told,) = capsys.readouterr().out.splitlines()
    assert told.endswith("the answers are not kept, and will be asked again")


# --- the loss of a student --------------------------------------------------------------------------------------------


def cross_entropy(targets: NDArray[np.float32], probabilities: NDArray[np.float32]) -> float:
    return float(-(targets * np.log(probabilities)).sum(axis=1).mean())


@pytest.mark.parametrize(("weight", "temperature"), [(0.0, 4.0), (0.7, 4.0), (0.7, 1.0), (1.0, 2.0)])
def test_teacher_and_student_are_softened_alike_and_the_label_is_not(weight: float, temperature: float) -> None:
    logits, taught = np.random.default_rng(1).normal(0, 3, (2, 32, CLASSES)).astype(np.float32)
    hard, soft = one_hot(np.arange(32), CLASSES), softmax(taught, temperature)
    by_label = cross_entropy(hard, softmax(logits))
    by_teacher = cross_entropy(soft, softmax(logits, temperature))
    loss = Distillation(weight, temperature)
    found = float(loss(np.concatenate([hard, soft], axis=1), logits))
    assert found == pytest.approx((1 - weight) * by_label + weight * temperature**2 * by_teacher, rel=1e-4)  # float32
    assert float(loss(hard, logits)) == pytest.approx(by_label, rel=1e-4)  # of validation: labels only


def test_a_student_that_answers_as_its_teacher_has_nothing_to_learn(teacher: keras.Model) -> None:
    """Were the student not softened, the loss would fall when its logits shrink."""
    logits = teacher.predict(as_input(PART.images), verbose=0)
    targets = np.concatenate([one_hot(PART.labels, CLASSES), softened(predict(teacher, PART.images), 4.0)], axis=1)
    loss = Distillation(1.0, 4.0)
    losses = [float(loss(targets, logits * factor)) for factor in (0.25, 0.9, 1.0, 1.1)]
    assert min(losses) == losses[2]


def test_accuracy_is_the_labels_whatever_the_teacher_says() -> None:
    hard, soft, logits = one_hot(np.array([0, 1]), 3), one_hot(np.array([2, 2]), 3), one_hot(np.array([0, 2]), 3)
    assert np.asarray(accuracy(np.concatenate([hard, soft], axis=1), logits)).tolist() == [1, 0]
    assert np.asarray(accuracy(hard, logits)).tolist() == [1, 0]


# --- the moving average of the weights --------------------------------------------------------------------------------

EMA = TrainSettings(epochs=3, batch=32, seed=2, learning_rate=1e-2, schedule="constant", ema=0.9)
NOISE = Images(
    np.random.default_rng(5).integers(0, 256, (256, 28, 28)).astype(np.uint8),
    np.random.default_rng(6).integers(0, 4, 256),
)


class Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """The weights after each step; ends the training, as a kill would, in the epoch `cut`, counted from 0."""

    def __init__(self, cut: int = -1) -> None:
        super().__init__()
        self.cut, self.weights = cut, list[list[NDArray[np.float32]]]()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 (Keras names it)
        if epoch == self.cut:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.weights.append(self.model.get_weights())


def trained(kept: Checkpoints, steps: Steps, seed: int) -> keras.Model:
    """A small model that has learned noise."""
    keras.utils.set_random_seed(seed)
    model = build(ModelSettings(layers=("conv 4 3x3 stride 2", "average"), batch_norm=False), 4)
    fit(model, Samples(tuple("abcd"), NOISE, NOISE, NOISE, NOISE), EMA, Teachers(), kept, watchers=[steps])
    return model


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, seed: int) -> tuple[keras.Model, Checkpoints, Steps]:
    """A training with an average that was not interrupted."""
    kept = open_checkpoints(tmp_path_factory.mktemp("ema") / "whole", {}, resume=False, overwrite=False)
    steps = Steps()
    return trained(kept, steps, seed), kept, steps


def test_the_average_of_the_weights_is_validated_and_kept(whole: tuple[keras.Model, Checkpoints, Steps]) -> None:
    model, kept, steps = whole
    averages = [np.zeros_like(weight) for weight in steps.weights[0]]
    for number, weights in enumerate(steps.weights[: kept.progress.best * (len(NOISE) // EMA.batch)]):
        momentum = EMA.ema if number else 0.0  # it begins with the first step's weights
        averages = [momentum * one + (1 - momentum) * new for one, new in zip(averages, weights, strict=True)]
    for found, expected, raw in zip(model.get_weights(), averages, weights, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)  # float32 rounding over 24 steps
        assert np.abs(found - raw).max() > 1e-3  # the weights of the last step are others
    loss = model.evaluate(as_input(NOISE.images), one_hot(NOISE.labels, 4), verbose=0, return_dict=True)["loss"]
    assert kept.progress.history[kept.progress.best - 1]["val_loss"] == pytest.approx(loss, abs=1e-5)


def test_an_average_that_was_interrupted_goes_on(
    tmp_path: Path, whole: tuple[keras.Model, Checkpoints, Steps], seed: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(open_checkpoints(tmp_path / "cut", {}, resume=False, overwrite=False), Steps(cut=1), seed)
    resumed = trained(open_checkpoints(tmp_path / "cut", {}, resume=True, overwrite=False), Steps(), seed)
    for one, other in zip(whole[0].get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)  # threads add in any order without --deterministic


def test_what_is_asked_or_changed_comes_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = AugmentSettings(rotate=10)
    model = build(ModelSettings(("flatten",)), 3)
    whole = predict(model, PART.images)
    monkeypatch.setattr(fit_module, "VALUES_AT_ONCE", 25 * 28 * 28)
    assert [len(part) for (part,) in _in_parts(PART.images)] == [25, 25, 14]
    np.testing.assert_allclose(predict(model, PART.images), whole, atol=1e-4)
    first = augmented_copy(PART.images[:25], settings, (1, 0))
    assert (augmented_copy(PART.images, settings, (1, 0))[:25] == first).all()
