"""`python -m benchmarks check`: the bundle's speeds as ratios to the yardstick, all from one run, beside the kept ones.

A row is slower than its reference when both intervals lie apart and the ratio grew by more than BOUND; faster is told too,
for then the reference is out of date. Milliseconds of two days are not comparable, ratios nearly are; but only of the same
bundle, on the same CPU, with the same versions of the runtimes. Of anything else nothing is judged.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from benchmarks.check import yardstick
from benchmarks.check.machine_class import machine_class
from edgeproof.backends import BACKENDS, OWN
from edgeproof.bench import measure as bench
from edgeproof.bench.compare import Compared, Settings, measure_pairs
from edgeproof.bench.instances import Model, Pair
from edgeproof.bench.timing import Ratio
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.cli.bench import progress
from edgeproof.errors import BenchmarkError, GateError, IntegrityError, UsageError
from edgeproof.manifest_file import MANIFEST
from edgeproof.support import files, machine, tables
from edgeproof.support.machine import Environment
from edgeproof.tuned.fingerprint import Fingerprint, fingerprint_of

BOUND = 1.05  # times the reference's ratio: a smaller change is nobody's reason to look
FAR = 2.0  # the same in the short form: beside other programs the yardstick alone was seen to take 1.6 times as long
#: The error is that of each row, so that no interval hangs on how many there are. For the short form six child processes are
#: the fewest whose ranks can say anything at 5 %.
LONG, SHORT = Settings(error=0.005), Settings(duration_s=0.1, instances=6, error=0.05, audited=False)

Finding = Literal["slower", "faster", "as before", "new"]


@dataclass(frozen=True)
class Reference:
    """What was measured when it was kept. fingerprint: where it holds, edgeproof's own version left out, for that is what is
    judged. yardstick_ms: for orientation. ratios: time of a row, "<artifact> on <backend>", relative to the yardstick's."""

    schema: int
    time: str
    bundle: str
    fingerprint: Fingerprint
    yardstick_ms: float
    ratios: dict[str, Ratio]
    environment: Environment


@dataclass(frozen=True)
class Judged:
    """One row beside its reference, which is null where there is none."""

    row: Compared
    reference: Ratio | None
    finding: Finding


def run(args: argparse.Namespace) -> int:
    """The verb. Raises GateError when a row is slower, BenchmarkError when the figures cannot be trusted, or would be kept of a
    busy machine."""
    if args.short and args.update:
        raise UsageError("--update: expected the whole measurement, found --short: leave one of them out")
    bundle, environment = load_bundle(args.bundle), machine.environment()
    if args.update and (others := bench.busy(environment)):
        raise BenchmarkError(f"--update: {others}: a reference is made on a quiet machine")
    path = args.reference / f"{machine_class(environment)}.json"
    reference = None if args.update else read(path)
    unlike = differences(reference, bundle)
    known = reference.ratios if reference and not unlike else {}
    rows, skipped, problems = measure(bundle, short=args.short, progress=progress)
    progress("")
    judged = judge(rows, known, FAR if args.short else BOUND)
    print(render(judged, skipped))
    if problems:
        raise BenchmarkError(f"{'; '.join(problems)}: close other programs and run again, or report this")
    if args.update:
        files.write_atomic(path, _kept(bundle, rows, environment))
        print(f"\nwritten: {path}")
        return 0
    if unlike:
        print(f"\nnot judged: {path.name}: {unlike}: --update, on a quiet machine, makes one that holds here")
    if stale := _names(judged, "faster"):
        print(f"\nfaster than the reference: {stale}: if that is meant, --update writes it anew")
    if slower := _names(judged, "slower"):
        raise GateError(f"slower than {path.name} says: {slower}; if that is meant, --update writes it anew")
    return 0


