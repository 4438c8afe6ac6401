"""`python -m train run RECIPE` and its companions: the command line, nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TypeAlias

from edgeproof.errors import UsageError
from edgeproof.support import command
from edgeproof.support.native_output import quiet_import

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

OVERRIDES = (
    "name",
    "epochs",
    "batch",
    "seed",
    "fraction",
    "target_accuracy",
    "patience",
    "deterministic",
    "path",
    "strict",
)
RECIPES = Path(__file__).parent / "recipes"


def parser() -> argparse.ArgumentParser:
    program = argparse.ArgumentParser("python -m train", description=__doc__, formatter_class=command.Formatter)
    verbs = program.add_subparsers(required=True, metavar="VERB")
    for add in (
        _add_run, _add_look, _add_summary, _add_pages, _add_scorer, _add_tune, _add_compare, _add_table, _add_export,
    ):  # fmt: skip
        add(verbs)
    return program


def _add_run(verbs: Verbs) -> None:
    run = verbs.add_parser("run", help="train one recipe into a run folder", formatter_class=command.Formatter)
    run.add_argument("recipe", help="a .toml file, or the name of one of the project's recipes")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the run folders")
    run.add_argument("--data-dir", type=Path, help="folder with the data set's files as published, instead of fetching")
    again = run.add_mutually_exclusive_group()
    again.add_argument("--overwrite", action="store_true", help="replace an existing run of this name, finished or not")
    again.add_argument("--resume", action="store_true", help="go on where an interrupted run of this name ended")
    run.add_argument("--tensorboard", type=Path, metavar="DIR", help="write TensorBoard's logs into DIR/NAME")
    run.add_argument(
        "--distribute",
        choices=("mirrored", "multi-worker"),
        help="on all GPUs of this machine, or on every machine that TF_CONFIG names: start it on each of them",
    )
    _add_overrides(run.add_argument_group("override single values of the recipe"))
    run.set_defaults(verb=_run)


def _add_overrides(override: argparse._ArgumentGroup) -> None:
    override.add_argument("--name", help="name of the run (default: the recipe's)")
    override.add_argument("--epochs", type=int)
    override.add_argument("--batch", type=int)
    override.add_argument("--seed", type=int)
    override.add_argument("--fraction", type=float, help="share of the training images, in (0, 1]")
    override.add_argument("--target-accuracy", type=float, help="refuse to publish below this, in [0, 1]")
    _data_flags(override)
    override.add_argument("--patience", type=int, help="stop after so many epochs without a better one; 0 for never")
    override.add_argument(
        "--deterministic", action="store_true", default=None, help="two runs on CPU give bit-equal weights"
    )


def _add_look(verbs: Verbs) -> None:
    look = verbs.add_parser(
        "look", help="write a picture of what the model will see, without training", formatter_class=command.Formatter
    )
    look.add_argument("recipe", help="a .toml file, or the name of one of the project's recipes")
    look.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the picture")
    look.add_argument(
        "--data-dir", type=Path, help="folder with the data set's files as published, instead of fetching"
    )
    _data_flags(look)
    look.set_defaults(verb=_look)


def _add_summary(verbs: Verbs) -> None:
    summary = verbs.add_parser(
        "summary", help="print the layers of a recipe's model, without training", formatter_class=command.Formatter
    )
    summary.add_argument("recipe", help="a .toml file, or the name of one of the project's recipes")
    _data_flags(summary)
    summary.set_defaults(verb=_summary)


def _add_pages(verbs: Verbs) -> None:
    pages = verbs.add_parser(
        "pages", help="draw pages as people photograph them, with their truth", formatter_class=command.Formatter
    )
    pages.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the pages, their labels and a contact sheet"
    )
    pages.add_argument("--count", type=int, default=40, help="pages to draw")
    pages.add_argument("--seed", type=int, default=0, help="of the first page; each further one has the next")
    pages.add_argument("--layout", help="draw only this kind of page")
    pages.add_argument("--data-dir", type=Path, help="folder with MNIST's IDX or npz files, instead of fetching")
    pages.set_defaults(verb=_pages)


def _add_scorer(verbs: Verbs) -> None:
    scorer = verbs.add_parser(
        "scorer", help="fit what tells digits on a page from other things", formatter_class=command.Formatter
    )
    scorer.add_argument("--bundle", type=Path, help="whose model reads the pages (default: the wheel's)")
    scorer.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the file for: python -m convert attach"
    )
    scorer.add_argument("--pages", type=int, default=6000, help="drawn pages to fit on")
    scorer.add_argument("--seed", type=int, default=1, help="of the first page")
    scorer.add_argument("--data-dir", type=Path, help="folder with MNIST's IDX or npz files, instead of fetching")
    scorer.add_argument("--overwrite", action="store_true", help="replace an existing file")
    scorer.set_defaults(verb=_scorer)


def _add_tune(verbs: Verbs) -> None:
    tune = verbs.add_parser(
        "tune", help="search the space that a recipe's [tune] declares", formatter_class=command.Formatter
    )
    tune.add_argument("recipe", help="a .toml file with a section [tune], or the name of one of the project's recipes")
    tune.add_argument("--runs", type=Path, default=Path("runs"), help="folder of NAME-tune/, with the study")
    tune.add_argument(
        "--data-dir", type=Path, help="folder with the data set's files as published, instead of fetching"
    )
    tune.add_argument("--trials", type=int, help="in all, with those that the study has (default: the recipe's)")
    tune.add_argument("--jobs", type=int, default=1, help="processes on this machine; on others, give the same command")
    tune.add_argument("--storage", help="a file, or an Optuna URL such as sqlite:///study.db, that all processes share")
    _data_flags(tune)
    tune.set_defaults(verb=_tune)


COMPARE_EXAMPLES = """examples:
  python -m train compare mlp-128 cnn-32 digits-quick --same-split --fraction 0.1 --epochs 3 --target-accuracy 0 --runs quick
  python -m train compare small.toml large.toml --data FOLDER --plot compared.png
