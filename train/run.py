"""The whole job, top to bottom: recipe → data → samples → model → run folder."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import GateError
from edgeproof.files import published_directory
from edgeproof.glyph import through_glyph
from edgeproof.scores import softmax
from train import data, figures
from train.fit import fit, predict
from train.models import build
from train.recipe import Recipe, load_recipe
from train.samples import Part, Samples, calibration, make_samples

SCHEMA = 1
GOLDEN_EACH = 8  # golden inputs per class; 80 for ten classes
GOLDEN_MARGIN = 0.5  # between the two best probabilities: a changed answer is then a fault and no tie


def train(recipe: Recipe, runs: Path, recipes: Path, *, data_dir: Path | None = None, overwrite: bool = False) -> Path:
    """Train `recipe` and publish `runs/<name>/`; `recipes` is the folder of its teachers' recipes.

    Returns the run folder. Raises UsageError when it exists and `overwrite` is false, GateError when the test accuracy
    is below the recipe's target (then nothing is published), EdgeproofError on a NaN loss.
    """
    started = time.monotonic()
    target = runs / recipe.name
    checkpoints = runs / f".{recipe.name}-checkpoints"
    with published_directory(target, overwrite=overwrite) as folder:
        dataset = data.load(recipe.data.name, data_dir)
        samples = make_samples(recipe, dataset)
        teachers = _teachers(recipe, runs, recipes, data_dir)
        keras.utils.set_random_seed(recipe.train.seed)
        model = build(recipe.model, len(samples.classes))
        print(
            f"{recipe.name}: {model.count_params():,} parameters, {len(samples.train):,} training images, "
            f"{len(samples.validation):,} for validation, {recipe.train.epochs} epochs",
            flush=True,
        )
        model = fit(model, samples, recipe.train, teachers, checkpoints)
        test_logits = predict(model, samples.test.images)
        test_accuracy = accuracy(test_logits, samples.test.labels)
        metrics = {
            "validation_accuracy": accuracy(predict(model, samples.validation.images), samples.validation.labels),
            "test_accuracy": test_accuracy,
            **_more_metrics(model, samples, glyph=recipe.data.glyph),
        }
        print(", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if value is not None), flush=True)
        if test_accuracy < recipe.train.target_accuracy:
            raise GateError(
                f"{recipe.name}: expected at least {recipe.train.target_accuracy:.2%} on the test set, found "
                f"{test_accuracy:.2%}: nothing was published; the weights are in {checkpoints}"
            )
        model.save(folder / "model.keras")
        (folder / "recipe.toml").write_bytes(recipe.source)
        shutil.copy(checkpoints / "history.csv", folder)
        _save(folder / "calibration.npz", calibration(samples, recipe.train.seed))
        _save(folder / "test.npz", samples.test, test_logits)
        _save(folder / "golden.npz", *golden(model, samples))
        figures.draw_report(folder / "report", samples, test_logits, recipe.train, folder / "history.csv")
        facts = {
            "schema": SCHEMA,
            "name": recipe.name,
            "recipe_sha256": recipe.sha256,
            "seed": recipe.train.seed,
            "data": {
                "name": dataset.name,
                "fingerprint": dataset.fingerprint,
                "train": len(samples.train),
                "validation": len(samples.validation),
                "test": len(samples.test),
            },
            "classes": samples.classes,
            "glyph": recipe.data.glyph,
            "metrics": metrics,
            "parameters": model.count_params(),
            "wall_s": round(time.monotonic() - started, 1),
            "versions": _versions(),
            "git_commit": _git_commit(),
        }
        (folder / "run.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    shutil.rmtree(checkpoints)
    print(f"{target}: written in {facts['wall_s']} s")
    return target


def golden(model: keras.Model, samples: Samples) -> tuple[Part, NDArray[np.float32]]:
    """Inputs that were not trained on and that `model` gets right by a clear margin, as many of each class.

    Returns them with their logits. Raises GateError when a class has too few: such a model is not worth converting.
    """
    images = np.concatenate([samples.test.images, samples.held_out_negatives.images])
    labels = np.concatenate([samples.test.labels, samples.held_out_negatives.labels])
    logits = predict(model, images)
    second, first = np.sort(softmax(logits), axis=1)[:, -2:].T
    clear = (first - second >= GOLDEN_MARGIN) & (logits.argmax(axis=1) == labels)
    chosen = []
    for label, name in enumerate(samples.classes):
        found = np.flatnonzero(clear & (labels == label))
        if len(found) < GOLDEN_EACH:
            raise GateError(f"expected {GOLDEN_EACH} clear answers of class {name}, found {len(found)}: train longer")
        chosen.append(found[:: len(found) // GOLDEN_EACH][:GOLDEN_EACH])  # spread over the set
    indices = np.concatenate(chosen)
    return Part(images[indices], labels[indices]), logits[indices]


def accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Share of the labels that are the largest of all outputs: a rejected digit counts as wrong."""
    return float((logits.argmax(axis=1) == labels).mean())


def _more_metrics(model: keras.Model, samples: Samples, *, glyph: str) -> dict[str, float | None]:
    """What only some recipes have; None for the others."""
    test, negatives = samples.test, samples.held_out_negatives
    crops = None if glyph == "none" else accuracy(predict(model, through_glyph(test.images)), test.labels)
    rejected = accuracy(predict(model, negatives.images), negatives.labels) if len(negatives) else None
    return {"test_accuracy_through_glyph": crops, "negatives_rejected": rejected}


def _teachers(recipe: Recipe, runs: Path, recipes: Path, data_dir: Path | None) -> list[keras.Model]:
    """The teachers' models, trained now where their run is missing."""
    models = []
    for name in recipe.train.distill.teachers if recipe.train.distill else ():
        if not (runs / name).exists():
            train(load_recipe(recipes / f"{name}.toml"), runs, recipes, data_dir=data_dir)
        models.append(keras.models.load_model(runs / name / "model.keras"))
    return models


def _save(path: Path, part: Part, logits: NDArray[np.float32] | None = None) -> None:
    arrays: dict[str, Any] = {"images": part.images, "labels": part.labels}
    if logits is not None:
        arrays["logits"] = logits
    np.savez_compressed(path, **arrays)


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
    """The commit of this checkout, or None outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
