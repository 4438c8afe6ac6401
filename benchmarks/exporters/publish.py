"""The exporters' two tables in Markdown: what they make of a run, and what they make of a damaged one."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import published
from benchmarks.exporters.child import OWN
from benchmarks.exporters.faults import CALIBRATIONS, FAULTS, SOUND
from benchmarks.exporters.report import Export, ExportersReport, Product, wilson
from edgeproof.support import files, tables

SECTION = "exporters"
HEAD = (
    "exporter", "file", "right", "accuracy (95 % interval)", "lost, gained (p)", "bytes", "p50 ms", "× fp32 of its runtime",
    "whole export, s", "what it says of its result",
)  # fmt: skip
RUNTIMES = ("edgeproof", "ai-edge-litert", "onnxruntime")
LONGEST = 260  # characters of an error that a cell shows


def markdown(report: ExportersReport) -> str:
    """Both tables, and how they were measured; exporters that do not work here with the reason."""
    sound = [row for row in report.exports if row.fault == SOUND]
    made = [published.table_row(HEAD), published.table_row(["---", "---", *["---:"] * 7, "---"])]
    made += [line for row in sound for line in _made(row)]
    broken = [published.table_row(["exporter", *FAULTS]), published.table_row(["---"] * (1 + len(FAULTS)))]
    for row in sound:
        if not row.missing:
            cells = [_broken(report.of(row.exporter, fault), row, fault) for fault in FAULTS]
            broken.append(published.table_row([_name(row.exporter), *cells]))
    return "\n\n".join(["\n".join(made), "**Given something broken**", "\n".join(broken), _how(report)])


def _name(exporter: str) -> str:
    return f"**{exporter}**" if exporter == OWN else exporter


def _made(row: Export) -> list[str]:
    """A line per file; the exporter's own facts stand in its first."""
    if not row.products:
        why = f"not measured: {row.missing}" if row.missing else f"exit code {row.exit_code}: {_short(row.last)}"
        return [published.table_row([_name(row.exporter), why, *[""] * 8])]
    lines = []
    for number, product in enumerate(row.products):
        first = [_name(row.exporter), f"{row.seconds:.0f}"] if number == 0 else ["", ""]
        lines.append(published.table_row([first[0], *_cells(product), first[1], product.said or "nothing"]))
    return lines


def _cells(product: Product) -> list[str]:
    file = f"`{product.file}`"
    ratio = product.ratio
    return [
        f"**{file}** (default)" if product.default else file,
        f"{product.right:,}",
        _percent(product.right, product.images),
        f"{product.lost}, {product.gained} ({product.p:.2g})",
        f"{product.bytes:,}",
        "" if product.p50_ms is None else f"{product.p50_ms:.3f}",
        "" if ratio is None else f"{ratio.value:.2f} ({ratio.low:.2f}–{ratio.high:.2f})",
    ]


def _percent(right: int, images: int) -> str:
    low, high = wilson(right, images)
    return f"{100 * right / images:.2f} % ({100 * low:.2f}–{100 * high:.2f})"


def _broken(row: Export | None, sound: Export, fault: str) -> str:
    """What became of a fault: a refusal, or a file and what was said that is not said of the sound run too."""
    if row is None:
        return "takes no images" if fault in CALIBRATIONS else ""
    if row.exit_code:
        return f"refused, exit code {row.exit_code}: {_short(row.last)}"
    if row.missing:
        return _short(row.missing)
    product = row.products[0]
    new = [*([product.said] if product.said else []), *(line for line in row.remarks if line not in sound.remarks)]
    return f"{100 * product.right / product.images:.1f} %, said {_short('; '.join(new)) or 'nothing'}"


def _short(text: str) -> str:
    text = text.replace("|", "/")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _how(report: ExportersReport) -> str:
    machine = report.environment
    runtimes = [f"{name} {machine.packages[name]}" for name in RUNTIMES if name in machine.packages]
    packages = [name for row in report.exports if row.version for name in row.version.split(", ")]
    versions = ", ".join(dict.fromkeys([*runtimes, *packages]))
    keras = f"{report.keras_right:,} right, {_percent(report.keras_right, report.images)}"
    return (
        f"Run {report.run} (data {report.data}, {report.classes} classes, input {report.input}): {report.images:,} test images, "
        f"of which Keras itself has {keras}; {report.calibration} representative images, the same for all. Lost: only Keras has "
        "right; gained: only the file; p: McNemar's exact. Time: from one image's bytes to the answer on one thread, all files "
        "by turns in one process, interval 97.9 %. Whole export: a process from its start to its end, edgeproof's with all "
        f"proofs of its files. On {machine.cpu} ({machine.physical_cores} cores), {report.time[:10]}. {versions}."
    )


def save(report: ExportersReport, out: Path) -> Path:
    """Write `report` as JSON under OUT/<machine>/; returns the path."""
    name = f"{SECTION}-{report.time.replace(':', '-').removesuffix('+00-00')}.json"
    path = out / report.environment.slug / name
    files.write_atomic(path, (json.dumps(tables.to_table(report), ensure_ascii=False, indent=1) + "\n").encode())
    return path


def write(report: ExportersReport, document: Path) -> list[Path]:
    """Put the tables into `document`; returns what was written. Raises what `published.replace` raises."""
    return published.replace(document, SECTION, markdown(report))
