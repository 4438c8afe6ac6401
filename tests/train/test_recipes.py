"""The tutorials' recipes run: one epoch on a slice, with all that a run leaves. What they reach in full, `measured.json` says."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from train.__main__ import RECIPES
from train.data.samples import load_dataset, make_samples
from train.fit.fit import predict
from train.fit.transfer import load_model
from train.models import build
from train.recipe import load_recipe
from train.run import train


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "held_out", "images"),
    [("mlp-128", 10_000, 10_000), ("cnn-32-64", 6_000, 10_800)],
)
def test_one_epoch_on_a_slice(tmp_path: Path, seed: int, recipe: str, held_out: int, images: int) -> None:
    settings = load_recipe(RECIPES / f"{recipe}.toml", epochs=1, fraction=0.2, target_accuracy=0.75, seed=seed)
    run = train(settings, tmp_path, RECIPES)
    facts = json.loads((run / "run.json").read_text())
    assert facts["overrides"] == {"epochs": 1, "fraction": 0.2, "target_accuracy": 0.75, "seed": seed}
    assert (facts["data"]["train"], facts["data"]["validation"]) == (images, held_out)
    report = {file.name for file in (run / "report").iterdir()}
    assert report >= {"curves.png", "confusion.png", "confusion-normalized.png", "classes.txt", "classes.csv"}
    with (run / "report/classes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == list("0123456789")
    right = sum(float(row["recall"]) * int(row["support"]) for row in rows)
    assert right / 10_000 == pytest.approx(facts["metrics"]["test_accuracy"])


@pytest.mark.parametrize("end", ["first", "last"])
def test_which_end_is_held_out(tmp_path: Path, end: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        f'[data]\nvalidation = 0.25\nvalidation_from = "{end}"\n[model]\nlayers = ["average"]\n[train]\nepochs = 1\n'
    )
    recipe = load_recipe(path)
    mnist = load_dataset(recipe, None)
    samples = make_samples(recipe, mnist)
    held_out = slice(15_000) if end == "first" else slice(45_000, None)
    learned = slice(15_000, None) if end == "first" else slice(45_000)
    assert np.array_equal(samples.validation.images, mnist.train_images[held_out])
    assert np.array_equal(samples.train.images, mnist.train_images[learned])
    assert np.array_equal(samples.train.labels, mnist.train_labels[learned])


@pytest.mark.parametrize("file", sorted(RECIPES.glob("*.keras")), ids=lambda path: path.stem)
def test_a_model_beside_its_recipe_is_of_it_and_has_learned(file: Path) -> None:
    """Of 300 test images a teacher has one or two wrong; 6 permit what bfloat16 is on another CPU, and no other model."""
    recipe, model = load_recipe(file.with_suffix(".toml")), load_model(file)
    classes = model.output_shape[-1]
    assert [weight.shape for weight in model.weights] == [w.shape for w in build(recipe.model, classes).weights]
    data = load_dataset(recipe, None)
    wrong = predict(model, data.test_images[:300]).argmax(axis=1) != data.test_labels[:300]
    assert wrong.sum() <= 6
