"""A benchmark's report as a plain-text table for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeproof.bench.compare import Compared, Comparison
    from edgeproof.bench.report import Report, Row

WIDTH = 120  # columns


def render(report: Report) -> str:
    """The report as lines of at most WIDTH columns."""
    lines = [
        f"bundle {report.bundle} · {report.time} · {report.verdict}",
        textwrap.fill(report.environment.line, WIDTH),
        f"ms per call, images in, logits out; {report.inputs:,} different inputs; × = time / time of {report.baseline};",
        "± = half the 97.9 % interval of p50; ≈ = not distinguishable from the fastest of its group; - = too few calls to say",
    ]
    groups = dict.fromkeys((row.threads, row.batch) for row in report.rows)
    for threads, batch in groups:
        rows = [row for row in report.rows if (row.threads, row.batch) == (threads, batch)]
        rows.sort(key=lambda row: row.timing.p50_ms)
        lines += ["", f"batch {batch}, {threads} thread{'s' if threads > 1 else ''}"]
        lines += _columns(
            ["artifact", "backend", "p50_ms", "±%", "p90_ms", "p99_ms", "n", "images/s", "×", ""],
            [_cells(row) for row in rows],
        )
    lines += ["", "size, peak memory of the whole process, and cold start (fresh process, files cached)"]
    lines += _columns(
        ["artifact", "backend", "bytes", "peak_mib", "python_ms", "import_ms", "load_ms", "first_ms", "total_ms"],
        [
            [foot.artifact, foot.backend, f"{foot.bytes:,}", "-" if foot.start.peak_mib is None else f"{foot.start.peak_mib:.0f}"]
            + [f"{getattr(foot.start, field):.1f}" for field in ("python_ms", "import_ms", "load_ms", "first_ms", "total_ms")]
            for foot in report.footprints
        ],
    )  # fmt: skip
    placed = {
        row.artifact: " and ".join(f"{n} on {name}" for name, n in row.nodes.items())
        for row in report.rows
        if row.nodes
    }
    if placed:
        told = "; ".join(f"{artifact}: {where}" for artifact, where in placed.items())
        lines += ["", textwrap.fill(f"nodes as ONNX Runtime ran them (a profile run, not timed): {told}", WIDTH)]
    for kind, texts in (
        ("not here", report.skipped),
        ("warning", report.warnings),
        ("INVALID", report.problems + report.faults),
    ):
        lines += _notes(kind, texts)
    return "\n".join(lines)


def render_comparison(found: Comparison) -> str:
    """The comparison as lines of at most WIDTH columns, unless names are long."""
    settings = found.settings
    threads = f"{settings.threads} thread{'s' if settings.threads > 1 else ''}"
    lines = [
        f"B {found.b} beside A {found.a} · {found.time} · {found.verdict}",
        textwrap.fill(found.environment.line, WIDTH),
        f"ms per call, {threads}, batch {settings.batch}; {settings.instances} or more instances of each; B/A = time of B / A;",
        f"interval: of all rows at once ({1 - settings.error:.0%}); a difference of less than 2 % is none",
        "",
    ]
    lines += _columns(["A", "B", "A_ms", "B_ms", "B/A", "interval", ""], [_compared(row) for row in found.rows])
    return "\n".join([*lines, *_notes("not here", found.skipped), *_notes("INVALID", found.problems)])


def _compared(row: Compared) -> list[str]:
    interval = f"{row.ratio.low:.3f}–{row.ratio.high:.3f}"
    verdict = row.verdict if row.verdict == "no difference" else f"B is {row.verdict}"
    return [row.a, row.b, f"{row.a_ms:.4f}", f"{row.b_ms:.4f}", f"{row.ratio.value:.3f}", interval, verdict]


def _notes(kind: str, texts: Sequence[str]) -> list[str]:
    return [textwrap.fill(f"{kind}: {text}", WIDTH, subsequent_indent="  ") for text in texts]


def _cells(row: Row) -> list[str]:
    times = row.timing
    spread = (times.p50_high_ms - times.p50_low_ms) / 2 / times.p50_ms
    mark = "fastest" if row.to_fastest is None else "≈" if row.among_fastest else ""
    return [
        row.artifact, row.backend, f"{times.p50_ms:.4f}", f"{100 * spread:.0f}", _optional(times.p90_ms),
        _optional(times.p99_ms), f"{times.n:,}", f"{1000 * row.batch / times.p50_ms:,.0f}",
        "-" if row.to_baseline is None else f"{row.to_baseline.value:.2f}", f"{mark}{' DRIFT' if times.drifted else ''}",
    ]  # fmt: skip


def _optional(value_ms: float | None) -> str:
    return "-" if value_ms is None else f"{value_ms:.4f}"


def _columns(head: list[str], rows: list[list[str]]) -> list[str]:
    """Text columns left, numbers right; the first two and a last one without a heading are text."""
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    text = {0, 1} | ({len(head) - 1} if not head[-1] else set())
    return [
        "  ".join(
            cell.ljust(width) if column in text else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, *rows]
    ]
