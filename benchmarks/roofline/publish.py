"""The roofline's tables in Markdown, and where they and the picture go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import published
from benchmarks.roofline.report import Call, Point, Profile, RooflineReport
from edgeproof.bench.measure import BUSY
from edgeproof.errors import BenchmarkError
from edgeproof.support.machine import Environment

SECTION = PICTURE = "roofline"
_UNITS = {"fp32": "GFLOP/s", "int8": "GOP/s", "cache": "GB/s", "memory": "GB/s"}
_SHOWS = {
    "fp32": "float32 arithmetic",
    "int8": "8-bit arithmetic",
    "cache": "cache, read and written",
    "memory": "memory, read and written",
}


def markdown(report: RooflineReport) -> str:
    """Peaks, points, what is left of each artifact, times per operator, and how they were measured."""
    parts = [_peaks(report), _points(report), "\n".join(f"- {sentence}" for sentence in left(report))]
    parts += [_profile(one, report) for one in report.profiles]
    parts += [f"Without a point: {reason}." for reason in report.skipped]
    parts += _busy(report)
    return "\n\n".join([*parts, _how(report)])


def _peaks(report: RooflineReport) -> str:
    rows = [(_SHOWS[one.kind], f"{one.per_second:,.0f} {_UNITS[one.kind]}", one.measured_with) for one in report.peaks]
    return _table(["what one core reached", "", "by"], "lrl", rows)


def _points(report: RooflineReport) -> str:
    head = ["artifact", "on", "batch", "million multiply-accumulates, in 8 bits", "KB moved", "operations per byte",
            "p50, µs per image", "p10", "GOP/s", "µs at the peak", "of the roof"]  # fmt: skip
    rows = [
        (
            f"**`{one.artifact}`** (default)" if one.artifact == report.default else f"`{one.artifact}`",
            one.backend,
            f"{one.batch}",
            f"{one.macs / 1e6:.2f}, {one.int8_macs / 1e6:.2f}",
            f"{one.bytes / 1e3:.0f}",
            f"{one.intensity:.0f}",
            f"{one.p50_us:.1f}",
            f"{one.p10_us:.1f}",
            f"{one.rate:.0f}",
            f"{one.peak_us:.1f}",
            f"{one.reached:.0%}",
        )
        for one in report.points
    ]
    return _table(head, "llrrrrrrrrr", rows)


def left(report: RooflineReport) -> Iterator[str]:
    """What is left of each artifact, computed from the figures."""
    for call in report.calls:
        of = [point for point in report.points if (point.artifact, point.backend) == (call.artifact, call.backend)]
        single, many = of[0], of[-1]
        text = (
            f"`{call.artifact}` on {call.backend} takes {call.total_us:.1f} µs, of which {single.peak_us:.1f} would be taken at "
            f"the peak of this core, {call.empty_us:.1f} are the runtime's call of a model with nothing to compute, and "
            f"{call.around_us:.1f} go by around it; {_rest(call, single)}"
        )
        if many is not single:
            text += f" {many.batch} in a call take {many.p10_us:.1f} µs each."
        yield text


def _rest(call: Call, point: Point) -> str:
    rest = call.run_us - call.empty_us - point.peak_us
    if rest <= 0.05 * point.peak_us:
        return "better kernels would win nothing that can be measured here: only less arithmetic is faster."
    return f"{rest:.1f} are left for better kernels."


def _profile(one: Profile, report: RooflineReport) -> str:
    title = f"Operators of `{one.artifact}` as {one.backend} runs them, {one.batch} images in a call"
    if one.missing:
        return f"{title}: {one.missing}."
    total = sum(operator.us for operator in one.operators)
    rows = [
        (
            operator.name,
            "" if operator.macs is None else f"{operator.macs:,}",
            f"{operator.us:.2f}",
            f"{operator.us / total:.0%}",
            "" if operator.rate is None else f"{operator.rate:.0f}",
        )
        for operator in one.operators
    ]
    timed = next(
        point
        for point in report.points
        if (point.artifact, point.backend, point.batch) == (one.artifact, one.backend, one.batch)
    )
    table = _table(["operator", "multiply-accumulates", "µs per image", "share", "GOP/s"], "lrrrr", rows)
    return f"{title}: {total:.1f} µs per image together, {timed.p10_us:.1f} where nothing is noted down.\n\n{table}"


def _busy(report: RooflineReport) -> list[str]:
    """What to think of the figures where others used the machine too."""
    before = report.environment
    if not _is_busy(before):
        return []
    return [
        f"Other programs were running (load {before.load_1m:.1f} on {before.usable_cpus} CPUs): calls that take milliseconds "
        "were interrupted by them, and say little of the core."
    ]


def _is_busy(machine: Environment) -> bool:
    return machine.load_1m > BUSY * machine.usable_cpus


def check_quiet(machine: Environment) -> None:
    """Before anything is measured for a document. Raises BenchmarkError while others use the machine."""
    if _is_busy(machine):
        raise BenchmarkError(
            f"--write: expected a quiet machine (load of at most {BUSY * machine.usable_cpus:g} on {machine.usable_cpus} CPUs), "
            f"found {machine.load_1m:.1f}: end other programs, or measure without --write"
        )


def _table(head: list[str], sides: str, rows: Sequence[tuple[str, ...]]) -> str:
    """sides: "l" or "r" for each column."""
    rule = ["---:" if side == "r" else "---" for side in sides]
    return "\n".join(published.table_row(line) for line in [head, rule, *rows])


def _how(report: RooflineReport) -> str:
    machine = report.environment
    return (
        f"Bundle {report.bundle}, each usable artifact on its own backend, one thread, all by turns in one process, images in, "
        "logits out. But for p50, every figure comes of 10th percentiles: what other programs take of the machine is not the "
        "core's limit. Peaks are lower bounds of what the core can do, so that a share may pass 100 %. An operation is a "
        "multiplication or an addition; moved are weights (once a call) and what operators with weights read and write, the "
        "least there is. At the peak: the arithmetic alone, in 8 bits or float32 as the file has it; the roof is that, or the "
        "bytes at the cache's bandwidth where they take longer. Operators are of profile runs, which are slower. "
        f"On {machine.line}, {report.time[:10]}."
    )


def save(report: RooflineReport, plot: bytes, out: Path) -> tuple[Path, Path]:
    """Write figures and picture under OUT/<machine>/; returns both paths."""
    return published.save(report, report.environment, report.time, plot, out=out, kind=SECTION)


def write(report: RooflineReport, plot: bytes, document: Path) -> list[Path]:
    """Put tables and picture into `document`; returns what was written. Raises what `published.replace` raises."""
    shows = "What each artifact reaches beside what one core can do"
    picture = published.Illustration(f"{PICTURE}.png", shows, plot)
    return published.replace(document, SECTION, markdown(report), [picture])
