"""`python -m benchmarks run`: measure a bundle and keep the figures, results/<machine>/<time>.json with a plot beside it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks import published
from benchmarks.latency import keras_rows, plot
from edgeproof.bench import table
from edgeproof.bench.report import Report, check
from edgeproof.bundle import load_bundle
from edgeproof.cli.bench import measure_with
from edgeproof.errors import EdgeproofError, IntegrityError
from edgeproof.support import tables


def run(args: argparse.Namespace) -> int:
    """The verb. Raises BenchmarkError after everything was written and printed when the figures cannot be trusted."""
    report = measure_with(args, keras_rows.rows(args.run, load_bundle(args.bundle)) if args.run else None)
    data, picture = save(report, args.out)
    if args.json == "-":
        print(json.dumps(tables.to_table(report), ensure_ascii=False))
    else:
        print(table.render(report))
        print(f"\n{data}\n{picture}")
    check(report)
    return 0


def save(report: Report, out: Path) -> tuple[Path, Path]:
    """Write `report` as JSON and as PNG under OUT/<machine>/; returns both paths."""
    return published.save(report, report.environment, report.time, plot.draw(report), out=out)


def load(path: Path) -> Report:
    """A saved report. Raises IntegrityError when the file is none, or was written by another version."""
    try:
        return tables.from_table(Report, json.loads(path.read_bytes()), str(path), IntegrityError)
    except ValueError:
        raise IntegrityError(f"{path}: is not JSON: delete it and measure again") from None


def latest(folder: Path, manifest_sha256: str) -> Report | None:
    """The newest valid report about the bundle with this manifest, of any machine; None when there is none."""
    found = []
    for path in folder.glob("*/*.json"):
        try:
            report = load(path)
        except EdgeproofError:
            continue  # of an older version: its figures are not comparable
        if report.manifest_sha256 == manifest_sha256 and report.verdict == "valid":
            found.append(report)
    return max(found, key=lambda report: report.time, default=None)
