"""Accuracy against time and size as a picture, with intervals."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from convert.choose.choice import Verdict


def pareto_png(verdicts: Sequence[Verdict]) -> bytes:
    """PNG: accuracy over time (left) and over size (right), one point per artifact and runtime."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    drawing = Figure(figsize=(11, 5), layout="constrained")
    axes: Any = drawing.subplots(1, 2, sharey=True)
    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]
    for number, verdict in enumerate(verdicts):
        artifact, time = verdict.artifact, verdict.artifact.timing
        up = 100 * artifact.accuracy
        heights = [[up - 100 * artifact.proof.accuracy_low], [100 * artifact.proof.accuracy_high - up]]
        widths = [[time.p50_ms - time.p50_low_ms], [time.p50_high_ms - time.p50_ms]]
        colour = colours[number % len(colours)]
        style: dict[str, Any] = {
            "fmt": "o" if verdict.front else "s", "capsize": 2, "elinewidth": 0.8, "color": colour,
            "markerfacecolor": colour if verdict.front else "none", "label": artifact.name,
        }  # fmt: skip
        axes[0].errorbar(time.p50_ms, up, yerr=heights, xerr=widths, **style)
        axes[1].errorbar(artifact.row.bytes / 1000, up, yerr=heights, **style)
    axes[0].set(xlabel="one image, p50 (ms)", ylabel="accuracy on the test images (%)", xscale="log")
    axes[0].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0].xaxis.set_major_formatter("{x:g}")
    axes[0].xaxis.set_minor_formatter(NullFormatter())
    axes[1].set(xlabel="size (kB)", xlim=(0, None))
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    for axis in axes:
        axis.grid(alpha=0.3)
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
