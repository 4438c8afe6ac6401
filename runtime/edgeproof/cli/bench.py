"""The verb `bench`: measure a bundle on this device, print the table, write the JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.backends import BACKENDS, DEVICES
from edgeproof.cli.bundles.trust_flag import add_trust, trust_from
from edgeproof.errors import UsageError
from edgeproof.support import command, files, tables

if TYPE_CHECKING:
    from edgeproof.bench.measure import Guests
    from edgeproof.bench.report import Report

DESCRIPTION = """`edgeproof bench`: latency, memory and start-up of every usable artifact on every backend that is present.

How it measures, so that a stranger may believe the figures (the arithmetic is in `edgeproof.bench.timing`):

- One call = glyphs uint8 in → logits float32 out, as the reader calls it (encode, run, dequantize), on the thread that waits.
- Warm-up until three windows agree within 2 %, at least 200 ms and 10 calls. Then 10 rounds; in each, every configuration is
  visited once in an order drawn by a fixed seed, so that drift of the machine hits all alike.
- The inputs rotate through 1,600 different glyphs: the golden images shifted by up to 2 pixels, with faint noise. Of large
  images there are fewer, 64 MB of them.
- A figure that drifted is reported and makes the whole benchmark INVALID (exit 7). Nothing is clipped.
- Which of ONNX Runtime's providers ran each node comes from a profile run of its own. A node that ran elsewhere than on the
  device that was asked for makes the benchmark INVALID, and so does a device that fails meanwhile.
- Afterwards answers of timed calls are compared with what the classifier answers otherwise, and ever new inputs with one that
  is repeated: a model that answers wrongly when it is hurried, or remembers, makes it INVALID (`edgeproof.bench.audit`).
- Memory and cold start come from child processes of their own (`edgeproof.bench.cold_start`), after the latencies.

`--compare A B` opens both anew in 12 child processes, measures them in turns, and says "no difference" where none was shown: the
same against itself is called different in fewer than 5 % of comparisons (`edgeproof.bench.compare`).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_measuring(parser)
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("A", "B"),
        help="instead: is B faster or slower than A, or was no difference shown? Each is BUNDLE or BUNDLE:ARTIFACT; an empty "
        "BUNDLE is the one that edgeproof carries",
    )
    parser.add_argument("--batch", type=command.count, metavar="N", help="images per call of --compare (default: 1)")


def add_measuring(parser: argparse.ArgumentParser) -> None:
    """The flags of a measurement alone."""
    parser.add_argument(
        "bundle", nargs="?", type=Path, metavar="BUNDLE", help="bundle folder; left out: the one that edgeproof carries"
    )
    add_trust(parser)
    parser.add_argument("--artifact", default="auto", metavar="NAME", help="only this one and the baseline; auto = all")
    parser.add_argument("--backend", default="auto", choices=["auto", *BACKENDS], help="only this one; auto = all")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to run")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="0 = one, then all physical cores")
    parser.add_argument(
        "--baseline", default="auto", metavar="NAME", help="artifact whose time is 1.00; auto = fp32.onnx"
    )
    parser.add_argument("--duration", type=float, default=1.0, metavar="S", help="measuring time per row, seconds")
    parser.add_argument(
        "--quick", action="store_true", help="a fifth of the time and one cold start: a look, no record"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write the whole report as JSON; - for stdout instead of the table"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the --json file (else it is kept: exit 2)")


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON. Raises BenchmarkError when the figures cannot be trusted."""
    from edgeproof.bench import table
    from edgeproof.bench.report import check

    if args.compare:
        return _compare(args)
    if args.batch:
        raise UsageError(
            "--batch: expected with --compare, found alone: bench measures 1 and 64 images per call itself"
        )
    report = measure_with(args)
    if args.json == "-":
        print(json.dumps(tables.to_table(report), ensure_ascii=False))
    else:
        print(table.render(report))
    check(report)
    return 0


def _compare(args: argparse.Namespace) -> int:
    """Compare, print the table, write the JSON; 0 whatever came out. Raises BenchmarkError when it cannot be trusted."""
    from edgeproof.bench import compare, table

    if args.bundle or (args.artifact, args.baseline) != ("auto", "auto"):
        raise UsageError(
            "--compare: expected A and B alone, found a BUNDLE, --artifact or --baseline: write BUNDLE:ARTIFACT for A and B"
        )
    _check(args)
    settings = compare.Settings(
        duration_s=args.duration / 5 if args.quick else args.duration,
        device=args.device,
        threads=args.threads or 1,
        batch=args.batch or 1,
    )
    a, b = args.compare
    found = compare.compare(a, b, settings, backend=args.backend, progress=progress, trust=trust_from(args))
    progress("")
    text = json.dumps(tables.to_table(found), ensure_ascii=False)
    print(text if args.json == "-" else table.render_comparison(found))
    if args.json and args.json != "-":
        files.write_atomic(Path(args.json), f"{text}\n".encode())
    compare.check(found)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Before minutes of measuring."""
    if not 0 <= args.threads <= command.MOST_THREADS:
        raise UsageError(f"--threads: expected 0 to {command.MOST_THREADS}, found {args.threads}")
    if args.json and args.json != "-":
        check_place(args)


def measure_with(args: argparse.Namespace, guests: Guests | None = None) -> Report:
    """`measure` with the flags of `add_measuring`, and `guests` in the same turns; writes the JSON file that they ask for."""
    from edgeproof.bench.measure import measure
    from edgeproof.bench.report import Settings, to_json
    from edgeproof.bundle import load_bundle

    _check(args)
    settings = Settings(
        duration_s=args.duration / 5 if args.quick else args.duration,
        starts=1 if args.quick else 3,
        artifact=args.artifact,
        backend=args.backend,
        device=args.device,
        threads=(args.threads,) if args.threads else (),
        baseline=args.baseline,
    )
    report = measure(load_bundle(args.bundle, trust_from(args)), settings, progress, guests)
    progress("")
    if args.json and args.json != "-":
        files.write_atomic(Path(args.json), to_json(report))
    return report


def check_place(args: argparse.Namespace) -> None:
    """Before minutes of measuring. Raises UsageError for a --json file of the bundle, or one that is there already."""
    from edgeproof.output.files.places import inputs_of

    path = Path(args.json)
    inputs_of([], args.bundle).refuse(path, "--json")
    if path.is_file() and path.stat().st_size and not args.overwrite:
        raise UsageError(f"--json: expected a new file, found {path} with content: give --overwrite or another name")


def progress(text: str) -> None:
    """One changing line, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
