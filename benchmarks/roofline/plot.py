"""The roofline as a picture: operations per byte across, operations per second upwards, both logarithmic."""

from __future__ import annotations

import math
from typing import Any

from benchmarks import published
from benchmarks.latency.plot import COLOURS, OTHER
from benchmarks.roofline import peaks
from benchmarks.roofline.report import RooflineReport

_DOTS = 120  # per inch: 1200 pixels wide
_WIDE, _HIGH = 10.0, 6.4  # inches
_GAP = 0.042  # of the panel's height: a line of text
_ROOFS = {"int8": "8-bit", "fp32": "float32"}


def draw(report: RooflineReport) -> bytes:
    """PNG bytes, 1200 pixels wide."""
    from matplotlib.ticker import LogLocator

    figure = published.new_figure(_WIDE, _HIGH)
    panel = figure.subplots()
    ridge = report.peak("fp32").per_second / report.peak(peaks.CACHE).per_second
    across = [ridge, *(point.intensity for point in report.points)]
    upwards = [*(point.rate for point in report.points), *(report.peak(kind).per_second for kind in _ROOFS)]
    panel.set(xscale="log", yscale="log", xlim=_ends(across, 2.0), ylim=_ends(upwards, 1.5))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    panel.set_xlabel("operations per byte of weights and activations")
    panel.set_ylabel("1e9 operations per second, one core")
    panel.grid(which="both", color="#eeeeee", linewidth=0.6)
    panel.set_axisbelow(True)
    _draw_roofs(panel, report)
    _draw_points(panel, report)
    _label(panel, report)
    figure.suptitle(
        f"What one core can do, and what the artifacts of {report.bundle} reach\n"
        f"{report.environment.cpu}, {report.environment.system}, {report.time[:10]}",
        fontsize=10,
    )
    return published.png(figure, _DOTS)


def _ends(values: list[float], margin: float) -> tuple[float, float]:
    return min(values) / margin, max(values) * margin


def _draw_roofs(panel: Any, report: RooflineReport) -> None:
    """Both slopes up to each peak."""
    left, right = panel.get_xlim()
    for kind, words in _ROOFS.items():
        peak = report.peak(kind)
        for slope, style in ((peaks.CACHE, "-"), (peaks.MEMORY, ":")):
            bandwidth = report.peak(slope).per_second
            across = [left, min(max(peak.per_second / bandwidth, left), right), right]
            panel.plot(
                across, [min(peak.per_second, bandwidth * x) for x in across], style, color="#444444", linewidth=1.2
            )
        panel.annotate(
            f"{words} arithmetic: {peak.per_second:,.0f} ({peak.measured_with})",
            (peak.per_second / report.peak(peaks.CACHE).per_second, peak.per_second), (6, 5), textcoords="offset points",
            fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip


def _draw_points(panel: Any, report: RooflineReport) -> None:
    """Hollow: one image in a call."""
    for point in report.points:
        colour = COLOURS.get(point.backend, OTHER)
        panel.scatter(
            [point.intensity], [point.rate], s=42, facecolors="white" if point.batch == 1 else colour, edgecolors=colour,
            linewidths=1.5, zorder=3,
        )  # fmt: skip
    seen = dict.fromkeys(point.backend for point in report.points)
    handles = [published.patch(COLOURS.get(backend, OTHER), backend) for backend in seen]
    cache, memory = (report.peak(kind).per_second for kind in (peaks.CACHE, peaks.MEMORY))
    words = f"lines: cache {cache:.0f} GB/s, dotted memory {memory:.0f} GB/s; hollow: one image in a call"
    panel.figure.legend(
        handles=[*handles, published.patch("#444444", words)], loc="outside lower left", ncols=len(handles) + 1,
        fontsize=8, frameon=False,
    )  # fmt: skip


def _label(panel: Any, report: RooflineReport) -> None:
    """Names stand beside the panel, in the order of the points' heights, each with a line to its point."""
    low, high = (math.log(end) for end in panel.get_ylim())
    points = sorted(report.points, key=lambda point: point.rate)
    heights = spread([(math.log(point.rate) - low) / (high - low) for point in points], _GAP)
    for point, height in zip(points, heights, strict=True):
        panel.annotate(
            f"{point.artifact}, {point.batch}: {point.p10_us:.1f} µs, {point.reached:.0%}",
            (point.intensity, point.rate), (1.03, height), textcoords="axes fraction", va="center", fontsize=8,
            color=COLOURS.get(point.backend, OTHER), annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)},
        )  # fmt: skip
    panel.text(1.03, 1.04, "images in a call: µs per image, of its roof", transform=panel.transAxes, fontsize=8)


def spread(wanted: list[float], gap: float) -> list[float]:
    """Ascending heights, moved as little upwards as leaves `gap` between them, then down together from where they pass 1."""
    placed: list[float] = []
    for height in wanted:
        placed.append(max(height, placed[-1] + gap) if placed else height)
    top = 1.0
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], top)
        top = placed[i] - gap
    return placed
