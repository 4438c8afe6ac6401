"""A whole training on a slice of MNIST: what a run folder holds, and what stops a run."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from edgeproof.errors import EdgeproofError, GateError, UsageError
from edgeproof.run_folder import CALIBRATION_IMAGES, Images
from train.__main__ import parser
from train.data import datasets as data
from train.data.samples import Samples, calibration, make_samples
from train.fit.distillation import softened
from train.fit.fit import predict
from train.models import build
from train.recipe import ModelSettings, Recipe, load_recipe
from train.run import teachers_of, train

# One epoch reaches about 0.9; momentum 0.9 lets the moving statistics converge in 250 steps.
SLICE = """
[data]
fraction = 0.16
validation = 500
through_glyph = 0.3
negatives = 1000

[model]
layers = ["conv 8 5x5 stride 2", "conv 16 3x3 stride 2", "flatten"]
batch_norm_momentum = 0.9

[train]
epochs = 1
batch = 32
learning_rate = 1e-2
warmup_epochs = 0.1
target_accuracy = 0.8

[train.augment]
shift = 1

[gate]
unread = true
"""


def recipe_file(folder: Path, text: str, name: str = "slice") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def slice_run(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    folder = tmp_path_factory.mktemp("slice")
    return train(load_recipe(recipe_file(folder, SLICE), seed=seed), folder / "runs", folder)


@pytest.mark.slow
def test_run_folder_is_complete(slice_run: Path) -> None:
    found = {str(path.relative_to(slice_run)) for path in slice_run.rglob("*") if path.is_file()}
    assert found == {
        "model.keras", "run.json", "recipe.toml", "history.csv", "calibration.npz", "deciding.npz", "golden.npz", "test.npz",
        "report/curves.png", "report/confusion.png", "report/confusion-normalized.png", "report/samples.png",
        "report/worst.png", "report/calibration.png", "report/model.png",
        "report/classes.txt", "report/classes.csv", "report/report.html",
    }  # fmt: skip
    assert [path.name for path in slice_run.parent.iterdir() if path.name.endswith("-checkpoints")] == []
    assert (slice_run / "recipe.toml").read_text() == SLICE


@pytest.mark.slow
def test_run_json_agrees_with_the_arrays(slice_run: Path) -> None:
    facts = json.loads((slice_run / "run.json").read_text())
    test = np.load(slice_run / "test.npz")
    assert facts["classes"] == [*"0123456789", "reject"]
    assert facts["data"]["train"] == int(59_500 * 0.16) + 1000
    assert facts["metrics"]["test_accuracy"] == (test["logits"].argmax(axis=1) == test["labels"]).mean()
    assert facts["metrics"]["test_accuracy_through_glyph"] > 0.75
    assert facts["metrics"]["negatives_rejected"] > 0.5
    assert facts["recipe_sha256"] == load_recipe(slice_run / "recipe.toml").sha256
    with (slice_run / "history.csv").open() as file:
        assert float(next(csv.DictReader(file))["val_accuracy"]) > 0.7


@pytest.mark.slow
def test_saved_model_gives_the_saved_logits(slice_run: Path) -> None:
    model = keras.models.load_model(slice_run / "model.keras")
    test = np.load(slice_run / "test.npz")
    again = predict(model, test["images"][:500])
    np.testing.assert_allclose(again, test["logits"][:500], atol=1e-4)  # the last bits depend on threads


@pytest.mark.slow
def test_golden_inputs_are_clear_and_of_every_class(slice_run: Path) -> None:
    golden = np.load(slice_run / "golden.npz")
    assert len(golden["labels"]) >= 64
    assert set(golden["labels"]) == set(range(11))
    assert (golden["logits"].argmax(axis=1) == golden["labels"]).all()
    powers = np.exp(golden["logits"] - golden["logits"].max(axis=1, keepdims=True))
    second, first = np.sort(powers / powers.sum(axis=1, keepdims=True), axis=1)[:, -2:].T
    assert (first - second).min() >= 0.5


@pytest.mark.slow
def test_calibration_is_stratified_and_never_seen_in_test(slice_run: Path) -> None:
    images, labels = np.load(slice_run / "calibration.npz").values()
    counts = np.bincount(labels)
    assert counts.tolist() == [CALIBRATION_IMAGES // 11] * 11
    test = {image.tobytes() for image in np.load(slice_run / "test.npz")["images"]}
    assert not any(image.tobytes() in test for image in images)


@pytest.mark.slow
def test_what_a_threshold_is_found_on_is_held_out(slice_run: Path) -> None:
    images, labels = np.load(slice_run / "deciding.npz").values()
    assert np.array_equal(images[:500], data.load("mnist").train_images[-500:])
    assert (labels[500:] == 10).all()
    assert len(labels) == 500 + 100


@pytest.mark.slow
def test_existing_run_is_refused_before_training(slice_run: Path) -> None:
    recipe = load_recipe(slice_run / "recipe.toml", name="slice")
    with pytest.raises(UsageError, match="already exists"):
        train(recipe, slice_run.parent, slice_run)


@pytest.mark.slow
def test_below_target_nothing_is_published(tmp_path: Path, seed: int) -> None:
    recipe = load_recipe(recipe_file(tmp_path, SLICE), seed=seed, fraction=0.02, target_accuracy=0.999)
    with pytest.raises(GateError, match=r"expected at least 99.90% on the test set, found .*nothing was published"):
        train(recipe, tmp_path / "runs", tmp_path)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [".slice-checkpoints"]
    assert (tmp_path / "runs/.slice-checkpoints/epoch-0001.keras").is_file()


@pytest.mark.slow
def test_nan_loss_says_where(tmp_path: Path, seed: int) -> None:
    text = SLICE.replace("learning_rate = 1e-2", "learning_rate = 1e30")
    with pytest.raises(EdgeproofError, match=r"the loss became (nan|inf) in epoch 1, step \d+: lower"):
        train(load_recipe(recipe_file(tmp_path, text), seed=seed, fraction=0.02), tmp_path / "runs", tmp_path)
    assert not os.path.lexists(tmp_path / "runs/slice")


@pytest.mark.slow
def test_distillation_trains_the_missing_teacher(tmp_path: Path, seed: int) -> None:
    small = SLICE.replace("fraction = 0.16", "fraction = 0.08").replace("target_accuracy = 0.8", f"seed = {seed}")
    recipe_file(tmp_path, small, "teacher")
    distill = '\n[train.distill]\nteachers = ["teacher"]\ncopies = 2\n'
    student = load_recipe(recipe_file(tmp_path, small + distill, "student"))
    run = train(student, tmp_path / "runs", tmp_path)
    assert (tmp_path / "runs/teacher/run.json").is_file()
    assert json.loads((run / "run.json").read_text())["metrics"]["test_accuracy"] > 0.6
    # Of the run's own loss nothing is left in the model: Keras alone can load it.
    assert keras.models.load_model(run / "model.keras").loss.name == "categorical_crossentropy"


def test_a_teacher_is_taken_from_its_run_else_from_beside_its_recipe(tmp_path: Path) -> None:
    beside, run = (build(ModelSettings((f"conv {channels} 3x3", "average")), 10) for channels in (2, 3))
    beside.save(tmp_path / "teacher.keras")
    text = SLICE + '\n[train.distill]\nteachers = ["teacher"]\n'
    student, runs = load_recipe(recipe_file(tmp_path, text, "student")), tmp_path / "runs"
    images = np.random.default_rng(1).integers(0, 256, (1, 5, 28, 28), np.uint8)

    def answer() -> np.ndarray:
        return teachers_of(student, runs, tmp_path, None).answers(images, 1.0, predict, b"these")

    np.testing.assert_allclose(answer()[0], softened(predict(beside, images[0]), 1.0))
    (runs / "teacher").mkdir(parents=True)
    run.save(runs / "teacher/model.keras")
    np.testing.assert_allclose(answer()[0], softened(predict(run, images[0]), 1.0))


# --- samples, without training ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slice_recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return load_recipe(recipe_file(tmp_path_factory.mktemp("recipe"), SLICE))


def test_validation_is_the_end_of_the_training_set(slice_recipe: Recipe) -> None:
    mnist = data.load("mnist")
    samples = make_samples(slice_recipe, mnist)
    assert np.array_equal(samples.validation.images, mnist.train_images[-500:])
    assert np.array_equal(samples.test.images, mnist.test_images)
    changed = (samples.train.images[:9520] != mnist.train_images[:9520]).any(axis=(1, 2)).mean()
    assert 0.2 < changed <= 0.3  # the share through the glyph; some come out as they went in
    assert (samples.train.labels == 10).sum() == 1000
    assert (samples.held_out_non_digits.labels == 10).all()


def test_a_test_image_among_the_training_images_is_an_error(slice_recipe: Recipe) -> None:
    samples = make_samples(slice_recipe, data.load("mnist"))
    poisoned = Images(np.resize(samples.test.images, samples.train.images.shape), samples.train.labels)
    with pytest.raises(GateError, match="calibration images are test images"):
        calibration(
            Samples(samples.classes, poisoned, samples.validation, samples.test, samples.held_out_non_digits), seed=1
        )


def test_too_few_images_for_one_batch(tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file(tmp_path, SLICE), fraction=0.0001)
    with pytest.raises(UsageError, match="at least one batch of 32 training images, found 5"):
        make_samples(recipe, data.load("mnist"))


def test_command_line_overrides() -> None:
    args = parser().parse_args(["run", "digits-quick", "--epochs", "2", "--data-dir", "d", "--overwrite"])
    assert (args.recipe, args.epochs, args.data_dir, args.overwrite) == ("digits-quick", 2, Path("d"), True)