def measure(
    bundle: Bundle, *, short: bool, progress: Callable[[str], None] = lambda _: None
) -> tuple[tuple[Compared, ...], tuple[str, ...], tuple[str, ...]]:
    """Every usable artifact × backend relative to the yardstick; what is not here, and problems. short: each artifact on its
    format's own runtime alone."""
    with tempfile.TemporaryDirectory() as scratch:
        drawn = yardstick.write(Path(scratch) / "yardstick")
        base = Model(str(drawn), yardstick.ARTIFACT, yardstick.BACKEND, files.sha256(drawn / MANIFEST))
        pairs = [
            Pair(base, Model(str(bundle.path), row.name, backend, bundle.manifest_sha256))
            for row in bundle.manifest.usable
            for backend, runtime in BACKENDS.items()
            if runtime.takes(row) and (not short or backend == OWN[row.format])
        ]
        return measure_pairs(pairs, SHORT if short else LONG, progress, per_row=True)


def differences(reference: Reference | None, bundle: Bundle) -> str:
    """Why `reference` does not hold for `bundle` on this machine, in words; empty where it does."""
    if reference is None:
        return "there is no reference of such machines"
    different = reference.fingerprint.differences(_fingerprint(bundle))
    return different and f"the reference is of {different}"


def _fingerprint(bundle: Bundle) -> Fingerprint:
    found = fingerprint_of(bundle)
    return replace(found, versions={name: text for name, text in found.versions.items() if name != "edgeproof"})


def judge(rows: Sequence[Compared], reference: Mapping[str, Ratio], bound: float) -> list[Judged]:
    """Each of `rows` beside its reference; `bound`: by how many times a ratio must differ at least."""
    return [Judged(row, reference.get(row.b), _finding(row.ratio, reference.get(row.b), bound)) for row in rows]


def _finding(now: Ratio, before: Ratio | None, bound: float) -> Finding:
    if before is None:
        return "new"
    if now.low > before.high and now.value > bound * before.value:
        return "slower"
    if now.high < before.low and now.value * bound < before.value:
        return "faster"
    return "as before"


def render(judged: Sequence[Judged], skipped: Sequence[str]) -> str:
    """One line per row."""
    lines = [f"{'time / time of the yardstick':<36} {'now':>6} {'interval':>13} {'before':>8} {'interval':>13}"]
    for one in judged:
        now = f"{one.row.ratio.value:>6.3f} {_interval(one.row.ratio):>13}"
        before = (
            f"{one.reference.value:>8.3f} {_interval(one.reference):>13}" if one.reference else f"{'-':>8} {'-':>13}"
        )
        lines.append(f"{one.row.b:<36} {now} {before}  {one.finding}")
    lines += [f"not here: {text}" for text in skipped]
    return "\n".join(lines)


def read(path: Path) -> Reference | None:
    """The reference in a file; None where there is none. Raises IntegrityError when it is none."""
    if not path.is_file():
        return None
    try:
        return tables.from_table(Reference, json.loads(path.read_bytes()), str(path), IntegrityError)
    except ValueError:
        raise IntegrityError(f"{path}: is not JSON: write it anew with --update") from None


def _kept(bundle: Bundle, rows: Sequence[Compared], environment: Environment) -> bytes:
    kept = Reference(
        schema=1,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        bundle=bundle.manifest.name,
        fingerprint=_fingerprint(bundle),
        yardstick_ms=round(sum(row.a_ms for row in rows) / len(rows), 4),
        ratios={
            row.b: Ratio(*(round(value, 4) for value in (row.ratio.value, row.ratio.low, row.ratio.high)))
            for row in rows
        },
        environment=environment,
    )
    return (json.dumps(tables.to_table(kept), indent=1, ensure_ascii=False) + "\n").encode()


def _names(judged: Sequence[Judged], finding: Finding) -> str:
    return ", ".join(
        f"{one.row.b} ({one.row.ratio.value / one.reference.value:.2f} ×)"
        for one in judged
        if one.finding == finding and one.reference
    )


def _interval(ratio: Ratio) -> str:
    return f"{ratio.low:.3f}–{ratio.high:.3f}"
