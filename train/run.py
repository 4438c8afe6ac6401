"""The whole job, top to bottom: recipe → data → samples → model → run folder."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgeproof.errors import GateError, UsageError
from edgeproof.run_folder import (
    GOLDEN_EACH,
    MODEL,
    Answered,
    clearly_right,
    golden_each,
    golden_indices,
    write_run_folder,
)
from edgeproof.support.files import published_directory
from edgeproof.support.tables import to_table
from train.data.datasets import Dataset
from train.data.own import NAME as OWN
from train.data.samples import Samples, calibration, load_dataset, make_samples, threshold_images
from train.evaluate import Evaluation, evaluate
from train.fit.checkpoints import PROGRESS, Checkpoints, open_checkpoints, said_when_full
from train.fit.distillation import Teachers
from train.fit.distribute import Team, weights_digest
from train.fit.fit import assist, fit, predict
from train.fit.temperature import expect_rejects
from train.fit.throughput import Throughput
from train.fit.transfer import InitialWeights, begin_with, find_initial_weights, freeze, load_model, thaw
from train.models import build
from train.recipe import Recipe, load_recipe
from train.report.page import write_report
from train.report.preview import contact_sheet

ANSWERS = ".answers"  # folder beside the runs: teachers' answers, 4 bytes for each image and class


def train(
    recipe: Recipe,
    runs: Path,
    recipes: Path,
    *,
    data_dir: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    tensorboard: Path | None = None,
    team: Team | None = None,
) -> Path:
    """Train `recipe` and publish `runs/<name>/`; `recipes` is the folder of the recipes that it builds on.

    An interrupted training goes on with `resume` and begins anew with `overwrite`. `tensorboard` is a folder for logs.
    With a `team` all of its workers call this, and its chief alone writes.

    Returns the run folder. Raises UsageError when it exists, finished or not, and neither flag is given; GateError when
    the test accuracy is below the recipe's target (then nothing is published); EdgeproofError on a NaN loss and on a
    full disk.
    """
    target, kept = runs / recipe.name, runs / f".{recipe.name}-checkpoints"
    if team and team.workers > 1:
        _require_runs(recipe, runs, recipes)
        if not team.chief:
            _assist(recipe, runs, recipes, data_dir, team)
            return target
    commit = _git_commit()  # of what trains (with --resume: of what ends it), not of what the checkout is an hour later
    interrupted = resume and (kept / PROGRESS).is_file()
    if resume and target.exists() and not interrupted:
        print(f"{target}: finished before, nothing to resume")
        return target
    with (
        said_when_full(f"{target} could not be written"),
        published_directory(target, overwrite=overwrite or interrupted) as folder,
    ):
        if recipe.train.deterministic:
            tf.config.experimental.enable_op_determinism()
        dataset = load_dataset(recipe, data_dir)
        samples = make_samples(recipe, dataset)
        sheet = contact_sheet(recipe, samples, runs) if recipe.data.name == OWN else None
        job = {**recipe.job, "data.fingerprint": dataset.fingerprint}
        checkpoints = open_checkpoints(kept, job, resume=resume, overwrite=overwrite)
        logs = tensorboard / recipe.name if tensorboard else None
        trained = _trained(recipe, samples, checkpoints, runs, recipes, data_dir=data_dir, logs=logs, team=team)
        _require_target(recipe, trained.evaluation, checkpoints)
        trained.model.save(folder / MODEL)
        shutil.copy(kept / "history.csv", folder)
        facts = _facts(recipe, dataset, samples, checkpoints, trained=trained, commit=commit)
        _write(folder, facts, recipe, samples, trained)
        if sheet:
            shutil.copy(sheet, folder / "report" / "contact-sheet.png")
    checkpoints.remove()
    print(f"{target}: written in {facts['wall_s']} s")
    return target


@dataclass(frozen=True)
class _Trained:
    """A model and how it came about. initial: the run that it began with; throughput: null when no epoch was left."""

    model: keras.Model
    initial: InitialWeights | None
    throughput: Throughput | None
    evaluation: Evaluation


def _trained(
    recipe: Recipe,
    samples: Samples,
    checkpoints: Checkpoints,
    runs: Path,
    recipes: Path,
    *,
    data_dir: Path | None,
    logs: Path | None,
    team: Team | None,
) -> _Trained:
    """The recipe's model, trained from where `checkpoints` ends."""
    initial = initial_weights_of(recipe, runs, recipes, data_dir)
    teachers = teachers_of(recipe, runs, recipes, data_dir)
    model = _untrained(recipe, samples, initial)
    _announce(recipe, samples, model, checkpoints.progress.epochs)
    throughput = fit(model, samples, recipe.train, teachers, checkpoints, tensorboard_dir=logs, team=team)
    thaw(model)
    if throughput:
        print(throughput, flush=True)
    _set_prior(model, samples, recipe.data.negatives_expected)
    return _Trained(model, initial, throughput, evaluate(model, samples))


