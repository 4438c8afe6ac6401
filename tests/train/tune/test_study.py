"""The search: its space is proven first, its budget kept, its study goes on, its result is a recipe like any other."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import optuna
import pytest

from edgeproof.errors import GateError, UsageError
from train.__main__ import RECIPES
from train.data import datasets as data
from train.recipe import load_recipe, read_recipe
from train.tune.space import Dimension, own_values, read_tune, with_values
from train.tune.study import Objective, tune

Shell = Callable[..., subprocess.CompletedProcess[str]]

RECIPE = """
[data]
validation = 500

[model]
layers = ["conv 8 5x5 stride 2", "conv 16 3x3 stride 2", "flatten"]
batch_norm_momentum = 0.9

[train]
epochs = 3
seed = 1
batch = 32
learning_rate = 1e-2
warmup_epochs = 0.1
expected_accuracy = 0.97

[train.augment]
shift = 1

[gate]
unread = true

[tune]
trials = 2
epochs = 1
fraction = 0.03

[tune.space]
"train.learning_rate" = { low = 1e-3, high = 2e-2, log = true }
"model.layers[1]" = { low = 8, high = 24, step = 8, text = "conv {} 3x3 stride 2" }
"""
RATE = '"train.learning_rate" = { low = 1e-3, high = 2e-2, log = true }'


def recipe_file(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "slice.toml"
    path.write_text(text)
    return path


def space_of(path: Path) -> tuple[dict[str, Any], Any]:
    source, table = read_recipe(path)
    return table, read_tune(path, source, table)


# --- the space --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '"train.learning_rat" = { low = 1, high = 2 }',
            "unknown 'train.learning_rat'; did you mean 'train.learning_r",
        ),
        ('"train.augment.rotation" = { low = 1, high = 2 }', "did you mean 'train.augment.rotate'"),
        ('"model.layers[3]" = { choices = ["pool"] }', r"unknown 'model.layers\[3\]'"),
        ('"train.epochs" = { low = 1, high = 2 }', "unknown 'train.epochs'"),
        ('"data.validation" = { low = 1, high = 2 }', "unknown 'data.validation'"),
        ('"train.batch" = { low = 1, hihg = 2 }', r"space.train.batch: unknown key 'hihg'; did you mean 'high'"),
        ('"train.batch" = { low = 1 }', "expected low and high, or choices"),
        ('"train.batch" = { low = 3, high = 3 }', "expected low below high, found 3 and 3"),
        ('"train.batch" = { low = 0, high = 3, log = true }', "log goes with a low above 0"),
        ('"train.batch" = { low = 1, high = 3, step = 0.5 }', "step: expected a whole number"),
        ('"train.batch" = { low = 1, high = 3, choices = [1] }', "choices go with nothing else"),
        ('"train.batch" = { choices = [[1]] }', r"expected numbers, words or true and false, found \[1\]"),
        ('"model.layers[0]" = { low = 1, high = 3, text = "conv 3x3" }', r"text: expected {} once, found 'conv 3x3'"),
        ('"train.batch" = { low = 16.0, high = 32.0 }', "'train.batch' cannot be 16.0: .*expected int, found float"),
        ('"train.label_smoothing" = { low = 0.0, high = 2.0 }', "'train.label_smoothing' cannot be 2.0: .*at most 1"),
        ('"train.optimizer" = { choices = ["adam", "sgd"] }', "'train.optimizer' cannot be 'sgd'"),
    ],
)
def test_a_bad_space_is_named_before_any_trial(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        space_of(recipe_file(tmp_path, RECIPE.replace(RATE, line)))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("trials = 2", "trial = 2", r"\[tune\]: unknown key 'trial'; did you mean 'trials'"),
        ("trials = 2", "trials = 0", "trials: expected at least 1, found 0"),
        ("[tune.space]", "[tune.space]\n[other]", r"space: expected at least one value"),
        ("[tune]", "[convert]", r"expected a section \[tune\]"),
    ],
)
def test_a_bad_section_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = RECIPE.replace(old, new).replace("[tune.space]", "[convert.space]" if "convert" in new else "[tune.space]")
    with pytest.raises(UsageError, match=said):
        space_of(recipe_file(tmp_path, text))


def test_the_recipe_itself_is_a_point_of_the_space(tmp_path: Path) -> None:
    table, settings = space_of(recipe_file(tmp_path))
    assert own_values(table, settings) == {"train.learning_rate": 0.01, "model.layers[1]": 16}
    changed = with_values(table, settings, {"train.learning_rate": 0.002, "model.layers[1]": 24})
    assert changed["model"]["layers"][1] == "conv 24 3x3 stride 2"
    assert changed["train"]["learning_rate"] == 0.002
    assert table == tomllib.loads(RECIPE)  # the original is as it was


@pytest.mark.parametrize(
    ("dimension", "written", "value"),
    [
        (Dimension(low=8, high=24, step=8), 16, 16),
        (Dimension(low=8, high=24, step=8), 17, None),
        (Dimension(low=8, high=24), 32, None),
        (Dimension(low=0.0, high=1.0), 0.25, 0.25),
        (Dimension(choices=("a", "b")), "b", "b"),
        (Dimension(choices=("a", "b")), "c", None),
        (Dimension(low=1, high=9, text="conv {} 3x3"), "conv 7 3x3", 7),
        (Dimension(low=1, high=9, text="conv {} 3x3"), "dense 7", None),
    ],
)
def test_reading_a_value_back(dimension: Dimension, written: Any, value: Any) -> None:
    assert dimension.read(written) == value


def test_shipped_spaces_are_sound() -> None:
    shipped = [path for path in RECIPES.glob("*.toml") if "\n[tune]\n" in path.read_text()]
    assert shipped
    for path in shipped:
        table, settings = space_of(path)
        assert own_values(table, settings).keys() == settings.space.keys(), path  # begins with the recipe as it is


# --- studies ----------------------------------------------------------------------------------------------------------


def trials_of(folder: Path) -> list[optuna.trial.FrozenTrial]:
    backend = optuna.storages.journal.JournalFileBackend(str(folder / "study.log"))
    storage = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name=None, storage=storage).trials


@pytest.mark.slow
def test_a_study_goes_on_and_writes_a_recipe(tmp_path: Path, seed: int) -> None:
    text = RECIPE.replace("seed = 1", f"seed = {seed}")
    path, folder = recipe_file(tmp_path, text), tmp_path / "runs/slice-tune"
    best = tune(path, tmp_path / "runs")
    assert best == folder / "slice-tuned.toml"
    first, second = trials_of(folder)
    assert first.params == {"train.learning_rate": 0.01, "model.layers[1]": 16}  # the recipe as it stands
    assert first.value is not None
    assert 0.7 < first.value < 1  # one epoch on 1785 images
    assert second.params != first.params

    tune(path, tmp_path / "runs")  # has its two trials
    assert len(trials_of(folder)) == 2
    tune(path, tmp_path / "runs", trials=3)
    found = trials_of(folder)
    assert [trial.state.is_finished() for trial in found] == [True] * 3
    assert found[0].datetime_start == first.datetime_start

    highest = max(trial.value or 0 for trial in found)
    recipe = load_recipe(best)
    (winner, *_) = (trial for trial in found if trial.params["train.learning_rate"] == recipe.train.learning_rate)
    assert winner.value == highest
    assert recipe.model.layers[1] == f"conv {winner.params['model.layers[1]']} 3x3 stride 2"
    assert (recipe.train.epochs, recipe.train.augment.shift, recipe.data.fraction) == (3, 1, 1)  # a trial was shorter
    assert (recipe.name, recipe.train.expected_accuracy) == ("slice-tuned", 0)
    assert tomllib.loads(best.read_text())["gate"] == {"unread": True}
    assert (folder / "history.png").stat().st_size > 5000
    assert (folder / "importance.png").stat().st_size > 5000

    path.write_text(text.replace("high = 24", "high = 32"))
    with pytest.raises(UsageError, match="expected a study of this recipe and space, found one of another"):
        tune(path, tmp_path / "runs", trials=4)


@pytest.mark.slow
def test_over_budget_is_not_trained(tmp_path: Path) -> None:
    text = RECIPE.replace("trials = 2", "trials = 2\nmax_parameters = 10_000\nmax_macs = 60_000")
    path = recipe_file(tmp_path, text)
    with pytest.raises(GateError, match=r"none of 2 trials was trained to its end: .*macs, at most 60,000 are allowed"):
        tune(path, tmp_path / "runs")
    for trial in trials_of(tmp_path / "runs/slice-tune"):
        assert trial.state == optuna.trial.TrialState.PRUNED
        assert trial.intermediate_values == {}
        assert trial.user_attrs["parameters"] > 4000


def test_a_layer_of_unknown_cost_and_a_limit_on_it_do_not_go_together(tmp_path: Path) -> None:
    path = recipe_file(tmp_path, RECIPE.replace("trials = 2", "trials = 2\nmax_macs = 60_000"))
    source, table = read_recipe(path)
    objective = Objective(path, source, table, read_tune(path, source, table), runs=tmp_path)
    image = keras.Input((28, 28))
    model = keras.Model(image, keras.layers.Conv1D(4, 3)(image))
    with pytest.raises(UsageError, match="max_macs: how many a layer Conv1D needs is not known; search without it"):
        objective._keep_within_budget(optuna.trial.FixedTrial({}), model)


def test_a_trial_has_no_test_images(tmp_path: Path) -> None:
    path = recipe_file(tmp_path)
    source, table = read_recipe(path)
    objective = Objective(path, source, table, read_tune(path, source, table), runs=tmp_path)
    samples = objective.samples(load_recipe(path))
    assert len(samples.test) == 0
    assert (samples.validation.images == data.load("mnist").train_images[-500:]).all()


@pytest.mark.slow
@pytest.mark.soak
def test_two_processes_share_a_data_base(shell: Shell, tmp_path: Path) -> None:
    path, storage = recipe_file(tmp_path), f"sqlite:///{tmp_path}/study.db"
    flags = ("--runs", tmp_path / "runs", "--storage", storage, "--jobs", "2")
    shell("python", "-m", "train", "tune", path, *flags)
    trials = optuna.load_study(study_name="slice", storage=storage).get_trials()
    assert 2 <= len([trial for trial in trials if trial.value is not None]) <= 3  # each may have been at one more
    assert load_recipe(tmp_path / "runs/slice-tune/slice-tuned.toml").name == "slice-tuned"
