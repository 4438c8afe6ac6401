"""`python -m convert`: the command line, and nothing but the command line."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeAlias

from convert.options import GateOptions, Options
from convert.run_folder import read_run
from edgeproof.backends import BACKENDS
from edgeproof.errors import SourceError, UsageError
from edgeproof.manifest import Name
from edgeproof.support import command
from edgeproof.support.files import check_target, own_temporaries
from edgeproof.support.tables import check
from edgeproof.trust.keys import PrivateKey, read_private

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

DESCRIPTION = "From a run folder to a proven bundle: TFLite and ONNX, each executed on all test images."
EXAMPLES = """examples:
  python -m convert run runs/digits-quick
  python -m convert run runs/digits-quick --name small --only int8.tflite fp32.onnx
  python -m convert run runs/digits-quick --name tuned --qat --prune 0.25
  python -m convert run runs/digits-quick --sign release.key
  python -m convert run --model mine.keras --data mnist.npz --keep-run runs/mine
  python -m convert verify bundle/digits-quick --run runs/digits-quick
  python -m convert select bundle/digits-quick --max-bytes 100000 --max-ms 0.5 --goal accuracy
  python -m convert select bundle/digits-quick --backend litert --plot front.png
  python -m convert compare bundle/digits-quick bundle/digits --run runs/digits
  python -m convert c-source bundle/digits-quick --out firmware/model
  python -m convert sabotage runs/digits-quick
  python -m convert attach bundle/digits-quick page.json
  python -m convert ship bundle/digits-quick
  python -m convert import-h5 mine.h5 --out mine.keras
"""


def _verb(verbs: Verbs, name: str, help: str, description: str) -> argparse.ArgumentParser:
    """A verb's parser, with those of the examples that are its own."""
    lines = [line for line in EXAMPLES.splitlines() if line.startswith(f"  python -m convert {name} ")]
    return verbs.add_parser(
        name,
        help=help,
        description=description,
        epilog="\n".join(["examples:", *lines]),
        formatter_class=command.Formatter,
    )