def _untrained(recipe: Recipe, samples: Samples, initial: InitialWeights | None) -> keras.Model:
    """The recipe's model with random weights, or with those of the run that it begins with."""
    keras.utils.set_random_seed(recipe.train.seed)
    model = build(recipe.model, len(samples.classes), samples.input)
    if initial:
        begin_with(model, initial, samples.classes)
        freeze(model, recipe.train.freeze)
    return model


def _announce(recipe: Recipe, samples: Samples, model: keras.Model, done: int) -> None:
    print(
        f"{recipe.name}: {model.count_params():,} parameters, {len(samples.train):,} training images, "
        f"{len(samples.validation):,} for validation, {recipe.train.epochs} epochs"
        + (f", {done} of them done before" if done else ""),
        flush=True,
    )


def _require_target(recipe: Recipe, evaluation: Evaluation, checkpoints: Checkpoints) -> None:
    """Print the metrics; raise GateError when the test accuracy is below the recipe's target."""
    known = {name: value for name, value in evaluation.metrics.items() if value is not None}
    print(", ".join(f"{name} {value:.4f}" for name, value in known.items()), flush=True)
    if known["test_accuracy"] < recipe.train.target_accuracy:
        raise GateError(
            f"{recipe.name}: expected at least {recipe.train.target_accuracy:.2%} on the test set, found "
            f"{known['test_accuracy']:.2%}: nothing was published; the weights are in {checkpoints.best_file}"
        )


def _facts(
    recipe: Recipe,
    dataset: Dataset,
    samples: Samples,
    checkpoints: Checkpoints,
    *,
    trained: _Trained,
    commit: str | None,
) -> dict[str, Any]:
    """What run.json says."""
    initial, progress = trained.initial, checkpoints.progress
    return {
        "name": recipe.name,
        "recipe_sha256": recipe.sha256,
        "overrides": dict(recipe.overrides),
        "seed": recipe.train.seed,
        "data": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "train": len(samples.train),
            "validation": len(samples.validation),
            "test": len(samples.test),
        },
        "classes": samples.classes,
        "input": samples.input,
        "metrics": trained.evaluation.metrics,
        "temperature": round(trained.evaluation.temperature, 4),
        "parameters": trained.model.count_params(),
        "epochs": {"done": progress.epochs, "best": progress.best},
        "init_from": {"run": recipe.train.init_from, "model_sha256": initial.sha256} if initial else None,
        "pace": to_table(trained.throughput),  # the file's word for throughput
        "wall_s": round(checkpoints.seconds, 1),
        "versions": _versions(),
        "git_commit": commit,
    }


def _write(folder: Path, facts: Mapping[str, Any], recipe: Recipe, samples: Samples, trained: _Trained) -> None:
    """Write the report and the run folder's files into `folder`, where model and history are."""
    test_logits, history = trained.evaluation.test_logits, folder / "history.csv"
    write_report(folder / "report", facts, trained.model, samples, test_logits, settings=recipe.train, history=history)
    write_run_folder(
        folder,
        facts,
        recipe=recipe.source,
        calibration=calibration(samples, recipe.train.seed),
        golden=golden(trained.model, samples),
        test=Answered(samples.test.images, samples.test.labels, test_logits),
        deciding=threshold_images(samples),
    )


def _set_prior(model: keras.Model, samples: Samples, expected: float) -> None:
    """Give "reject" the prior that the recipe expects when reading; 0 leaves the one that it was trained with."""
    if expected:
        expect_rejects(model, float((samples.train.labels == len(samples.classes) - 1).mean()), expected)


