"""The frontier's table in Markdown, and where it and the picture go."""

from __future__ import annotations

from pathlib import Path

from benchmarks import published
from benchmarks.frontier.report import REFERENCE, FrontierReport, Point, by_macs, by_time
from edgeproof.bench.measure import BUSY

SECTION = PICTURE = "frontier"


def markdown(report: FrontierReport) -> str:
    """Points, what has none, and how they were measured."""
    head = ["bundle", "artifact", "on", "multiply-accumulates", "bytes", "accuracy (95 % interval)", "p50, µs (97.9 %)",
            f"× `{REFERENCE}` in float (97.9 %)", "on the frontier by"]  # fmt: skip
    rule = ["---"] * 3 + ["---:"] * 5 + ["---"]
    table = "\n".join(
        published.table_row(line) for line in [head, rule, *(_cells(one, report) for one in report.points)]
    )
    skipped = [f"Without a point: {reason}." for reason in report.skipped]
    return "\n\n".join([table, *skipped, *_doubts(report), _how(report)])


def _cells(point: Point, report: FrontierReport) -> list[str]:
    ratio = point.to_reference
    fronts = {"multiply-accumulates": by_macs(report), "time": by_time(report)}
    return [
        point.bundle,
        f"`{point.artifact}`",
        point.backend,
        f"{point.macs:,}",
        f"{point.bytes:,}",
        f"{point.correct / point.images:.2%} ({100 * point.accuracy_low:.2f}–{100 * point.accuracy_high:.2f})",
        f"{point.p50_us:.1f} ({point.p50_low_us:.1f}–{point.p50_high_us:.1f}){' drifted' if point.drifted else ''}",
        "" if ratio is None else f"{ratio.value:.3f} ({ratio.low:.3f}–{ratio.high:.3f})",
        ", ".join(words for words, front in fronts.items() if point in front),
    ]


def _doubts(report: FrontierReport) -> list[str]:
    """What to think of the times where others used the machine too."""
    before = report.environment
    if before.load_1m <= BUSY * before.usable_cpus:
        return []
    return [
        f"Other programs were running (load {before.load_1m:.1f} on {before.usable_cpus} CPUs): times are higher than on a quiet "
        "machine, ratios less so, for all took turns."
    ]


def _how(report: FrontierReport) -> str:
    return (
        "Of each bundle the fastest 8-bit artifact that passed its proof, and `fp32.onnx`, each on its own backend: one image "
        "in, logits out, one thread, all by turns in one process. Accuracy is of the proof, on the same test images; where "
        "intervals overlap, the order may be another. On the frontier is what no other point beats in both: by "
        "multiply-accumulates among one point of each bundle, by time among all. "
        f"On {report.environment.line}, {report.time[:10]}."
    )


def save(report: FrontierReport, plot: bytes, out: Path) -> tuple[Path, Path]:
    """Write figures and picture under OUT/<machine>/; returns both paths."""
    return published.save(report, report.environment, report.time, plot, out=out, kind=SECTION)


def write(report: FrontierReport, plot: bytes, document: Path) -> list[Path]:
    """Put table and picture into `document`; returns what was written. Raises what `published.replace` raises."""
    shows = "Accuracy against multiply-accumulates and against time, a point for each bundle"
    return published.replace(
        document, SECTION, markdown(report), [published.Illustration(f"{PICTURE}.png", shows, plot)]
    )
