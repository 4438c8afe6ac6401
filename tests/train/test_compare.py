"""Recipes side by side: only on one split, by their finished runs, with a paired test on the same test images."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeproof.errors import IntegrityError, UsageError
from edgeproof.input_contract import InputContract
from edgeproof.run_folder import read_test
from train import compare
from train.__main__ import parser
from train.compare import BEGIN, END, paired, require_one_split, require_same_job
from train.data.datasets import Dataset
from train.data.samples import load_dataset
from train.recipe import Recipe, load_recipe

RECIPE = """
[data]
{data}
[model]
layers = [{layers}]
[train]
epochs = 1
batch = 32
seed = {seed}
learning_rate = 1e-2
warmup_epochs = 0.1
"""
DATA = "validation = 500\nfraction = 0.05"


def recipe(folder: Path, name: str, data: str = DATA, layers: str = '"flatten"', seed: int = 1) -> Path:
    file = folder / f"{name}.toml"
    file.write_text(RECIPE.format(data=data, layers=layers, seed=seed))
    return file


def loaded(folder: Path, name: str, **changes: object) -> Recipe:
    return load_recipe(recipe(folder, name, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lost", "gained", "p", "verdict"),
    [
        (0, 0, 1.0, "not distinguishable"),
        (3, 2, 1.0, "not distinguishable"),
        (0, 5, 2 / 2**5, "not distinguishable"),
        (0, 6, 2 / 2**6, "better"),
        (10, 0, 2 / 2**10, "worse"),
    ],
)
def test_mcnemar_by_hand(lost: int, gained: int, p: float, verdict: str) -> None:
    first = np.array([True] * lost + [False] * gained + [True] * 30 + [False] * 3)
    other = np.array([False] * lost + [True] * gained + [True] * 30 + [False] * 3)
    found = paired(first, other)
    assert (found.lost, found.gained, found.verdict) == (lost, gained, verdict)
    assert found.p == pytest.approx(p)


OWN = 'name = "own"\npath = "x"\nvalidation = 0.2'


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (
            {},
            {"data": "validation = 400"},
            r"same \[data\] validation, found 400 and 500: --same-split takes the first's",
        ),
        ({}, {"data": f'{DATA}\nname = "fashion-mnist"'}, r"same \[data\] name, found 'fashion-mnist' and 'mnist'$"),
        ({}, {"data": f"{DATA}\nnegatives = 100"}, "same classes, with \"reject\" or without, found 'with'"),
        ({"data": OWN}, {"data": OWN, "seed": 2}, r"same \[train\] seed, found 2 and 1: --same-split"),
    ],
)
def test_another_split_is_refused(tmp_path: Path, one: dict[str, str], other: dict[str, str], said: str) -> None:
    recipes = [loaded(tmp_path, "one", **one), loaded(tmp_path, "two", **other)]
    with pytest.raises(UsageError, match=said) as raised:
        require_one_split(recipes)
    assert str(raised.value).startswith("two and one cannot be compared: ")
    assert "\n" not in str(raised.value)


def test_model_seed_and_training_may_differ(tmp_path: Path) -> None:
    require_one_split([loaded(tmp_path, "one"), loaded(tmp_path, "two", layers='"dense 8"', seed=2)])


def test_one_recipe_alone_or_twice_is_refused(tmp_path: Path) -> None:
    one = loaded(tmp_path, "one")
    for recipes in ([one], [one, one]):
        with pytest.raises(UsageError, match="expected at least two recipes of different names, found one"):
            require_one_split(recipes)


def test_a_run_of_something_else_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "runs/one"
    run.mkdir(parents=True)
    recipe(run, "recipe")
    (run / "run.json").write_text(json.dumps({"schema": 1, "glyph": "ink-1", "overrides": {"fraction": 0.02}}))
    require_same_job(load_recipe(recipe(tmp_path, "one"), fraction=0.02), tmp_path / "runs")
    with pytest.raises(
        UsageError, match=r"runs/one: expected a run of one as it is now, found one with other data\.fraction"
    ):
        require_same_job(load_recipe(recipe(tmp_path, "one")), tmp_path / "runs")


def test_a_damaged_run_is_named(tmp_path: Path) -> None:
    run = tmp_path / "runs/one"
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"schema": 2, "overrides')
    with pytest.raises(IntegrityError, match=r"runs/one/run\.json: is not JSON"):
        require_same_job(load_recipe(recipe(tmp_path, "one")), tmp_path / "runs")


def test_pictures_of_ones_own_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (200, 28, 28), np.uint8)
    np.savez(tmp_path / "x.npz", images=pixels, labels=np.arange(200) % 2)
    data = f'name = "own"\npath = "{tmp_path / "x.npz"}"\nvalidation = 0.2\nresize = "fit"'
    read: list[str] = []

    def told(recipe: Recipe, data_dir: Path | None) -> Dataset:
        read.append(recipe.name)
        return load_dataset(recipe, data_dir)

    monkeypatch.setattr(compare, "load_dataset", told)
    fingerprints: dict[InputContract, str] = {}
    for name, layers in (("one", '"flatten"'), ("two", '"average"'), ("three", '"flatten"]\ninput = [32, 32, 1')):
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        recipe(run, "recipe", data=data, layers=layers)
        each = loaded(tmp_path, name, data=data, layers=layers)
        facts = {"schema": 2, "data": {"fingerprint": load_dataset(each, None).fingerprint}}
        (run / "run.json").write_text(json.dumps(facts))
        require_same_job(each, tmp_path / "runs", None, fingerprints)
    assert read == ["one", "three"]


def test_what_cannot_be_written_or_taken_is_told_before_training(tmp_path: Path) -> None:
    files = [recipe(tmp_path, "one"), recipe(tmp_path, "two")]
    page = tmp_path / "page.md"
    with pytest.raises(UsageError, match=r"page\.md: expected a file with the lines"):
        compared(*files, "--runs", tmp_path / "runs", "--write", page)
    page.write_text("no markers")
    with pytest.raises(UsageError, match="expected the lines <!-- compared -->"):
        compared(*files, "--runs", tmp_path / "runs", "--write", page)
    (tmp_path / "runs/two").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"runs/two: expected a run, found no run\.json"):
        compared(*files, "--runs", tmp_path / "runs")


def compared(*words: str | Path) -> None:
    args = parser().parse_args(["compare", *map(str, words)])
    args.verb(args)


@pytest.mark.slow
def test_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    weak = recipe(tmp_path, "weak", layers='"pool", "flatten"', seed=seed)
    strong = recipe(
        tmp_path, "strong", layers='"conv 8 5x5 stride 2", "flatten"', data="validation = 400", seed=seed + 1
    )
    page, plot, runs = tmp_path / "page.md", tmp_path / "compared.png", tmp_path / "runs"
    page.write_text(f"{BEGIN}\n{END}\n")
    compared(weak, strong, "--same-split", "--runs", runs, "--plot", plot, "--write", page)
    table, said = page.read_text(), capsys.readouterr().out
    assert table.removeprefix(BEGIN).removesuffix(f"{END}\n") in said
    rows = {}
    for line in table.splitlines()[1:-1]:
        _, fact, *cells, _ = (cell.strip() for cell in line.split("|"))
        rows[fact] = cells
    assert rows[""] == ["`weak`", "`strong`"]
    tests = [read_test(runs / name) for name in ("weak", "strong")]
    assert rows["test accuracy"] == [f"{test.correct / 100:.2f} %" for test in tests]
    right = [test.logits.argmax(axis=1) == test.labels for test in tests]
    assert rows["right where the first is wrong"] == ["", f"{(right[1] & ~right[0]).sum():,}"]
    assert rows["wrong where the first is right"] == ["", f"{(right[0] & ~right[1]).sum():,}"]
    assert rows["against the first"] == ["", "better"]  # 80 % and 90 % or so
    assert rows["multiply-accumulates"] == [f"{14 * 14 * 10:,}", f"{14 * 14 * 25 * 8 + 14 * 14 * 8 * 10:,}"]
    assert float(rows["ms per image"][1]) > 0
    assert "By the 500 validation images: strong." in said
    assert cv2.imread(str(plot)) is not None
    compared(weak, strong, "--same-split", "--runs", runs)
    assert "written in" not in capsys.readouterr().out  # finished runs are taken
