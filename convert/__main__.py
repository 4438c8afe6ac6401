"""`python -m convert`: the command line, and nothing but the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from convert.options import GateOptions
from convert.run_folder import Run, read_run
from edgeproof import command
from edgeproof.errors import UsageError

DESCRIPTION = "From a run folder to a proven bundle: TFLite and ONNX, each executed on all test images."
EXAMPLES = """examples:
  python -m convert run runs/digits-quick
  python -m convert run runs/digits-quick --name small --only int8.tflite fp32.onnx
  python -m convert verify bundle/digits-quick --run runs/digits-quick
  python -m convert ship bundle/digits-quick
"""


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "convert", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=command.Formatter
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    run = verbs.add_parser("run", help="convert, prove, rank and publish a run", formatter_class=command.Formatter)
    run.add_argument("run", type=Path, metavar="RUN", help="run folder, for example runs/digits-quick")
    run.add_argument("--name", help="name of the bundle; the run's own unless given")
    run.add_argument("--out", type=Path, default=Path("bundle"), metavar="DIR", help="folder of bundles")
    run.add_argument("--overwrite", action="store_true", help="replace a bundle of this name")
    run.add_argument("--only", nargs="+", default=[], metavar="NAME", help="artifacts to make, for example int8.tflite")
    gate = run.add_argument_group("gate, where it is not to be the recipe's")
    gate.add_argument("--max-drop-points", type=float, metavar="P", help="accuracy below Keras, percentage points")
    gate.add_argument("--min-accuracy", type=float, metavar="A", help="accuracy, 0..1")
    gate.add_argument("--max-bytes", type=int, metavar="N", help="size of an artifact")
    run.set_defaults(verb=_run)

    verify = verbs.add_parser(
        "verify", help="prove a bundle again, on all test images", formatter_class=command.Formatter
    )
    verify.add_argument("bundle", type=Path, metavar="BUNDLE", help="for example bundle/digits-quick")
    verify.add_argument("--run", type=Path, required=True, metavar="RUN", help="the run it was made of")
    verify.set_defaults(verb=_verify)

    ship = verbs.add_parser("ship", help="make a bundle the wheel's own", formatter_class=command.Formatter)
    ship.add_argument("bundle", type=Path, metavar="BUNDLE", help="for example bundle/digits-quick")
    ship.set_defaults(verb=_ship)
    return parser


def _run(args: argparse.Namespace) -> None:
    name = args.name
    if name is not None and (name != Path(name).name or name.startswith(".")):
        raise UsageError(f"--name {name}: expected a plain name, without '/' and not beginning with '.'")
    run = _with_flags(read_run(args.run), args)

    from convert.pipeline import convert_run

    target = args.out / (name or run.record.name)
    manifest = convert_run(run, target, overwrite=args.overwrite, say=_say)
    best = manifest.ranking[0]
    _say(f"\n{target}: {best.artifact} on {best.backend} is the default; {target / 'report.html'} says why")


def _with_flags(run: Run, args: argparse.Namespace) -> Run:
    """The run with single values of its recipe overridden by flags."""
    options = run.options
    given = {field.name: getattr(args, field.name) for field in fields(GateOptions)}
    try:
        gate = replace(options.gate, **{name: value for name, value in given.items() if value is not None})
    except ValueError as problem:
        raise UsageError(f"--{str(problem).replace('_', '-')}") from None
    convert = replace(options.convert, artifacts=tuple(args.only) or options.convert.artifacts)
    return replace(run, options=replace(options, gate=gate, convert=convert))


def _verify(args: argparse.Namespace) -> None:
    from convert.verify import verify_bundle

    verify_bundle(args.bundle, read_run(args.run), say=_say)


def _ship(args: argparse.Namespace) -> None:
    from convert.ship import DESTINATION, ship_bundle

    size = ship_bundle(args.bundle)
    _say(f"{args.bundle}: {size:,} bytes copied to {DESTINATION}")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
