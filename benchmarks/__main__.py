"""python -m benchmarks VERB: measure a bundle and its reading, print the README's tables, make the sample media."""

from __future__ import annotations

import argparse
import os
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

    samples = verbs.add_parser("samples", help="make the sample picture and film", formatter_class=command.Formatter)
    samples.add_argument("--run", type=Path, required=True, help="run folder whose test.npz gives the handwriting")
    samples.add_argument("--out", type=Path, default=Path("samples"), help="where to write")
    samples.add_argument("--seed", type=int, default=1, help="the same seed gives the same scenes")
    samples.set_defaults(verb=_samples)

    scenes = verbs.add_parser(
        "scenes", help="robustness: drawn photographs, disturbed in one way each", formatter_class=command.Formatter
    )
    scenes.add_argument("--bundle", type=Path, metavar="DIR", help="left out: the one that edgeproof carries")
    scenes.add_argument("--run", type=Path, required=True, help="run folder whose test.npz gives the handwriting")
    scenes.add_argument("--scenes", type=command.count, default=8, metavar="N", help="scenes per condition")
    scenes.add_argument("--seed", type=int, default=1, help="the same seed gives the same scenes")
    scenes.add_argument("--out", type=Path, default=Path("results"), help="folder of results")
    scenes.add_argument("--write", type=Path, metavar="FILE", help="replace the table between the markers in FILE")
    scenes.add_argument("--keep", type=Path, metavar="DIR", help="write every picture there, with a labels.jsonl")
    scenes.set_defaults(verb=_scenes)

    peers = verbs.add_parser(
        "peers", help="beside other readers of digits, on the same pictures", formatter_class=command.Formatter
    )
    peers.add_argument("--run", type=Path, required=True, help="run folder whose test.npz the scenes are written with")
    peers.add_argument("--bundle", type=Path, metavar="DIR", help="left out: the one that edgeproof carries")
    peers.add_argument("--scenes", type=command.count, default=12, metavar="N", help="drawn scenes")
    peers.add_argument("--seed", type=int, default=1, help="the same seed gives the same scenes")
    peers.add_argument("--pictures", type=Path, metavar="DIR", default=_photos(),
                       help="labelled photographs (labels.jsonl), measured too; EDGEPROOF_PHOTOS names them as well")  # fmt: skip
    peers.add_argument("--training", type=Path, metavar="NPZ", help="images and labels that HOG + SVM learns from")
    peers.add_argument("--tutorial-bundle", type=Path, metavar="DIR", help="a bundle of a tutorial's CNN")
    peers.add_argument("--peer", action="append", help="measure this one; may be given again; left out: all")
    peers.add_argument("--out", type=Path, default=Path("results"), help="folder of results")
    peers.add_argument("--write", type=Path, metavar="FILE", help="replace the table between the markers in FILE")
    peers.set_defaults(verb=_peers)

    from benchmarks import speed

    pipeline = verbs.add_parser(
        "pipeline", help="reading a frame, beside a bare script and the tutorial's", description=speed.__doc__,
        formatter_class=command.Formatter,
    )  # fmt: skip
    speed.add_arguments(pipeline)
    pipeline.set_defaults(verb=_pipeline)

    from benchmarks import touching

    pushed = verbs.add_parser(
        "touching", help="how many groups of touching digits are read", description=touching.__doc__,
        formatter_class=command.Formatter,
    )  # fmt: skip
    touching.add_arguments(pushed)
    pushed.set_defaults(verb=touching.run)
    return command.run(parser, argv)


def _run(args: argparse.Namespace) -> int:
    from benchmarks import results

    return results.run(args)


def _table(args: argparse.Namespace) -> int:
    from benchmarks import table

    return table.run(args)


def _samples(args: argparse.Namespace) -> int:
    from benchmarks import samples

    for path in samples.make_samples(args.run, args.out, args.seed):
        print(path)
    return 0


def _scenes(args: argparse.Namespace) -> int:
    from benchmarks.scenes import robustness  # draws with OpenCV, which --help does not need

    return robustness.run(args)


def _peers(args: argparse.Namespace) -> int:
    from benchmarks.peers import measure

    return measure.run(args)


def _photos() -> Path | None:
    """The labelled photographs that the environment names."""
    named = os.environ.get("EDGEPROOF_PHOTOS")
    return Path(named) if named else None


def _pipeline(args: argparse.Namespace) -> int:
    from benchmarks import speed

    return speed.run(args)


if __name__ == "__main__":
    sys.exit(main())
