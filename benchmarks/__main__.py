"""python -m benchmarks VERB: measure a bundle and its reading, write the tables of the documents, make the sample media."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edgeproof.cli import bench
from edgeproof.support import command

Verbs = argparse._SubParsersAction  # what argparse's own `add_subparsers` gives


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=command.Formatter
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for add in (
        _add_run,
        _add_check,
        _add_table,
        _add_roofline,
        _add_frontier,
        _add_samples,
        _add_scenes,
        _add_peers,
        _add_exporters,
        _add_pipeline,
        _add_overhead,
        _add_touching,
        _add_tracking,
        _add_sensitivity,
    ):
        add(verbs)
    return parser


def _verb(verbs: Verbs[argparse.ArgumentParser], name: str, help: str) -> argparse.ArgumentParser:
    return verbs.add_parser(name, help=help, description=help, formatter_class=command.Formatter)


def _add_run(verbs: Verbs[argparse.ArgumentParser]) -> None:
    run = _verb(verbs, "run", "measure a bundle on this machine: table, JSON, plot")
    bench.add_measuring(run)
    run.add_argument(
        "--out", type=Path, default=Path("results"), help="folder of results: OUT/<machine>/<time>.json and .png"
    )
    run.add_argument(
        "--run", type=Path, help="run folder: its Keras model is measured too, in the ways that people call it"
    )
    run.set_defaults(verb=_run)


def _add_check(verbs: Verbs[argparse.ArgumentParser]) -> None:
    check = _verb(
        verbs,
        "check",
        "has a row become slower, beside the yardstick and its kept reference? exit 3 if so; a minute and more",
    )
    _add_bundle(check)
    check.add_argument(
        "--short",
        action="store_true",
        help="a look of 10 seconds, without OpenCV: only twice as long is called slower",
    )
    check.add_argument(
        "--update", action="store_true", help="keep these figures as the reference of machines like this one"
    )
    check.add_argument(
        "--reference",
        type=Path,
        metavar="DIR",
        default=Path(__file__).parent / "reference",
        help="folder of references, one file per instruction set",
    )
    check.set_defaults(verb=_check)


def _add_table(verbs: Verbs[argparse.ArgumentParser]) -> None:
    table = _verb(verbs, "table", "the results table of the documents, in Markdown")
    _add_bundle(table)
    table.add_argument("--results", type=Path, default=Path("results"), help="folder that `run` wrote")
    table.add_argument("--section", default="results", help="between which markers of the document")
    _add_write(table)
    table.set_defaults(verb=_table)


def _add_roofline(verbs: Verbs[argparse.ArgumentParser]) -> None:
    roofline = _verb(verbs, "roofline", "how near each artifact comes to what one core can do, and what is left")
    _add_bundle(roofline)
    roofline.add_argument("--seconds", type=float, default=0.5, help="measuring time of each row")
    roofline.add_argument("--out", type=Path, default=Path("results"), help="folder of results")
    _add_write(roofline)
    roofline.set_defaults(verb=_roofline)


def _add_frontier(verbs: Verbs[argparse.ArgumentParser]) -> None:
    frontier = _verb(
        verbs, "frontier", "bundles of one data set beside each other: accuracy against arithmetic and time"
    )
    frontier.description = (
        "Accuracy against multiply-accumulates and against time, two artifacts of each bundle: the fastest in 8 bits that\n"
        "passed its proof, and fp32.onnx. Points that no other beats in both are joined by a line. Ratios are to fp32.onnx\n"
        "of the bundle in a folder cnn-32, where one is given. A bundle of other data is refused; what cannot be counted is\n"
        "left out, with the reason."
    )
    frontier.epilog = (
        "examples:\n  python -m benchmarks frontier bundle/cnn-32 bundle/mlp-128 runtime/edgeproof/bundles/digits\n"
        "  make frontier"
    )
    frontier.add_argument(
        "bundles", nargs="*", type=Path, metavar="BUNDLE",
        help="folder, by whose name it is called; none: the bundle that edgeproof carries",
    )  # fmt: skip
    frontier.add_argument("--seconds", type=float, default=1.0, help="measuring time of each artifact")
    frontier.add_argument("--out", type=Path, default=Path("results"), help="folder of results")
    _add_write(frontier, "table and picture (frontier.png, beside FILE)")
    frontier.set_defaults(verb=_frontier)


def _add_samples(verbs: Verbs[argparse.ArgumentParser]) -> None:
    samples = _verb(verbs, "samples", "make the sample picture and film")
    _add_handwriting(samples)
    samples.add_argument("--out", type=Path, default=Path("samples"), help="where to write")
    samples.set_defaults(verb=_samples)


def _add_scenes(verbs: Verbs[argparse.ArgumentParser]) -> None:
    scenes = _verb(verbs, "scenes", "robustness: drawn photographs, disturbed in one way each")
    scenes.add_argument("--bundle", type=Path, metavar="DIR", help="left out: the one that edgeproof carries")
    _add_handwriting(scenes)
    scenes.add_argument("--scenes", type=command.count, default=8, metavar="N", help="scenes per condition")
    scenes.add_argument("--out", type=Path, default=Path("results"), help="folder of results")
    _add_write(scenes)
    scenes.add_argument("--keep", type=Path, metavar="DIR", help="write every picture there, with a labels.jsonl")
    scenes.set_defaults(verb=_scenes)


def _add_peers(verbs: Verbs[argparse.ArgumentParser]) -> None:
    peers = _verb(verbs, "peers", "beside other readers of digits, on the same pictures")
    _add_handwriting(peers)
    peers.add_argument("--bundle", type=Path, metavar="DIR", help="left out: the one that edgeproof carries")
    peers.add_argument("--scenes", type=command.count, default=12, metavar="N", help="drawn scenes")
    _add_photos(peers)
    peers.add_argument("--training", type=Path, metavar="NPZ", help="images and labels that HOG + SVM learns from")
    peers.add_argument("--tutorial-bundle", type=Path, metavar="DIR", help="a bundle of a tutorial's CNN")
    peers.add_argument("--peer", action="append", help="measure this one; may be given again; left out: all")
    peers.add_argument("--out", type=Path, default=Path("results"), help="folder of results")
    _add_write(peers)
    peers.set_defaults(verb=_peers)


def _add_exporters(verbs: Verbs[argparse.ArgumentParser]) -> None:
    exporters = _verb(
        verbs, "exporters", "beside other exporters, on the same run and on damaged copies of it; minutes"
    )
    exporters.add_argument("--run", type=Path, required=True, help="run folder that all of them export")
    exporters.add_argument("--exporter", action="append", help="measure this one; may be given again; left out: all")
    exporters.add_argument(
        "--duration", type=float, default=1.0, metavar="S", help="measuring time of each file, seconds"
    )
    exporters.add_argument("--out", type=Path, default=Path("results"), help="folder of results")
    _add_write(exporters)
    exporters.set_defaults(verb=_exporters)


def _add_pipeline(verbs: Verbs[argparse.ArgumentParser]) -> None:
    pipeline = _verb(
        verbs, "pipeline", "reading a frame, beside a bare script and the tutorial's; exit 3 beyond the bounds"
    )
    _add_bundle(pipeline)
    pipeline.add_argument("--seconds", type=float, default=3.0, help="measuring time of each of the three")
    pipeline.add_argument("--seed", type=int, default=1, help="of the frame that is read")
    pipeline.set_defaults(verb=_pipeline)


def _add_overhead(verbs: Verbs[argparse.ArgumentParser]) -> None:
    overhead = _verb(
        verbs,
        "overhead",
        "what is added to a runtime's own call for one image, up to logits and up to label and score; exit 3 where logits add "
        "more than 5 µs and more than a tenth of the call",
    )
    _add_bundle(overhead)
    overhead.add_argument("--seconds", type=float, default=1.0, help="measuring time of each call")
    overhead.set_defaults(verb=_overhead)


def _add_touching(verbs: Verbs[argparse.ArgumentParser]) -> None:
    touching = _verb(verbs, "touching", "how many groups of touching digits are read, by how far they overlap")
    _add_bundle(touching)
    _add_handwriting(touching)
    touching.add_argument("--count", type=command.count, default=200, help="groups of each kind")
    touching.set_defaults(verb=_touching)


def _add_tracking(verbs: Verbs[argparse.ArgumentParser]) -> None:
    tracking = _verb(verbs, "tracking", "how steady films of hand-held sheets are read: frame by frame, and tracked")
    tracking.add_argument("--bundle", type=Path, metavar="DIR", help="left out: the one that edgeproof carries")
    _add_handwriting(tracking)
    tracking.add_argument("--films", type=command.count, default=3, metavar="N", help="films of each kind")
    _add_write(tracking)
    tracking.set_defaults(verb=_tracking)


def _add_sensitivity(verbs: Verbs[argparse.ArgumentParser]) -> None:
    sensitivity = _verb(
        verbs, "sensitivity", "what each constant of the page reader is worth: reading with less and with more of it"
    )
    sensitivity.add_argument("--bundle", type=Path, metavar="DIR", help="left out: the one that edgeproof carries")
    _add_handwriting(sensitivity)
    sensitivity.add_argument("--scenes", type=command.count, default=2, metavar="N", help="scenes per condition")
    _add_photos(sensitivity)
    _add_write(sensitivity)
    sensitivity.set_defaults(verb=_sensitivity)


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "bundle", nargs="?", type=Path, metavar="BUNDLE", help="left out: the one that edgeproof carries"
    )


def _add_handwriting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", type=Path, required=True, help="run folder whose test.npz gives the handwriting")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same")


def _add_photos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pictures",
        type=Path,
        action="append",
        metavar="DIR",
        help="labelled photographs (labels.jsonl), measured too; may be given again; left out: the folders that EDGEPROOF_PHOTOS "
        f"names, with {os.pathsep!r} between them",
    )


def _add_write(parser: argparse.ArgumentParser, what: str = "the table") -> None:
    parser.add_argument("--write", type=Path, metavar="FILE", help=f"replace {what} between the markers in FILE")


# ---- the verbs: what they need is imported when they are asked for --------------------------------------------------


def _run(args: argparse.Namespace) -> int:
    from benchmarks.latency import results

    return results.run(args)


def _check(args: argparse.Namespace) -> int:
    from benchmarks.check import check

    return check.run(args)


def _table(args: argparse.Namespace) -> int:
    from benchmarks.latency import table

    return table.run(args)


def _roofline(args: argparse.Namespace) -> int:
    from benchmarks.roofline import measure

    return measure.run(args)


def _frontier(args: argparse.Namespace) -> int:
    from benchmarks.frontier import measure

    return measure.run(args)


def _samples(args: argparse.Namespace) -> int:
    from benchmarks.scenes import samples

    for path in samples.make_samples(args.run, args.out, args.seed):
        print(path)
    return 0


def _scenes(args: argparse.Namespace) -> int:
    from benchmarks.scenes import robustness

    return robustness.run(args)


def _peers(args: argparse.Namespace) -> int:
    from benchmarks.peers import measure

    return measure.run(args)


def _exporters(args: argparse.Namespace) -> int:
    from benchmarks.exporters import measure

    return measure.run(args)


def _pipeline(args: argparse.Namespace) -> int:
    from benchmarks import pipeline

    return pipeline.run(args)


def _overhead(args: argparse.Namespace) -> int:
    from benchmarks.latency import overhead

    return overhead.run(args)


def _touching(args: argparse.Namespace) -> int:
    from benchmarks import touching

    return touching.run(args)


def _tracking(args: argparse.Namespace) -> int:
    from benchmarks.tracking import measure

    return measure.run(args)


def _sensitivity(args: argparse.Namespace) -> int:
    from benchmarks import sensitivity

    return sensitivity.run(args)


if __name__ == "__main__":
    sys.exit(main())
