"""A training that is killed goes on; a training that is repeated ends the same; neither loses what was kept."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from edgeproof.errors import EdgeproofError, IntegrityError, UsageError
from train.data import datasets as data
from train.data.samples import make_samples
from train.fit.checkpoints import PROGRESS, Progress, open_checkpoints
from train.fit.distillation import Teachers
from train.fit.fit import fit
from train.models import build
from train.recipe import load_recipe

ROOT = Path(__file__).parents[3]

#: Shift and dropout draw random numbers in every step: both must go on where they were.
RECIPE = """
[data]
fraction = 0.12
validation = 1000

[model]
layers = ["conv 8 5x5 stride 2", "conv 16 3x3 stride 2", "flatten", "dropout 0.2"]
batch_norm_momentum = 0.9

[train]
epochs = 4
batch = 32
seed = {seed}
learning_rate = 5e-3
warmup_epochs = 0.2
target_accuracy = 0.9
augment.shift = 1
"""

JOB = {"train.epochs": 4, "model.layers": ("flatten",)}


@pytest.fixture
def recipe_file(tmp_path: Path, seed: int) -> Path:
    path = tmp_path / "killed.toml"
    path.write_text(RECIPE.format(seed=seed))
    return path


TRAIN = [sys.executable, "-m", "train"]


def command(recipe: Path, runs: Path, *flags: str, program: list[str] = TRAIN) -> list[str]:
    return [*program, "run", str(recipe), "--runs", str(runs), "--deterministic", *flags]


def weights(path: Path) -> list[np.ndarray[Any, Any]]:
    return list(keras.models.load_model(path).get_weights())


@pytest.mark.slow
def test_kill_and_resume_ends_with_the_weights_of_an_uninterrupted_run(
    recipe_file: Path, tmp_path: Path, killed_in_epoch: Callable[[int], list[str]]
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "runs"
    subprocess.run(command(recipe_file, whole), cwd=ROOT, check=True, capture_output=True)

    ended = subprocess.run(
        command(recipe_file, killed, program=killed_in_epoch(3)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    done = len(json.loads((killed / ".killed-checkpoints" / PROGRESS).read_bytes())["history"])
    assert done == 2
    assert not (killed / "killed").exists()

    refused = subprocess.run(command(recipe_file, killed), cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == UsageError.exit_code
    assert f"interrupted run with {done} epochs done: give --resume" in refused.stderr

    resumed = subprocess.run(
        command(recipe_file, killed, "--resume"), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"{done} of them done before" in resumed.stdout
    assert f"epoch {done + 1}/4" in resumed.stdout
    assert f"epoch {done}/4" not in resumed.stdout
    assert [path.name for path in killed.iterdir() if "checkpoints" in path.name] == []
    for one, other in zip(weights(whole / "killed/model.keras"), weights(killed / "killed/model.keras"), strict=True):
        assert np.array_equal(one, other)
    for name in ("history.csv", "test.npz"):
        assert (whole / "killed" / name).read_bytes() == (killed / "killed" / name).read_bytes()
    facts = json.loads((killed / "killed/run.json").read_text())
    assert facts["epochs"]["done"] == 4

    again = subprocess.run(
        command(recipe_file, killed, "--resume"), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "finished before, nothing to resume" in again.stdout


#: Two trainings from one seed, in a process of their own: determinism cannot be switched off again.
TWICE = """
import sys
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from train.data import datasets as data
from train.fit.checkpoints import open_checkpoints
from train.fit.distillation import Teachers
from train.fit.fit import fit
from train.models import build
from train.recipe import load_recipe
from train.data.samples import make_samples

tf.config.experimental.enable_op_determinism()
recipe = load_recipe(Path(sys.argv[1]), epochs=2, fraction=0.05)
samples = make_samples(recipe, data.load("mnist"))
found = []
for folder in ("first", "second"):
    keras.utils.set_random_seed(recipe.train.seed)
    model = build(recipe.model, 10)
    checkpoints = open_checkpoints(Path(sys.argv[2]) / folder, {}, resume=False, overwrite=False)
    fit(model, samples, recipe.train, Teachers(), checkpoints)
    found.append(model.get_weights())
assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))
"""


@pytest.mark.slow
def test_two_deterministic_trainings_give_equal_weights(recipe_file: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", TWICE, str(recipe_file), str(tmp_path)], cwd=ROOT, check=True)


@pytest.mark.slow
def test_early_stopping_keeps_the_best_epoch(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file, epochs=100, fraction=0.01, patience=2, target_accuracy=0.0)
    samples = make_samples(recipe, data.load("mnist"))
    checkpoints = open_checkpoints(tmp_path / "kept", recipe.job, resume=False, overwrite=False)
    model = build(recipe.model, 10)
    fit(model, samples, recipe.train, Teachers(), checkpoints)
    kept = checkpoints.progress
    accuracies = [epoch["val_accuracy"] for epoch in kept.history]
    assert kept.epochs < 100
    assert kept.epochs == kept.best + 2
    assert accuracies[kept.best - 1] == max(accuracies)
    assert (
        min(epoch["val_loss"] for epoch in kept.history if epoch["val_accuracy"] == max(accuracies))
        == (kept.history[kept.best - 1]["val_loss"])
    )
    best = keras.models.load_model(checkpoints.best_file)
    assert all(np.array_equal(one, other) for one, other in zip(model.get_weights(), best.get_weights(), strict=True))
    # Resumed, it knows that it is over.
    again = open_checkpoints(tmp_path / "kept", recipe.job, resume=True, overwrite=False)
    assert fit(build(recipe.model, 10), samples, recipe.train, Teachers(), again) is None
    assert again.progress.epochs == kept.epochs


@pytest.mark.slow
def test_nan_loss_keeps_the_last_good_epoch(recipe_file: Path, tmp_path: Path) -> None:
    recipe = load_recipe(recipe_file, fraction=0.02, target_accuracy=0.0)
    poisoned = recipe_file.with_name("poisoned.toml")
    poisoned.write_text(recipe_file.read_text().replace("5e-3", "1e30"))
    samples = make_samples(recipe, data.load("mnist"))
    checkpoints = open_checkpoints(tmp_path / "kept", recipe.job, resume=False, overwrite=False)
    fit(
        build(recipe.model, 10),
        samples,
        load_recipe(recipe_file, epochs=1, fraction=0.02).train,
        Teachers(),
        checkpoints,
    )
    before = weights(checkpoints.best_file)
    # From here on the learning rate is absurd: Keras restores the weights and the step, not the rate.
    with pytest.raises(
        EdgeproofError, match=r"the loss became (nan|inf) in epoch 2, step \d+: .* after epoch 1 are in"
    ):
        fit(build(recipe.model, 10), samples, load_recipe(poisoned).train, Teachers(), checkpoints)
    assert all(np.array_equal(one, other) for one, other in zip(before, weights(checkpoints.best_file), strict=True))
    assert not (tmp_path / "runs").exists()


# --- the checkpoint folder, without training --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> keras.Model:
    image = keras.Input((28, 28, 1))
    model = keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(image)))
    model.compile("adam", "mse")
    return model


def metrics(accuracy: float, loss: float = 0.5) -> dict[str, float]:
    return {"loss": 1.0, "val_accuracy": accuracy, "val_loss": loss}


def test_only_the_last_and_the_best_are_kept(tmp_path: Path, model: keras.Model) -> None:
    checkpoints = open_checkpoints(tmp_path / "kept", JOB, resume=False, overwrite=False)
    for accuracy, loss in ((0.5, 0.1), (0.9, 0.4), (0.9, 0.5), (0.7, 0.1)):
        checkpoints.save(model, metrics(accuracy, loss))
    found = {path.name for path in (tmp_path / "kept").iterdir()}
    assert found == {PROGRESS, "history.csv", "epoch-0002.keras", "epoch-0004.keras"}  # of two equals the lower loss
    with (tmp_path / "kept/history.csv").open() as file:
        assert [(row["epoch"], row["val_accuracy"]) for row in csv.DictReader(file)] == [
            ("0", "0.5"), ("1", "0.9"), ("2", "0.9"), ("3", "0.7")
        ]  # fmt: skip
    again = open_checkpoints(tmp_path / "kept", JOB, resume=True, overwrite=False)
    assert again.progress == checkpoints.progress
    assert (again.progress.epochs, again.progress.best) == (4, 2)


def test_a_write_that_was_cut_short_is_no_loss(tmp_path: Path, model: keras.Model) -> None:
    checkpoints = open_checkpoints(tmp_path / "kept", JOB, resume=False, overwrite=False)
    checkpoints.save(model, metrics(0.5))
    (tmp_path / "kept/.writing-epoch-0002.keras").write_bytes(b"PK half")
    (tmp_path / "kept/epoch-0002.keras").write_bytes(checkpoints.best_file.read_bytes())  # whole, but not yet named
    again = open_checkpoints(tmp_path / "kept", JOB, resume=True, overwrite=False)
    again.restore_last(model)
    assert again.progress.epochs == 1
    again.save(model, metrics(0.6))
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {PROGRESS, "history.csv", "epoch-0002.keras"}


def test_what_to_do_with_an_interrupted_run_must_be_said(tmp_path: Path, model: keras.Model) -> None:
    open_checkpoints(tmp_path / "kept", JOB, resume=False, overwrite=False).save(model, metrics(0.5))
    with pytest.raises(UsageError, match="1 epochs done: give --resume to go on with it, or --overwrite"):
        open_checkpoints(tmp_path / "kept", JOB, resume=False, overwrite=False)
    with pytest.raises(UsageError, match=r"another train.epochs \(4 became 9\)"):
        open_checkpoints(tmp_path / "kept", {**JOB, "train.epochs": 9}, resume=True, overwrite=False)
    assert open_checkpoints(tmp_path / "kept", JOB, resume=False, overwrite=True).progress == Progress(
        {"train.epochs": 4, "model.layers": ["flatten"]}
    )
    assert not any((tmp_path / "kept").iterdir())


def test_a_damaged_checkpoint_is_said(tmp_path: Path, model: keras.Model) -> None:
    checkpoints = open_checkpoints(tmp_path / "kept", JOB, resume=False, overwrite=False)
    checkpoints.save(model, metrics(0.5))
    checkpoints.best_file.write_bytes(checkpoints.best_file.read_bytes()[:-500])
    with pytest.raises(IntegrityError, match=r"epoch-0001.keras: expected the checkpoint .* give --overwrite"):
        checkpoints.restore_last(model)
    (tmp_path / "kept" / PROGRESS).write_text('{"job": {}')
    with pytest.raises(IntegrityError, match=r"progress.json: expected JSON"):
        open_checkpoints(tmp_path / "kept", JOB, resume=True, overwrite=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_is_one_line_and_the_last_epoch_stays(small_disk: Path, model: keras.Model) -> None:
    checkpoints = open_checkpoints(small_disk / "kept", JOB, resume=False, overwrite=False)
    checkpoints.save(model, metrics(0.5))  # about 110 KB with the optimizer
    with pytest.raises(EdgeproofError, match=r"epoch 3 could not be kept, epoch 2 is: the disk is full; .* --resume"):
        for _ in range(2):  # best, last and new together are too much
            checkpoints.save(model, metrics(0.4))
    assert not list((small_disk / "kept").glob(".writing-*"))
    again = open_checkpoints(small_disk / "kept", JOB, resume=True, overwrite=False)
    again.restore_last(model)
    again.restore_best(model)
    assert again.progress == checkpoints.progress


def test_resume_and_overwrite_exclude_each_other() -> None:
    from train.__main__ import parser

    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(["run", "digits-quick", "--resume", "--overwrite"])
    assert stopped.value.code == UsageError.exit_code


def test_what_an_earlier_release_kept_goes_on(tmp_path: Path, model: keras.Model) -> None:
    """It knew neither sizes nor activations, had fewer changes of images, and another word for how a picture is taken."""
    (tmp_path / "it.toml").write_text(
        '[data]\nresize = "stretch"\n[model]\nlayers = ["flatten"]\n[train]\nepochs = 4\n'
    )
    job = load_recipe(tmp_path / "it.toml").job
    earlier = {
        key: value for key, value in job.items() if key not in ("data.resize", "model.activation", "model.input")
    }
    earlier["data.glyph"] = "none"
    earlier["train.augment"] = {"rotate": 0.0, "shift": 0.0}
    open_checkpoints(tmp_path / "kept", earlier, resume=False, overwrite=False).save(model, metrics(0.5))
    again = open_checkpoints(tmp_path / "kept", job, resume=True, overwrite=False)
    assert again.progress.job == json.loads(json.dumps(job))
    ink = {**job, "data.resize": "ink-1"}
    with pytest.raises(UsageError, match=r"another data\.resize \('stretch' became 'ink-1'\)"):
        open_checkpoints(tmp_path / "kept", ink, resume=True, overwrite=False)
    with pytest.raises(UsageError, match=r"another model\.activation \('relu' became 'relu6'\)"):
        open_checkpoints(tmp_path / "kept", {**job, "model.activation": "relu6"}, resume=True, overwrite=False)
