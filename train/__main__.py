"""`python -m train run RECIPE`: the command line, nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from edgeproof import command
from edgeproof.errors import UsageError

RECIPES = Path(__file__).parent / "recipes"


def parser() -> argparse.ArgumentParser:
    program = argparse.ArgumentParser("python -m train", description=__doc__, formatter_class=command.Formatter)
    verbs = program.add_subparsers(required=True, metavar="VERB")
    run = verbs.add_parser("run", help="train one recipe into a run folder", formatter_class=command.Formatter)
    run.add_argument("recipe", help="a .toml file, or the name of one of the project's recipes")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the run folders")
    run.add_argument("--data-dir", type=Path, help="folder with the data set's IDX or npz files, instead of fetching")
    run.add_argument("--overwrite", action="store_true", help="replace an existing run of this name")
    override = run.add_argument_group("override single values of the recipe")
    override.add_argument("--name", help="name of the run (default: the recipe's)")
    override.add_argument("--epochs", type=int)
    override.add_argument("--batch", type=int)
    override.add_argument("--seed", type=int)
    override.add_argument("--fraction", type=float, help="share of the training images, in (0, 1]")
    override.add_argument("--target-accuracy", type=float, help="refuse to publish below this, in [0, 1]")
    run.set_defaults(verb=_run)
    return program


def _run(args: argparse.Namespace) -> None:
    from train.recipe import load_recipe

    overrides = {key: getattr(args, key) for key in ("name", "epochs", "batch", "seed", "fraction", "target_accuracy")}
    path = recipe_path(args.recipe)
    recipe = load_recipe(path, **overrides)

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greeting, and its regret that there is no GPU
    from train.run import train  # TensorFlow takes seconds to import: only once the recipe is known to be good

    train(recipe, args.runs, path.parent, data_dir=args.data_dir, overwrite=args.overwrite)


def recipe_path(word: str) -> Path:
    """The file that `word` means: a path if it looks like one, else one of the project's recipes."""
    path = Path(word)
    if path.suffix == ".toml" or len(path.parts) > 1:
        return path
    if not word:
        raise UsageError("expected a recipe, found an empty name")
    return RECIPES / f"{word}.toml"


if __name__ == "__main__":
    sys.exit(command.run(parser()))
