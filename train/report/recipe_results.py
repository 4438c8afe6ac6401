"""What the project's recipes reached when they were run: `measured.json`, and the table made of it.

A run counts when its recipe is still the one in the folder, whatever its comments and expectations say now, and
nothing of it was overridden. Recipes without such a run keep the figures that they had.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeproof.run_folder import read_facts
from edgeproof.support.files import replace_between, write_atomic
from edgeproof.support.tables import from_table, to_table
from train.data.own import NAME as OWN
from train.recipe import Recipe, load_recipe

BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


@dataclass(frozen=True)
class RecipeResult:
    """One recipe's run. The test set was read once, after the training."""

    data: str
    correct: int
    """Test images answered right, of `images`."""
    images: int
    parameters: int
    keras_bytes: int
    """Size of model.keras."""
    epochs: int
    minutes: float
    """Wall time of the whole run, on 2 cores that others may have used too."""


def update(recipes: Path, runs: Path) -> dict[str, RecipeResult]:
    """The measured values of all recipes in the folder `recipes`, with those of the runs in `runs` brought in."""
    file = recipes / "measured.json"
    table = json.loads(file.read_text()) if file.is_file() else {}
    results = {name: from_table(RecipeResult, values, f"{file} {name}") for name, values in table.items()}
    for path in sorted(recipes.glob("*.toml")):
        found = _of_run(runs / path.stem, load_recipe(path))
        if found:
            results[path.stem] = found
    known = {path.stem for path in recipes.glob("*.toml")}
    results = {name: results[name] for name in sorted(known & results.keys())}
    write_atomic(file, (json.dumps(to_table(results), indent=2) + "\n").encode())
    return results


def write_table(file: Path, table: str) -> None:
    """Put `table` between the two markers of `file`. Raises UsageError when they are not there."""
    write_atomic(file, replace_between(file.read_text(encoding="utf-8"), BEGIN, END, table, str(file)).encode())


def markdown(recipes: Path, results: dict[str, RecipeResult]) -> str:
    """One row per recipe in the folder, the best on each data set first; those never run at the end."""
    rows = ["| recipe | data | test accuracy | 95 % interval | parameters | `.keras` KB | epochs | minutes |"]
    rows.append("|---|---|---:|---:|---:|---:|---:|---:|")
    ranked = sorted(
        results.items(), key=lambda item: (item[1].data != "mnist", item[1].data, -item[1].correct / item[1].images)
    )
    rows += [_row(name, values) for name, values in ranked]
    shipped = {path.stem: load_recipe(path) for path in sorted(recipes.glob("*.toml"))}
    missing = [name for name in shipped if name not in results and shipped[name].data.name != OWN]  # whose images?
    rows += [f"| [`{name}`]({name}.toml) | | not measured | | | | | |" for name in missing]
    return "\n".join(rows)


def _row(name: str, values: RecipeResult) -> str:
    from scipy.stats import binomtest

    interval = binomtest(values.correct, values.images).proportion_ci(method="wilson")
    return (
        f"| [`{name}`]({name}.toml) | {values.data} | {100 * values.correct / values.images:.2f} % "
        f"| {100 * interval.low:.2f}–{100 * interval.high:.2f} % | {values.parameters:,} | {values.keras_bytes / 1000:,.0f} "
        f"| {values.epochs} | {values.minutes:.1f} |"
    )


def _of_run(run: Path, recipe: Recipe) -> RecipeResult | None:
    """What the run of `recipe` reached, or None when there is none that counts."""
    if not all(
        (run / name).is_file() for name in ("run.json", "recipe.toml", "test.npz", "history.csv", "model.keras")
    ):
        return None
    facts: dict[str, Any] = read_facts(run)
    if facts.get("overrides") or load_recipe(run / "recipe.toml").job != recipe.job:
        return None
    with np.load(run / "test.npz") as test:
        correct = int((test["logits"].argmax(axis=1) == test["labels"]).sum())
    epochs = len((run / "history.csv").read_text().splitlines()) - 1
    if epochs < recipe.train.epochs and not recipe.train.patience:
        return None
    return RecipeResult(
        data=facts["data"]["name"],
        correct=correct,
        images=facts["data"]["test"],
        parameters=facts["parameters"],
        keras_bytes=(run / "model.keras").stat().st_size,
        epochs=epochs,
        minutes=round(facts["wall_s"] / 60, 1),
    )
