"""The verb `tune`: measure what is fastest on this machine, print it, keep it in the user's cache."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeproof.cli.bundles.trust_flag import add_trust, trust_from
from edgeproof.support import files, tables
from edgeproof.support.terminal import printable

if TYPE_CHECKING:
    from edgeproof.bench.tune import TuneReport
    from edgeproof.bundle import Bundle

DESCRIPTION = """Measure, in some ten seconds, which artifact of a bundle on which backend and with how many threads is fastest on
this very machine. From then on `read` and `explain` take it, unless flags say otherwise; the bundle stays as it is.

Measured as by `edgeproof bench`: after warm-up all in turns, and a machine that was not steady is exit code 7. The bundle's own
choice stays unless another is 5 % faster beyond doubt; what cannot be told apart keeps the bundle's order, fewer threads first.
It holds for this CPU, these versions and this bundle; with others the bundle's own ranking is followed again."""
EXAMPLES = """examples:
  edgeproof tune                                       the bundle that edgeproof carries
  edgeproof tune bundle/digits-quick --duration 1      longer, for surer figures
  edgeproof tune --json - | jq .choice                 one JSON object, nothing else on stdout
  edgeproof tune --forget                              follow the bundle again
  edgeproof doctor                                     says whether this machine was tuned"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "bundle", nargs="?", type=Path, metavar="BUNDLE", help="bundle folder; left out: the one that edgeproof carries"
    )
    add_trust(parser)
    parser.add_argument("--duration", type=float, default=0.2, metavar="S", help="measuring time per row, seconds")
    parser.add_argument("--forget", action="store_true", help="remove what was measured for this bundle")
    parser.add_argument("--json", metavar="FILE", help="write the whole as JSON; - for stdout instead of the table")
    parser.add_argument("--overwrite", action="store_true", help="replace the --json file (else it is kept: exit 2)")


def run(args: argparse.Namespace) -> int:
    """Measure, print, write. Raises BenchmarkError, with nothing written into the cache, when the machine was not steady."""
    from edgeproof.bench.report import unsteady
    from edgeproof.bench.tune import entry_of, tune
    from edgeproof.bundle import load_bundle
    from edgeproof.cli.bench import check_place, progress
    from edgeproof.tuned import cache

    bundle = load_bundle(args.bundle, trust_from(args))
    if args.forget:
        return _forget(bundle)
    if args.json and args.json != "-":
        check_place(args)
    cache.check_writable()
    report = tune(bundle, args.duration, progress)
    progress("")
    if report.verdict == "valid":
        report = replace(report, written=str(cache.keep(entry_of(report))))
    _tell(report, args.json)
    if report.problems:
        raise unsteady(report.problems)
    return 0


def _tell(report: TuneReport, json_file: str | None) -> None:
    table = json.dumps(tables.to_table(report), ensure_ascii=False)
    if json_file == "-":
        print(table)
        return
    print(render(report))
    if json_file:
        files.write_atomic(Path(json_file), f"{table}\n".encode())


def _forget(bundle: Bundle) -> int:
    from edgeproof.tuned import cache

    gone = cache.forget(bundle)
    for path in gone:
        print(f"removed {printable(str(path))}")
    if not gone:
        print(f"nothing was measured for {bundle.manifest.name}")
    return 0


def render(report: TuneReport) -> str:
    """The report as text for a terminal."""
    from edgeproof.bench.tune import share

    calls = "1 image" if report.images == 1 else f"{report.images} glyphs, as of a frame"
    lines = [
        f"bundle {report.bundle} · {report.verdict} · microseconds per call of {calls}",
        "× = time beside the bundle's own choice [97.9 % interval]; ≈ = none is 5 % faster; ★ = chosen",
        f"  {'artifact':<20} {'backend':<12} {'threads':>7} {'p50 µs':>9}  ×",
    ]
    for number, row in enumerate(report.rows):
        mark = "★" if number == 0 and not report.problems else " "
        time = f"{1000 * row.timing.p50_ms:>9.1f}  {share(row.to_default)}"
        equal = " ≈" if row.among_fastest else ""
        drift = " DRIFT" if row.timing.drifted else ""
        lines.append(f"{mark} {row.artifact:<20} {row.backend:<12} {row.threads:>7} {time}{equal}{drift}")
    lines += [f"not here: {why}" for why in report.skipped]
    lines += [f"warning: {why}" for why in report.warnings]
    lines += [f"INVALID: {why}" for why in report.problems]
    if report.written:
        lines += [f"★ {report.choice}: {report.reason}", f"wrote {printable(report.written)}"]
    return "\n".join(lines)
