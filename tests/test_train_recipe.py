"""Recipes: each shipped one parses, and a mistake in one is named before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproof.errors import UsageError
from train.__main__ import RECIPES
from train.recipe import load_recipe

SMALLEST = '[model]\nlayers = ["average"]\n[train]\nepochs = 3\n'


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_parse(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.source == path.read_bytes()
    assert recipe.train.target_accuracy > 0.9
    assert recipe.train.expected_accuracy >= recipe.train.target_accuracy
    assert recipe.train.expected_minutes > 0
    for teacher in recipe.train.distill.teachers if recipe.train.distill else ():
        assert (RECIPES / f"{teacher}.toml").is_file()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALLEST + "epoch = 4", r"\[train\]: unknown key 'epoch'; did you mean 'epochs'\?"),
        (SMALLEST + "[train.augment]\nrotation = 3", "unknown key 'rotation'; did you mean 'rotate'"),
        (SMALLEST + "[modell]\n", r"unknown section \[modell\]; did you mean 'model'"),
        (SMALLEST.replace("3", "0"), "epochs: expected at least 1, found 0"),
        (SMALLEST.replace("3", '"3"'), "epochs: expected int, found str"),
        (SMALLEST + "batch = 0", "batch: expected at least 1, found 0"),
        (SMALLEST + "learning_rate = 0", "learning_rate: expected above 0"),
        (SMALLEST + "[data]\nfraction = 1.5", "fraction: expected above 0 and at most 1, found 1.5"),
        (SMALLEST + '[data]\nglyph = "none"\nnegatives = 5', "neither through_glyph nor negatives"),
        (SMALLEST + "[train.distill]\nteachers = []", "at least one teacher"),
        ("[train]\nepochs = 1", "missing key 'layers'"),
        ("epochs = ", "expected a TOML file"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said) as error:
        load_recipe(path)
    assert "mine.toml" in str(error.value)


def test_other_stages_sections_are_left_unread(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALLEST + "[convert]\nanything = 1\n[gate]\nsize_kb = 64\n")
    assert b"size_kb" in load_recipe(path).source


def test_overrides_replace_single_values(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALLEST)
    recipe = load_recipe(path, name="other", epochs=7, fraction=0.5, seed=None)
    assert (recipe.name, recipe.train.epochs, recipe.data.fraction, recipe.train.seed) == ("other", 7, 0.5, 1)
    assert recipe.sha256 == load_recipe(path).sha256
    with pytest.raises(UsageError, match="epochs: expected at least 1, found 0"):
        load_recipe(path, epochs=0)


def test_missing_recipe_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "digits.toml").write_text(SMALLEST)
    with pytest.raises(UsageError, match=r"no recipe .*digit\.toml; did you mean 'digits'"):
        load_recipe(tmp_path / "digit.toml")