"""


def _add_compare(verbs: Verbs) -> None:
    compare = verbs.add_parser(
        "compare",
        help="train several recipes on one split and hold each against the first",
        epilog=COMPARE_EXAMPLES,
        formatter_class=command.Formatter,
    )
    compare.add_argument("recipes", nargs="+", metavar="RECIPE", help="a .toml file, or one of the project's recipes")
    compare.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs; finished ones are taken")
    compare.add_argument(
        "--data-dir", type=Path, help="folder with the data set's files as published, instead of fetching"
    )
    compare.add_argument("--plot", type=Path, metavar="FILE", help="draw accuracy against multiply-accumulates as PNG")
    compare.add_argument("--write", type=Path, metavar="FILE", help="put the table between the markers of FILE")
    override = compare.add_argument_group("override single values of all recipes")
    override.add_argument(
        "--same-split", action="store_true", help="choose and test by the first recipe's [data] and seed in all of them"
    )
    override.add_argument("--epochs", type=int)
    override.add_argument("--seed", type=int)
    override.add_argument("--fraction", type=float, help="share of the training images, in (0, 1]")
    override.add_argument("--target-accuracy", type=float, help="refuse to publish below this, in [0, 1]")
    _data_flags(override)
    compare.set_defaults(verb=_compare)


def _add_table(verbs: Verbs) -> None:
    table = verbs.add_parser("table", help="what the recipes reached when run", formatter_class=command.Formatter)
    table.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the run folders")
    table.add_argument("--write", type=Path, metavar="FILE", help="put it between the markers of FILE")
    table.set_defaults(verb=_table)


def _add_export(verbs: Verbs) -> None:
    export = verbs.add_parser(
        "export", help="write a run's model alone, also for old tools", formatter_class=command.Formatter
    )
    export.add_argument("run", type=Path, help="run folder")
    target = export.add_mutually_exclusive_group(required=True)
    target.add_argument("--h5", dest="file", type=Path, metavar="FILE", help="the file to write, .h5, in HDF5")
    target.add_argument("--keras", dest="file", type=Path, metavar="FILE", help="the file to write, .keras")
    export.add_argument("--overwrite", action="store_true", help="replace an existing file")
    export.set_defaults(verb=_export)


def _data_flags(group: argparse._ActionsContainer) -> None:
    group.add_argument("--data", dest="path", metavar="PATH", help="own-images: a folder per class, or an .npz")
    group.add_argument("--strict", action="store_true", default=None, help="own-images: no picture may be unreadable")


def _run(args: argparse.Namespace) -> None:
    from train.recipe import load_recipe

    overrides = {key: getattr(args, key) for key in OVERRIDES}
    path = recipe_path(args.recipe)
    recipe = load_recipe(path, **overrides)

    _quiet()
    team = None
    if args.distribute:
        from train.fit.distribute import join

        team = join(args.distribute)
    from train.run import train  # TensorFlow takes seconds to import: only once the recipe is known to be good

    train(
        recipe,
        args.runs,
        path.parent,
        data_dir=args.data_dir,
        overwrite=args.overwrite,
        resume=args.resume,
        tensorboard=args.tensorboard,
        team=team,
    )


def _look(args: argparse.Namespace) -> None:
    from train.recipe import load_recipe

    recipe = load_recipe(recipe_path(args.recipe), path=args.path, strict=args.strict)
    _quiet()
    from train.report.preview import preview

    preview(recipe, args.runs, args.data_dir)


def _summary(args: argparse.Namespace) -> None:
    from train.recipe import load_recipe

    recipe = load_recipe(recipe_path(args.recipe), path=args.path, strict=args.strict)
    _quiet()
    from train.report.model_summary import summary, untrained

    print(summary(untrained(recipe)))


def _pages(args: argparse.Namespace) -> None:
    from train.data.pages.command import write_pages

    write_pages(args.out, args.count, args.seed, args.layout, args.data_dir)


def _scorer(args: argparse.Namespace) -> None:
    if args.pages < 1:
        raise UsageError(f"--pages: expected at least 1, found {args.pages}")
    from train.scorer.command import fit_scorer

    scorer = fit_scorer(
        args.bundle, args.out, pages=args.pages, seed=args.seed, data_dir=args.data_dir, overwrite=args.overwrite
    )
    held_out = scorer.held_out
    print(
        f"{args.out}: on {held_out.pages} pages, of layouts that it was not fitted on, {held_out.read.count:,} of "
        f"{held_out.read.of:,} digits are read, {held_out.wrong.count:,} of {held_out.wrong.of:,} answers are wrong"
    )


def _tune(args: argparse.Namespace) -> None:
    for name in ("trials", "jobs"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise UsageError(f"--{name}: expected at least 1, found {getattr(args, name)}")
    from train.recipe import read_recipe
    from train.tune.space import read_tune

    path = recipe_path(args.recipe)
    read_tune(path, *read_recipe(path))
    _quiet()
    from train.tune.study import tune

    tune(
        path,
        args.runs,
        trials=args.trials,
        jobs=args.jobs,
        storage=args.storage,
        data_dir=args.data_dir,
        path=args.path,
        strict=args.strict,
    )


def _compare(args: argparse.Namespace) -> None:
    from train.recipe import SPLIT, load_recipe

    overrides = {key: getattr(args, key) for key in ("epochs", "seed", "fraction", "target_accuracy", "path", "strict")}
    paths = [recipe_path(word) for word in args.recipes]
    recipes = [load_recipe(paths[0], **overrides)]
    if args.same_split:
        overrides |= {key: getattr(recipes[0].data, key) for key in SPLIT} | {"seed": recipes[0].train.seed}
    recipes += [load_recipe(path, **overrides) for path in paths[1:]]
    _quiet()
    from train.compare import compare_recipes

    compare_recipes(
        list(zip(paths, recipes, strict=True)), args.runs, data_dir=args.data_dir, plot=args.plot, write=args.write
    )


def _table(args: argparse.Namespace) -> None:
    from train.report import recipe_results

    text = recipe_results.markdown(RECIPES, recipe_results.update(RECIPES, args.runs))
    if args.write is None:
        print(text)
    else:
        recipe_results.write_table(args.write, text)


def _export(args: argparse.Namespace) -> None:
    _quiet()
    from train.export import export

    export(args.run, args.file, overwrite=args.overwrite)


def _quiet() -> None:
    """TensorFlow without its greeting, and its regret that there is no GPU; TF_CPP_MIN_LOG_LEVEL=0 asks for them."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "0":
        quiet_import("tensorflow")


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