def main(argv: Sequence[str] | None = None) -> int:
    return command.run(_parser(), argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "convert", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=command.Formatter
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for add in (
        _add_run,
        _add_verify,
        _add_compare,
        _add_select,
        _add_c_source,
        _add_sabotage,
        _add_attach,
        _add_ship,
        _add_import_h5,
    ):
        add(verbs)
    return parser


def _add_run(verbs: Verbs) -> None:
    run = _verb(
        verbs,
        "run",
        "convert, prove, rank and publish a run",
        "Every file is executed on all test images, on every runtime here, before it enters the bundle; what fails the gate\n"
        "stays outside, with the reason. Minutes; files whose model, images and options are unchanged are not made again.",
    )
    run.add_argument("run", nargs="?", type=Path, metavar="RUN", help="run folder, for example runs/digits-quick")
    run.add_argument("--model", type=Path, metavar="FILE", help="instead of a run: a .keras file from elsewhere ...")
    run.add_argument("--data", type=Path, metavar="FILE", help="... and .npz with x_train, y_train, x_test, y_test")
    run.add_argument(
        "--resize", choices=["ink-1", "stretch", "fit", "crop"],
        help="of --model: how a picture becomes what it takes (default: ink-1, pen strokes, for 28×28 grey, else stretch)",
    )  # fmt: skip
    run.add_argument(
        "--pixels", choices=["auto", "0-255", "0-1", "minus1-1", "1-0", "255-0", "z-score", "torch", "caffe"], default="auto",
        help="of --model: what it was trained with; found by its log-loss unless given",
    )  # fmt: skip
    run.add_argument("--import", dest="code", metavar="MODULE", help="of --model: module with its own model class")
    run.add_argument(
        "--keep-run", type=Path, metavar="DIR", help="of --model: keep its run folder, to verify and compare bundles on"
    )
    run.add_argument("--name", help="name of the bundle; the run's own unless given")
    run.add_argument("--out", type=Path, default=Path("bundle"), metavar="DIR", help="folder of bundles")
    run.add_argument("--overwrite", action="store_true", help="replace a bundle of this name, and a kept run")
    _add_sign(run)
    run.add_argument("--only", nargs="+", metavar="NAME", help="artifacts to make, for example int8.tflite")
    run.add_argument("--qat", action="store_true", help="also train for 8 bits; takes a minute")
    run.add_argument(
        "--prune", type=float, metavar="R", help="also cut out this share of the channels, for example 0.25"
    )
    gate = run.add_argument_group("gate, where it is not to be the recipe's")
    points = "below Keras with 95 %% certainty, percentage points"
    gate.add_argument("--max-drop-points", type=float, metavar="P", help=f"accuracy {points}")
    gate.add_argument("--max-corruption-drop-points", type=float, metavar="P", help=f"on corrupted images, {points}")
    gate.add_argument("--min-accuracy", type=float, metavar="A", help="accuracy, 0..1")
    gate.add_argument("--min-class-recall", type=float, metavar="A", help="right answers in the worst class, 0..1")
    gate.add_argument("--max-bytes", type=int, metavar="N", help="size of an artifact")
    run.set_defaults(verb=_run)


def _add_sign(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--sign", type=Path, metavar="KEY", help="sign the bundle with this private key, as `edgeproof sign` does later"
    )


def _key(args: argparse.Namespace) -> PrivateKey | None:
    """What `_add_sign` parsed, before minutes of work."""
    return read_private(args.sign) if args.sign else None


def _add_verify(verbs: Verbs) -> None:
    verify = _verb(
        verbs,
        "verify",
        "prove a bundle again, on all test images",
        "Checks every hash, replays the golden answers and counts the right answers to all test images again, on each runtime\n"
        "that the bundle states and that is installed. Exit code 6 when something is not as stated, 3 when the gate fails.",
    )
    verify.add_argument("bundle", type=Path, metavar="BUNDLE", help="for example bundle/digits-quick")
    verify.add_argument("--run", type=Path, required=True, metavar="RUN", help="the run it was made of")
    verify.set_defaults(verb=_verify)


def _add_compare(verbs: Verbs) -> None:
    compare = _verb(
        verbs,
        "compare",
        "is bundle B worse than A? exit 3 when it is",
        "Accuracy, size and speed of B beside A, on the same images and by turns. “Worse” is what was shown, not what was\n"
        "measured once; what cannot be told apart is called so. Exit code 3 when B is worse in any respect.",
    )
    compare.add_argument("a", type=Path, metavar="A", help="the release that is out, for example bundle/digits")
    compare.add_argument("b", type=Path, metavar="B", help="the one that is to follow it")
    compare.add_argument("--run", type=Path, required=True, metavar="RUN", help="whose test images both answer")
    compare.add_argument("--artifact", default="auto", metavar="NAME", help="in both; auto = each one's default")
    compare.add_argument(
        "--backend", default="auto", metavar="NAME", help="onnxruntime, litert, …; auto = the default's"
    )
    compare.add_argument("--duration", type=float, default=1.0, metavar="S", help="measuring time of each, seconds")
    compare.set_defaults(verb=_compare)


def _add_select(verbs: Verbs) -> None:
    select = _verb(
        verbs,
        "select",
        "choose a bundle's default for a device, by measuring",
        "Measures every artifact on every runtime here, puts the best that fits the limits first in the bundle's manifest, and\n"
        "says for each other one why it was not chosen. Run it on the device, or on something like it.",
    )
    select.add_argument("bundle", type=Path, metavar="BUNDLE", help="for example bundle/digits-quick")
    select.add_argument("--max-bytes", type=int, metavar="N", help="size of the file")
    select.add_argument("--max-ms", type=float, metavar="T", help="median time of one image here, milliseconds")
    select.add_argument("--min-accuracy", type=float, metavar="A", help="on the test images, 0..1")
    select.add_argument("--backend", choices=list(BACKENDS), help="the only runtime on the device")
    select.add_argument("--goal", default="latency", choices=["latency", "size", "accuracy"], help="what decides")
    select.add_argument("--duration", type=float, default=1.0, metavar="S", help="measuring time of each, seconds")
    select.add_argument("--plot", type=Path, metavar="FILE", help="write the Pareto front as a picture (PNG)")
    _add_sign(select)
    select.set_defaults(verb=_select)


def _add_c_source(verbs: Verbs) -> None:
    source = _verb(
        verbs,
        "c-source",
        "int8.tflite as C source for a microcontroller",
        "Writes the model as C, with the memory that tflite-micro needs for it (measured), and a main.cpp that calls it.",
    )
    source.add_argument("bundle", type=Path, metavar="BUNDLE", help="for example bundle/digits-quick")
    source.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the three files")
    source.add_argument("--artifact", default="int8.tflite", metavar="NAME", help="one with bytes at both ends")
    source.add_argument(
        "--run", type=Path, metavar="RUN", help="also compare with LiteRT on all test images of this run"
    )
    source.add_argument("--overwrite", action="store_true", help="replace the folder")
    source.set_defaults(verb=_c_source)


def _add_sabotage(verbs: Verbs) -> None:
    sabotage = _verb(
        verbs,
        "sabotage",
        "does the gate refuse damaged models and poisoned calibration?",
        "Damages the run's model and its calibration images in ways that happen, and sends each through the gate. Exit code 3\n"
        "when the gate lets pass what it must not, or refuses the undamaged model. Nothing is written.",
    )
    sabotage.add_argument("run", type=Path, metavar="RUN", help="for example runs/digits-quick")
    sabotage.set_defaults(verb=_sabotage)


def _add_attach(verbs: Verbs) -> None:
    attach = _verb(
        verbs,
        "attach",
        "put a fitted page scorer into a bundle",
        "Puts the file that `python -m train scorer` wrote into a bundle of digits, with its hash and its held-out figures in\n"
        "the manifest, in the place of an older one. Exit code 6 when it was fitted on the answers of another model.",
    )
    attach.add_argument("bundle", type=Path, metavar="BUNDLE", help="for example bundle/digits-quick")
    attach.add_argument("scorer", type=Path, metavar="FILE", help="the fitted scorer, JSON")
    _add_sign(attach)
    attach.set_defaults(verb=_attach)


def _add_ship(verbs: Verbs) -> None:
    ship = _verb(
        verbs,
        "ship",
        "make a bundle the wheel's own",
        "Copies a verified bundle to runtime/edgeproof/bundles/digits, which the next wheel carries.",
    )
    ship.add_argument("bundle", type=Path, metavar="BUNDLE", help="for example bundle/digits-quick")
    ship.set_defaults(verb=_ship)


def _add_import_h5(verbs: Verbs) -> None:
    old = _verb(
        verbs,
        "import-h5",
        "an older Keras file (.h5) made into a .keras file, safely",
        "Reads the layers and weights as data, in a process without network and with bounded memory, and builds them anew in\n"
        "Keras 3. Code in the file is never run: Lambda layers and classes that Keras does not know are refused by name.",
    )
    old.add_argument("file", type=Path, metavar="FILE", help="HDF5 with a whole model in it, for example mine.h5")
    old.add_argument("--out", type=Path, metavar="FILE", help="the .keras file to write; beside the other unless given")
    old.add_argument("--overwrite", action="store_true", help="replace a file of this name")
    old.set_defaults(verb=_import_h5)


def _run(args: argparse.Namespace) -> None:
    name = args.name
    if name is not None and (name != Path(name).name or name.startswith(".")):
        raise UsageError(f"--name {name}: expected a plain name, without '/' and not beginning with '.'")
    if name is not None:
        _checked(name)
    if (args.run is None) == (args.model is None) or (args.model is None) != (args.data is None):
        raise UsageError("expected a run folder, or --model FILE with --data FILE")
    sign = _key(args)
    if args.model is None and args.keep_run is not None:
        raise UsageError("--keep-run: expected only with --model: a run folder is there already")
    with own_temporaries("edgeproof-convert") as temporary:
        if args.model is not None:
            _refuse_early(args)
            from convert.elsewhere.keras_import import import_keras

            folder = args.keep_run or temporary / "runs" / "run"  # `temporary` itself is locked by this process
            run = import_keras(
                args.model, args.data, folder, resize=args.resize, pixels=args.pixels, code=args.code,
                overwrite=args.overwrite, say=_say,
            )  # fmt: skip
        else:
            run = read_run(args.run)
        run = replace(run, options=_with_flags(run.options, args))

        from convert.pipeline import convert_run

        target = args.out / (name or _checked(run.record.name))
        manifest = convert_run(run, target, overwrite=args.overwrite, sign=sign, say=_say)
    best = manifest.ranking[0]
    _say(f"\n{target}: {best.artifact} on {best.backend} is the default; {target / 'report.html'} says why")
    if args.model is not None:
        _say(
            f"prove it again with: python -m convert verify {target} --run {args.keep_run}"
            if args.keep_run
            else "to prove it again later, or to compare it with another, convert with --keep-run DIR"
        )


def _refuse_early(args: argparse.Namespace) -> None:
    """What would be refused after the model was opened and asked, which takes a while."""
    from convert.elsewhere.keras_import import check_kept
    from convert.export.variants import choose, offered

    for flag, file in (("--model", args.model), ("--data", args.data)):
        if not file.is_file():
            raise SourceError(f"{flag} {file}: expected a file, found {'a folder' if file.is_dir() else 'none'}")
    options = _with_flags(Options(), args).convert
    choose(offered(options), options.artifacts)
    check_target(args.out / (args.name or _checked(args.model.stem)), overwrite=args.overwrite)
    if args.keep_run is not None:
        check_kept(args.keep_run, overwrite=args.overwrite)


def _checked(name: str) -> str:
    """A name that the manifest will take, before minutes of work."""
    try:
        check(name, Name, "--name")
    except ValueError as error:
        raise UsageError(f"{error}: give another with --name") from None
    return name


def _with_flags(options: Options, args: argparse.Namespace) -> Options:
    """The options with single values overridden by flags."""
    given = {field.name: getattr(args, field.name) for field in fields(GateOptions)}
    asked = {"artifacts": tuple(args.only or ()) or None, "qat": args.qat or None, "prune": args.prune}
    with _as_flags():
        gate = replace(options.gate, **{name: value for name, value in given.items() if value is not None})
        convert = replace(options.convert, **{name: value for name, value in asked.items() if value is not None})
    return replace(options, gate=gate, convert=convert)


@contextlib.contextmanager
def _as_flags() -> Iterator[None]:
    """A ValueError that begins with the name of an option becomes a UsageError that begins with its flag."""
    try:
        yield
    except ValueError as problem:
        option, found, rest = str(problem).partition(":")
        raise UsageError(f"--{option.replace('_', '-')}{found}{rest}") from None


def _verify(args: argparse.Namespace) -> None:
    from convert.verbs.verify import verify_bundle

    verify_bundle(args.bundle, read_run(args.run), say=_say)


def _compare(args: argparse.Namespace) -> None:
    from convert.verbs.compare import compare_bundles

    run = read_run(args.run)
    compare_bundles(
        args.a, args.b, run, artifact=args.artifact, backend=args.backend, seconds=_duration(args), say=_say
    )


def _select(args: argparse.Namespace) -> None:
    from convert.choose.choice import Wishes
    from convert.verbs.select import select_bundle

    with _as_flags():
        wishes = Wishes(args.max_bytes, args.max_ms, args.min_accuracy, args.backend, args.goal)
    best, *_ = select_bundle(args.bundle, wishes, seconds=_duration(args), plot=args.plot, sign=_key(args), say=_say)
    _say(f"\n{args.bundle}: {best.artifact.name} is the default now")


def _duration(args: argparse.Namespace) -> float:
    if not 0.01 <= args.duration <= 3600:
        raise UsageError(f"--duration: expected 0.01..3600 seconds, found {args.duration:g}")
    return float(args.duration)


def _c_source(args: argparse.Namespace) -> None:
    from convert.verbs.c_source import write_c_source
    from edgeproof.bundle import load_bundle

    run = read_run(args.run) if args.run else None
    write_c_source(
        load_bundle(args.bundle), args.out, run=run, artifact=args.artifact, overwrite=args.overwrite, say=_say
    )
    _say(f"{args.out}: edgeproof_model.h, edgeproof_model.c, main.cpp")


def _sabotage(args: argparse.Namespace) -> None:
    from convert.verbs.sabotage import sabotage

    sabotage(read_run(args.run), say=_say)


def _attach(args: argparse.Namespace) -> None:
    from convert.verbs.attach import attach_scorer

    held_out = attach_scorer(args.bundle, args.scorer, sign=_key(args), say=_say)
    _say(
        f"{args.bundle}: reads pages with {args.scorer}; on {held_out.pages} held-out pages {held_out.read.count:,} of "
        f"{held_out.read.of:,} digits read, {held_out.wrong.count:,} of {held_out.wrong.of:,} answers wrong"
    )


def _ship(args: argparse.Namespace) -> None:
    from convert.verbs.ship import DESTINATION, ship_bundle

    size = ship_bundle(args.bundle)
    _say(f"{args.bundle}: {size:,} bytes copied to {DESTINATION}")


def _import_h5(args: argparse.Namespace) -> None:
    from convert.verbs.import_h5 import import_h5

    import_h5(args.file, args.out, overwrite=args.overwrite, say=_say)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
