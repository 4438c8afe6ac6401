"""A benchmark's report as a picture: one panel per batch size, horizontal bars to p50, p99 in words.

A whisker to p99 would show the neighbours on a busy machine, ten times as long as the bars that are to be compared."""

from __future__ import annotations

from typing import Any

from benchmarks import published
from edgeproof.backends import BACKENDS
from edgeproof.bench.report import Report, Row

#: One per backend, told apart also by the colour-blind (Okabe and Ito, 2002).
PALETTE = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
COLOURS = dict(zip(BACKENDS, PALETTE, strict=False))
OTHER = "#666666"


def draw(report: Report) -> bytes:
    """PNG bytes."""
    batches = list(dict.fromkeys(row.batch for row in report.rows))
    tallest = max(sum(row.batch == batch for row in report.rows) for batch in batches)
    figure = published.new_figure(6.5 * len(batches), 1.9 + 0.3 * tallest)
    panels = figure.subplots(1, len(batches), squeeze=False)[0]
    for panel, batch in zip(panels, batches, strict=True):
        _draw_panel(panel, [row for row in report.rows if row.batch == batch], batch)
    figure.suptitle(
        f"edgeproof bench · bundle {report.bundle} · {report.verdict} · {report.time[:10]}\n"
        f"{report.environment.cpu}, {report.environment.physical_cores} cores, {report.environment.system}",
        fontsize=10,
    )
    seen = dict.fromkeys(row.backend for row in report.rows)
    handles = [published.patch(COLOURS.get(backend, OTHER), backend) for backend in seen]
    figure.legend(handles=[*handles, published.patch("#bbbbbb", "one thread: solid; more: pale")], loc="outside lower center",
                  ncols=len(handles) + 1, fontsize=8, frameon=False)  # fmt: skip
    return published.png(figure, 130)


def _draw_panel(panel: Any, rows: list[Row], batch: int) -> None:
    rows = sorted(rows, key=lambda row: row.timing.p50_ms, reverse=True)  # the fastest ends on top
    p50 = [row.timing.p50_ms for row in rows]
    bars = panel.barh(range(len(rows)), p50, color=[COLOURS.get(row.backend, OTHER) for row in rows], height=0.7)
    for bar, row in zip(bars, rows, strict=True):
        bar.set_alpha(1.0 if row.threads == 1 else 0.5)
    # A slow variant must not squeeze the others into a line: logarithmic as soon as they differ by 20.
    if max(p50) > 20 * min(p50):
        panel.set_xscale("log")
    panel.set_xlim(left=0 if panel.get_xscale() == "linear" else min(p50) / 2, right=max(p50) * 1.5)
    for position, row in enumerate(rows):
        tied = " ≈" if row.to_fastest is not None and row.among_fastest else ""
        drifted = " DRIFT" if row.timing.drifted else ""
        p99 = f"  (p99 {row.timing.p99_ms:.3g})" if row.timing.p99_ms else ""
        panel.annotate(f"{row.timing.p50_ms:.3g}{tied}{drifted}{p99}", (row.timing.p50_ms, position),
                       xytext=(4, 0), textcoords="offset points",
                       va="center", fontsize=8)  # fmt: skip
    threads = [f"{row.threads} thread{'s' if row.threads > 1 else ''}" for row in rows]
    panel.set_yticks(
        range(len(rows)), [f"{row.artifact} · {many}" for row, many in zip(rows, threads, strict=True)], fontsize=8
    )
    panel.set_xlabel("p50, ms per call", fontsize=8)
    panel.set_title(f"batch {batch}", fontsize=9)
    panel.tick_params(axis="x", labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.margins(y=0.02)