def _assist(recipe: Recipe, runs: Path, recipes: Path, data_dir: Path | None, team: Team) -> None:
    """What `train` is for a worker that is not the chief: its share of the steps, and nothing written."""
    if recipe.train.deterministic:
        tf.config.experimental.enable_op_determinism()
    samples = make_samples(recipe, load_dataset(recipe, data_dir))
    teachers = teachers_of(recipe, runs, recipes, data_dir)
    keras.utils.set_random_seed(recipe.train.seed + team.index)  # the weights are the chief's; dropout is its own
    model = build(recipe.model, len(samples.classes), samples.input)
    freeze(model, recipe.train.freeze)
    assist(model, samples, recipe.train, teachers, team)
    print(f"{recipe.name}: worker {team.index} done, weights {weights_digest(model)}, as the chief's", flush=True)


def _require_runs(recipe: Recipe, runs: Path, recipes: Path) -> None:
    """A run that this one builds on cannot be trained while the other workers wait. Raises UsageError."""
    teachers = recipe.train.distill.teachers if recipe.train.distill else ()
    trained = [name for name in teachers if not (recipes / f"{name}.keras").is_file()]
    for name in filter(None, (*trained, recipe.train.init_from)):
        if not (runs / name).exists() and not Path(name).is_dir():
            raise UsageError(f"{recipe.name}: expected the run {runs / name} on every worker: train it first")


def golden(model: keras.Model, samples: Samples) -> Answered:
    """Inputs that `model` gets right by a clear margin, as many of each class where there are enough.

    They were not trained on, unless a small data set has too few others. Raises GateError when a class has too few: such a
    model is not worth converting.
    """
    image_bytes = samples.test.images[0].nbytes
    each = golden_each(len(samples.classes), image_bytes)
    least = min(GOLDEN_EACH, each)
    images, labels = samples.test.images[:0], samples.test.labels[:0]
    logits = np.zeros((0, len(samples.classes)), np.float32)
    for part in (samples.test, samples.held_out_non_digits, samples.validation, samples.train):
        answers = predict(model, part.images)
        clear = clearly_right(part.labels, answers)
        images = np.concatenate([images, part.images[clear]])
        labels = np.concatenate([labels, part.labels[clear]])
        logits = np.concatenate([logits, answers[clear]])
        if np.bincount(labels, minlength=len(samples.classes)).min() >= each:
            break
    for name, found in zip(samples.classes, np.bincount(labels, minlength=len(samples.classes)), strict=True):
        if found < least:
            raise GateError(f"expected {least} clear answers of class {name}, found {found}: train longer")
    chosen = golden_indices(labels, len(samples.classes), image_bytes)
    return Answered(images[chosen], labels[chosen], logits[chosen])


def teachers_of(recipe: Recipe, runs: Path, recipes: Path, data_dir: Path | None) -> Teachers:
    """The teachers, each by its run, by its model beside its recipe, or trained now; what they answer is kept beside the runs."""
    models = []
    for name in recipe.train.distill.teachers if recipe.train.distill else ():
        model, shipped = runs / name / MODEL, recipes / f"{name}.keras"
        if not model.parent.exists():
            if shipped.is_file():
                model = shipped
            else:
                train(load_recipe(recipes / f"{name}.toml"), runs, recipes, data_dir=data_dir, resume=True)
        models.append(load_model(model))
    return Teachers(models, runs / ANSWERS)


def initial_weights_of(recipe: Recipe, runs: Path, recipes: Path, data_dir: Path | None) -> InitialWeights | None:
    """The run that the recipe begins with, trained now where it is missing and a recipe beside this one makes it."""
    name = recipe.train.init_from
    if not name:
        return None
    if not (runs / name).exists() and (recipes / f"{name}.toml").is_file():
        train(load_recipe(recipes / f"{name}.toml"), runs, recipes, data_dir=data_dir, resume=True)
    return find_initial_weights(name, runs)


def _versions() -> dict[str, str]:
    packages = ("keras", "tensorflow", "numpy", "opencv-python-headless", "opencv-python")
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except ModuleNotFoundError:  # one of the two OpenCV wheels is absent
            continue
    return found


def _git_commit() -> str | None:
    """The commit of this checkout, with "-dirty" behind it where files differ from it; None outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
