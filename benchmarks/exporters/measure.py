"""Every exporter on the same run, and on damaged copies of it, in one run.

    python -m benchmarks exporters --run runs/signs-quick [--write docs/results.md]

Each exporter works in a process of its own, whose exit code and words are kept. Every file that results is executed on all test
images of the run; those of the undamaged run are timed by turns.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from benchmarks.exporters import publish
from benchmarks.exporters.child import OWN
from benchmarks.exporters.exporters import CALIBRATED, EXPORTERS
from benchmarks.exporters.faults import CALIBRATIONS, FAULTS, SOUND, prepared
from benchmarks.exporters.products import Opened, opened
from benchmarks.exporters.report import SCHEMA, Export, ExportersReport, Product
from edgeproof.bench.timing import Subject, compare, measure_in_turns, summarize
from edgeproof.bundle import load_bundle
from edgeproof.errors import UsageError
from edgeproof.input_contract import with_channels
from edgeproof.run_folder import Answered, RunFolder, read_run_folder
from edgeproof.support.machine import environment
from edgeproof.support.tables import nearest

NAMES = (OWN, *EXPORTERS)
#: The float32 file that the times of each runtime are compared with.
FLOAT32 = {"LiteRT": "tf.lite converter, fp32", "ONNX Runtime": "tf2onnx, fp32"}
REMARK = re.compile(r"^[WEF]\d|warn|error|fail", re.IGNORECASE)  # TensorFlow's log lines begin with W, E or F
VARIES = re.compile(r"0x[0-9a-f]+|/\S+|\d[\d.:e+-]*", re.IGNORECASE)  # from one process to the next


@dataclass(frozen=True)
class Heard:
    """What a child gave. said: its line on stdout. printed: the rest, in lines, files of the run by their names alone."""

    exit_code: int
    seconds: float
    said: dict[str, str]
    printed: tuple[str, ...]


def run(args: argparse.Namespace) -> int:
    """The verb. Raises UsageError about an exporter's name, and what `read_run_folder` raises."""
    names = args.exporter or NAMES
    for name in names:
        if name not in NAMES:
            raise UsageError(f"--exporter {name}: no such exporter{nearest(name, NAMES)}")
    run = read_run_folder(args.run)
    with tempfile.TemporaryDirectory(prefix="exporters-") as work:
        exports = measure(run, Path(work), names, args.duration)
    report = _report(run, exports)
    print(publish.markdown(report))
    print(publish.save(report, args.out))
    if args.write:
        print(*publish.write(report, args.write), sep="\n")
    return 0


def _report(run: RunFolder, exports: Sequence[Export]) -> ExportersReport:
    record = run.record
    return ExportersReport(
        SCHEMA, datetime.now(UTC).isoformat(timespec="seconds"), record.name, str(record.data["name"]), str(record.input),
        len(record.classes), run.test.correct, len(run.test), len(run.calibration), environment(), tuple(exports),
    )  # fmt: skip


def measure(run: RunFolder, work: Path, names: Sequence[str], seconds: float) -> list[Export]:
    """Each of `names` on the run, and with each fault that can reach it; files are made in the folder `work`."""
    exports, files = [], {}
    for fault in (SOUND, *FAULTS):
        folder = prepared(run.path, fault, work / fault)
        for name in names:
            if fault in CALIBRATIONS and name not in (OWN, *CALIBRATED):
                continue
            print(f"{name}: wrong: {fault}", file=sys.stderr)
            out = work / f"{fault}, {name}"
            out.mkdir()
            export, models = exported(name, fault, folder, out, run.test)
            exports.append(export)
            if fault == SOUND:
                files[name] = models
    return _timed(exports, files, run, seconds)


def exported(name: str, fault: str, run: Path, out: Path, test: Answered) -> tuple[Export, list[Opened]]:
    """What the exporter `name` makes of the folder `run`, with its files opened, in the order of the products."""
    heard = _heard(name, run, out)
    row = Export(
        name, fault, heard.said.get("missing", ""), heard.said.get("version", ""), heard.exit_code,
        round(heard.seconds, 1), remarks(heard.printed), heard.printed[-1] if heard.printed else "",
    )  # fmt: skip
    if row.missing or row.exit_code:
        return row, []
    if name == OWN:
        found, said, default = _of_bundle(out / "bundle")
    else:
        found = sorted(out.iterdir())
        said, default = dict.fromkeys((file.name for file in found), heard.said["figure"]), ""
    try:
        models = [opened(file) for file in found]
    except Exception as error:  # runtimes raise whatever they like; a file that does not load is a result
        why = (str(error).splitlines() or [type(error).__name__])[0].replace(str(out), out.name)
        return replace(row, missing=f"its runtime refuses the file: {why}"), []
    products = [
        replace(_product(file, model, test), said=said[file.name], default=file.name == default)
        for file, model in zip(found, models, strict=True)
    ]
    return replace(row, products=tuple(products)), models


def _heard(name: str, run: Path, out: Path) -> Heard:
    words = [sys.executable, "-m", "benchmarks.exporters.child", name, str(run), str(out)]
    start = time.perf_counter()
    done = subprocess.run(
        words, cwd=Path(__file__).parents[2], env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    said = json.loads(done.stdout) if done.stdout else {}
    printed = done.stderr.replace(f"{run}{os.sep}", "")
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return Heard(done.returncode, seconds, said, tuple(lines))


def _of_bundle(folder: Path) -> tuple[list[Path], dict[str, str], str]:
    """The files of a bundle, the default first; what each one's proof says; and the default's name."""
    manifest = load_bundle(folder).manifest
    default = manifest.ranking[0].artifact
    rows = sorted(
        (row for row in manifest.artifacts if row.status == "✅"), key=lambda row: (row.name != default, row.name)
    )
    return [folder / str(row.file) for row in rows], {str(row.file): row.reason for row in rows}, default


def remarks(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines that warn or report an error, without what varies from one process to the next, each once."""
    found = (" ".join(VARIES.sub("…", line).split()) for line in lines if REMARK.search(line))
    return tuple(dict.fromkeys(found))


def _product(file: Path, model: Opened, test: Answered) -> Product:
    answers, keras = model.classes(with_channels(test.images)), test.logits.argmax(axis=1)
    right, before = answers == test.labels, keras == test.labels
    lost, gained = int((before & ~right).sum()), int((right & ~before).sum())
    return Product(file.name, model.runtime, file.stat().st_size, int(right.sum()), len(right), lost, gained)


def _timed(exports: Sequence[Export], models: dict[str, list[Opened]], run: RunFolder, seconds: float) -> list[Export]:
    """The exports, those of the undamaged run with the times of their files, `seconds` each, by turns."""
    singles = [image[None] for image in with_channels(run.test.images[:256])]
    subjects = {
        (name, i): Subject(model.answer, cycle(singles)) for name, of in models.items() for i, model in enumerate(of)
    }
    measure_in_turns(list(subjects.values()), seconds, lambda text: print(text, file=sys.stderr))

    def timed(name: str, number: int, product: Product) -> Product:
        rounds, reference = subjects[name, number].rounds, subjects.get((FLOAT32[product.runtime], 0))
        ratio = compare(rounds, reference.rounds) if reference else None
        return replace(product, p50_ms=summarize(rounds).p50_ms, ratio=ratio)

    return [
        replace(row, products=tuple(timed(row.exporter, i, one) for i, one in enumerate(row.products)))
        if row.fault == SOUND
        else row
        for row in exports
    ]
