"""Recipes: each shipped one parses, and a mistake in one is named before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeproof.errors import UsageError
from train.__main__ import RECIPES
from train.recipe import load_recipe

SMALLEST = '[model]\nlayers = ["average"]\n[train]\nepochs = 3\n'
PICTURES = '[data]\nresize = "stretch"\n'


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_parse(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.source == path.read_bytes()
    assert f"# python -m train run {path.stem}" in path.read_text().splitlines()[0]
    if recipe.data.name == "cifar-10":  # cannot be had without the internet: nothing is said that was not measured
        assert recipe.train.target_accuracy >= 0.5
        assert "Not measured yet" in path.read_text()
    elif recipe.data.name != "own":  # nobody knows what is in a user's images
        assert recipe.train.target_accuracy >= (0.7 if recipe.data.per_class else 0.9)
        assert recipe.train.expected_accuracy >= recipe.train.target_accuracy
        assert recipe.train.expected_minutes > 0
    for teacher in recipe.train.distill.teachers if recipe.train.distill else ():
        assert (RECIPES / f"{teacher}.toml").is_file()


@pytest.mark.parametrize(("glyph", "resize"), [("ink-1", "ink-1"), ("none", "stretch")])
def test_the_key_of_when_images_were_28_by_28_is_understood(tmp_path: Path, glyph: str, resize: str) -> None:
    file = tmp_path / "old.toml"
    file.write_text(SMALLEST + f'[data]\nglyph = "{glyph}"')
    assert load_recipe(file).data.resize == resize


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
        (SMALLEST + '[data]\nglyph = "none"\nnegatives = 5', "neither through_glyph nor hands nor negatives"),
        (SMALLEST + '[data]\nglyph = "none"\nhands = 5', "neither through_glyph nor hands nor negatives"),
        (SMALLEST + '[data]\nglyph = "nome"', "unknown key 'glyph'"),
        (SMALLEST + '[data]\nglyph = "none"\nresize = "fit"', "unknown key 'glyph'"),
        (SMALLEST + "freeze = 2", "freeze: goes with init_from"),
        (SMALLEST + 'init_from = "digits"\nfreeze = "head"', "freeze: expected one of 'features', found 'head'"),
        (SMALLEST + "[train.distill]\nteachers = []", "at least one teacher"),
        ("[train]\nepochs = 1", r"\[model\]: expected either layers or model = "),
        (SMALLEST.replace("[train]", 'model = "a:b"\n[train]'), r"\[model\]: expected either layers or model = "),
        ('[model]\nmodel = "a:b"\nprecision = "bfloat16"\n[train]\nepochs = 1', "precision: goes with layers"),
        (SMALLEST + 'optimizer = "sgd"', "optimizer: expected one of 'adamw', 'adam', 'rmsprop', found 'sgd'"),
        (SMALLEST + "decay = 1e-4", 'decay: goes with schedule = "inverse-time", found "cosine"'),
        (SMALLEST + "[data]\nvalidation = 1.5", "validation: expected above 0 and at most 1, found 1.5"),
        (SMALLEST + "[data]\nvalidation = 0", "validation: expected at least 1, found 0"),
        (SMALLEST + '[data]\npath = "x"', 'path, and --data, go with name = "own", found "mnist"'),
        (SMALLEST + '[data]\nname = "own"\nnegatives = 5', "fill a class named reject instead"),
        (
            SMALLEST + "[train.augment]\nflip = true",
            "expected what goes with ink, .* found what goes with pictures only: flip",
        ),
        (SMALLEST + PICTURES + "[train.augment]\nstroke = 0.2\nbroken = 1", "goes with ink only: stroke, broken"),
        (SMALLEST + PICTURES + "[train.augment]\nhue = 200", "hue: expected at least 0 and at most 180, found 200"),
        (
            SMALLEST.replace("[train]", 'batch_norm = "behind"\n[train]'),
            "expected one of 'before', 'after', found 'behind'",
        ),
        (SMALLEST.replace("[train]", 'activation = "tanh"\n[train]'), "expected one of 'relu', 'relu6', 'hard-swish'"),
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


def test_the_example_of_larger_pictures_is_a_recipe(tmp_path: Path) -> None:
    lines = (RECIPES / "README.md").read_text().splitlines()
    path = tmp_path / "pictures.toml"
    path.write_text("\n".join(line[4:] for line in lines if line.startswith("    ")))
    assert load_recipe(path).contract().tensor_shape == (96, 96, 3)


def test_colours_are_changed_where_there_are_some(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALLEST + PICTURES + "[train.augment]\nhue = 20\n")
    assert load_recipe(path).contract((32, 32, 3)).channels == 3
    with pytest.raises(UsageError, match=r"mine: \[train.augment\] hue: expected colour, found 32×32×1 stretch"):
        load_recipe(path).contract((32, 32))


def test_overrides_replace_single_values(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALLEST)
    recipe = load_recipe(path, name="other", epochs=7, fraction=0.5, seed=None)
    assert (recipe.name, recipe.train.epochs, recipe.data.fraction, recipe.train.seed) == ("other", 7, 0.5, 1)
    assert recipe.sha256 == load_recipe(path).sha256
    with pytest.raises(UsageError, match="epochs: expected at least 1, found 0"):
        load_recipe(path, epochs=0)


def test_a_function_of_ones_own_stands_for_the_section(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('model = "package.module:build"\n[train]\nepochs = 3\n')
    assert load_recipe(path).model.model == "package.module:build"


def test_run_json_gets_the_overrides_but_no_place_on_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALLEST + '[data]\nname = "own"\n')
    recipe = load_recipe(path, path="/home/somebody/pictures", epochs=7, seed=None)
    assert recipe.data.path == "/home/somebody/pictures"
    assert recipe.overrides == {"epochs": 7}


def test_missing_recipe_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "digits.toml").write_text(SMALLEST)
    with pytest.raises(UsageError, match=r"no recipe .*digit\.toml; did you mean 'digits'"):
        load_recipe(tmp_path / "digit.toml")
