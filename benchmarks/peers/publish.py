"""The peers' table in Markdown, and its plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import published
from benchmarks.peers.report import PeerRow, PeersReport
from benchmarks.published import Illustration

SECTION, PLOT = "peers", "peers.png"

OWN, OTHER = "#0072b2", "#999999"


def markdown(report: PeersReport) -> str:
    """One table per set of pictures, the best F1 first; peers that were not measured at the end with the reason."""
    parts = []
    for name, size in report.sets.items():
        head = ["", "F1", "pictures entirely right", "ms per picture, p50", "peak memory, MiB", "on the disk, MiB"]
        lines = [
            f"**{name[0].upper()}{name[1:]}** ({size.pictures} pictures, {size.digits} digits)",
            "",
            published.table_row(head),
        ]
        lines.append(published.table_row(["---", *["---:"] * 5]))
        lines += [published.table_row(_cells(row)) for row in ordered(report, name)]
        parts.append("\n".join(lines))
    versions = "; ".join(f"{row.peer} {row.version}" for row in report.rows[: _peers(report)] if not row.missing)
    parts.append(
        f"F1: right digit and IoU ≥ 0.3; one thread each, in turns picture by picture, on {report.environment.cpu} "
        f"({report.environment.physical_cores} cores), {report.time[:10]}, drawn scenes of seed {report.seed}. Memory: peak of "
        f"the peer's process. Disk: packages with all that they require, without Python and the system's libraries. {versions}."
    )
    return "\n\n".join(parts)


def ordered(report: PeersReport, pictures: str) -> list[PeerRow]:
    """The rows of one set, the best F1 first, what is missing last."""
    rows = [row for row in report.rows if row.pictures == pictures]
    return sorted(rows, key=lambda row: (bool(row.missing), -row.tally.f1))


def _peers(report: PeersReport) -> int:
    return len({row.peer for row in report.rows})


def _cells(row: PeerRow) -> list[str]:
    name = f"**{row.peer}**" if row.peer == "edgeproof" else row.peer
    if row.missing:
        return [name, f"not measured: {row.missing}", "", "", "", ""]
    disk = f"{row.installed_bytes / 2**20:.0f}" if row.installed_bytes is not None else "not known"
    right = f"{row.tally.perfect} of {row.tally.pictures}"
    return [name, f"{row.tally.f1:.3f}", right, _short(row.p50_ms), f"{row.peak_mib:.0f}", disk]


def _short(value: float) -> str:
    """Three digits, never as a power of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def save(report: PeersReport, out: Path) -> tuple[Path, Path]:
    """Write `report` as JSON and as PNG under OUT/<machine>/; returns both paths."""
    return published.save(report, report.environment, report.time, draw(report), out=out, kind=SECTION)


def write(report: PeersReport, document: Path) -> list[Path]:
    """Put plot and tables into `document`; returns what was written. Raises what `published.replace` raises."""
    shown = Illustration(PLOT, "F1, time, memory and size of the peers", draw(report))
    return published.replace(document, SECTION, markdown(report), [shown])


def draw(report: PeersReport) -> bytes:
    """PNG bytes: a row of panels per set of pictures (F1, entirely right, time, memory, disk); what is missing is not drawn."""
    figure = published.new_figure(14, 0.8 + 2.3 * len(report.sets))
    grid = figure.subplots(len(report.sets), 5, squeeze=False)
    for panels, name in zip(grid, report.sets, strict=True):
        rows = [row for row in reversed(ordered(report, name)) if not row.missing]
        shares = [row.tally.perfect / max(1, row.tally.pictures) for row in rows]
        figures = {
            "F1": [row.tally.f1 for row in rows],
            "pictures entirely right": shares,
            "ms per picture, p50": [row.p50_ms for row in rows],
            "peak memory, MiB": [row.peak_mib for row in rows],
            "on the disk, MiB": [(row.installed_bytes or 0) / 2**20 for row in rows],
        }
        for panel, (title, values) in zip(panels, figures.items(), strict=True):
            _bars(panel, [row.peer for row in rows] if panel is panels[0] else None, values, title, name)
            for bar, row in zip(panel.patches, rows, strict=True):
                bar.set_color(OWN if row.peer == "edgeproof" else OTHER)
    figure.suptitle(
        f"reading digits from photographs, one thread · {report.environment.cpu} · {report.time[:10]}", fontsize=10
    )
    return published.png(figure, 110)


def _bars(panel: Any, names: list[str] | None, values: list[float], title: str, group: str) -> None:
    panel.barh(range(len(values)), values, height=0.7)
    for place, value in enumerate(values):
        panel.annotate(
            _short(value), (value, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7
        )
    panel.set_yticks(range(len(values)), names or [""] * len(values), fontsize=8)
    panel.set_title(title if names is None else f"{title} · {group}", fontsize=8)
    panel.set_xlim(0, max([*values, 1e-9]) * 1.25)
    if "ms" in title and values and max(values) > 20 * max(min(values), 1e-3):
        panel.set_xscale("log")
        panel.set_xlim(min(values) / 2, max(values) * 4)
    panel.tick_params(axis="x", labelsize=7)
    panel.spines[["top", "right"]].set_visible(False)
