"""python -m benchmarks VERB: measure a bundle, print the README's table, make the sample media."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeproof import command


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=command.Formatter
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    run = verbs.add_parser(
        "run", help="measure a bundle on this machine: table, JSON, plot", formatter_class=command.Formatter
    )
    from edgeproof import bench

    bench.add_arguments(run)
    run.add_argument(
        "--out", type=Path, default=Path("results"), help="folder of results: OUT/<machine>/<time>.json and .png"
    )
    run.set_defaults(verb=_run)

    table = verbs.add_parser("table", help="the README's results table, in Markdown", formatter_class=command.Formatter)
    table.add_argument(
        "bundle", nargs="?", type=Path, metavar="BUNDLE", help="left out: the one that edgeproof carries"
    )
    table.add_argument("--results", type=Path, default=Path("results"), help="folder that `run` wrote")
    table.add_argument("--write", type=Path, metavar="FILE", help="replace the table between the markers in FILE")
    table.set_defaults(verb=_table)

    scenes = verbs.add_parser("scenes", help="make the sample picture and film", formatter_class=command.Formatter)
    scenes.add_argument("--run", type=Path, required=True, help="run folder whose test.npz gives the handwriting")
    scenes.add_argument("--out", type=Path, default=Path("samples"), help="where to write")
    scenes.add_argument("--seed", type=int, default=1, help="the same seed gives the same scenes")
    scenes.set_defaults(verb=_scenes)

    from benchmarks import speed

    pipeline = verbs.add_parser(
        "pipeline", help="reading a frame, beside a bare script and the tutorial's", description=speed.__doc__,
        formatter_class=command.Formatter,
    )  # fmt: skip
    speed.add_arguments(pipeline)
    pipeline.set_defaults(verb=_pipeline)
    return command.run(parser, argv)


def _run(args: argparse.Namespace) -> int:
    from benchmarks import results

    return results.run(args)


def _table(args: argparse.Namespace) -> int:
    from benchmarks import table

    return table.run(args)


def _scenes(args: argparse.Namespace) -> int:
    from benchmarks import scenes

    for path in scenes.make_samples(args.run, args.out, args.seed):
        print(path)
    return 0


def _pipeline(args: argparse.Namespace) -> int:
    from benchmarks import speed

    return speed.run(args)


if __name__ == "__main__":
    sys.exit(main())
