"""The table of measured recipes: only runs of the very recipe count, and nothing that was measured is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.errors import UsageError
from train.__main__ import RECIPES
from train.report.recipe_results import BEGIN, END, RecipeResult, markdown, update, write_table

RECIPE = '[model]\nlayers = ["average"]\n[train]\nepochs = 3\n'


def run_folder(runs: Path, name: str, recipe: str = RECIPE, correct: int = 90, **facts: Any) -> None:
    """What the table reads of a run that answered `correct` of 100 test images right."""
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(recipe)
    (folder / "history.csv").write_text("epoch,loss\n0,1\n1,1\n2,1\n")
    (folder / "model.keras").write_bytes(b"x" * 4000)
    logits = np.eye(2, dtype=np.float32)[[0] * correct + [1] * (100 - correct)]
    np.savez(folder / "test.npz", images=np.zeros((100, 28, 28), np.uint8), labels=np.zeros(100, int), logits=logits)
    known = {"schema": 2, "data": {"name": "mnist", "test": 100}, "parameters": 123, "wall_s": 90.0, "overrides": {}}
    (folder / "run.json").write_text(json.dumps(known | facts))


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    folder = tmp_path / "recipes"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.toml").write_text(RECIPE)
    return folder


def test_a_run_is_measured(tmp_path: Path, recipes: Path) -> None:
    run_folder(tmp_path / "runs", "one")
    expected = RecipeResult("mnist", correct=90, images=100, parameters=123, keras_bytes=4000, epochs=3, minutes=1.5)
    assert update(recipes, tmp_path / "runs") == {"one": expected}
    rows = markdown(recipes, {"one": expected}).splitlines()
    # Wilson's interval of 90 of 100, from the formula: 82.56 to 94.48 %.
    assert rows[2] == "| [`one`](one.toml) | mnist | 90.00 % | 82.56–94.48 % | 123 | 4 | 3 | 1.5 |"
    assert rows[3].startswith("| [`two`](two.toml) | | not measured |")


def test_what_was_measured_stays_when_the_run_is_gone(tmp_path: Path, recipes: Path) -> None:
    run_folder(tmp_path / "runs", "one")
    first = update(recipes, tmp_path / "runs")
    assert update(recipes, tmp_path / "nothing") == first


def test_a_new_run_replaces_the_old_figures(tmp_path: Path, recipes: Path) -> None:
    run_folder(tmp_path / "old", "one")
    run_folder(tmp_path / "new", "one", correct=95)
    update(recipes, tmp_path / "old")
    assert update(recipes, tmp_path / "new")["one"].correct == 95


def test_figures_of_a_recipe_that_is_gone_are_dropped(tmp_path: Path, recipes: Path) -> None:
    run_folder(tmp_path / "runs", "one")
    update(recipes, tmp_path / "runs")
    (recipes / "one.toml").unlink()
    assert update(recipes, tmp_path / "runs") == {}


def test_comments_and_expectations_may_change(tmp_path: Path, recipes: Path) -> None:
    run_folder(tmp_path / "runs", "one", recipe=f"# of another day\n{RECIPE}expected_accuracy = 0.9\n")
    assert update(recipes, tmp_path / "runs")


@pytest.mark.parametrize(
    ("recipe", "facts"),
    [
        (RECIPE.replace("3", "2"), {}),  # another recipe of this name
        (RECIPE, {"overrides": {"fraction": 0.1}}),
    ],
)
def test_a_run_of_something_else_does_not_count(
    tmp_path: Path, recipes: Path, recipe: str, facts: dict[str, Any]
) -> None:
    run_folder(tmp_path / "runs", "one", recipe=recipe, **facts)
    assert update(recipes, tmp_path / "runs") == {}


def test_a_run_cut_short_does_not_count(tmp_path: Path, recipes: Path) -> None:
    run_folder(tmp_path / "runs", "one")
    (tmp_path / "runs/one/history.csv").write_text("epoch,loss\n0,1\n")
    assert update(recipes, tmp_path / "runs") == {}


def test_half_a_run_does_not_count(tmp_path: Path, recipes: Path) -> None:
    run_folder(tmp_path / "runs", "one")
    (tmp_path / "runs/one/recipe.toml").unlink()
    assert update(recipes, tmp_path / "runs") == {}


def test_written_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_table(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text("no markers")
    with pytest.raises(UsageError, match="expected the lines <!-- measured -->"):
        write_table(page, "new")


def test_the_shipped_table_is_the_shipped_figures() -> None:
    stored = json.loads((RECIPES / "measured.json").read_text())
    table = markdown(RECIPES, {name: RecipeResult(**values) for name, values in stored.items()})
    assert f"{BEGIN}\n{table}\n{END}" in (RECIPES / "README.md").read_text(), "python -m train table --write it"
