"""What a person sees of a conversion: one table, for the terminal and for report.html, and one figure."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from typing import Any

from convert.proof import Proof
from convert.run_folder import Run
from convert.statistics import wilson
from edgeproof.bundle import Artifact, Manifest
from edgeproof.report import Section, page, paragraph, picture, table

HEADERS = (
    "", "artifact", "bytes", "right", "accuracy", "95 % interval", "as crops", "agrees", "max Δp", "accepted", "p50 ms", "why"
)  # fmt: skip


def table_rows(run: Run, manifest: Manifest, proofs: dict[str, Proof]) -> list[tuple[str, ...]]:
    """One row of text per artifact, under HEADERS; Keras first, as what the others are compared with."""
    times = {choice.artifact: choice.p50_ms for choice in reversed(manifest.ranking)}  # the best runtime's counts
    images = len(run.test.labels)
    keras = (
        "", "Keras", f"{run.model.stat().st_size:,}", str(run.test.correct), f"{run.test.correct / images:.2%}",
        _interval(*wilson(run.test.correct, images)), "", "", "", "", "", f"{images:,} test images",
    )  # fmt: skip
    return [keras, *(_row(row, proofs.get(row.name), times.get(row.name)) for row in manifest.artifacts)]


def _row(row: Artifact, proof: Proof | None, p50_ms: float | None) -> tuple[str, ...]:
    size = f"{row.bytes:,}" if row.bytes else ""
    if proof is None:  # there was nothing to measure
        return (row.status, row.name, size, *[""] * 8, row.reason)
    through_glyph = row.accuracy_through_glyph
    return (
        row.status,
        row.name,
        size,
        str(row.correct),
        f"{row.accuracy:.2%}",
        _interval(row.accuracy_low, row.accuracy_high),
        "" if through_glyph is None else f"{through_glyph:.2%}",
        f"{row.agreement:.2%}",
        f"{row.max_probability_difference:.2g}",
        f"{proof.accepted:.2%}",
        "" if p50_ms is None else f"{p50_ms:.3f}",
        row.reason,
    )


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.2f}–{100 * high:.2f}"


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; an emoji takes two places on a terminal. First, second, last to the left."""

    def width(text: str) -> int:
        return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

    widths = [max(width(row[i]) for row in [headers, *rows]) for i in range(len(headers))]
    left = {0, 1, len(headers) - 1}

    def line(row: Sequence[str]) -> str:
        pads = [" " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
        cells = [cell + pad if i in left else pad + cell for i, (cell, pad) in enumerate(zip(row, pads, strict=True))]
        return "  ".join(cells).rstrip()

    return "\n".join(map(line, [headers, *rows]))


def html_report(run: Run, manifest: Manifest, proofs: dict[str, Proof]) -> bytes:
    """report.html of a bundle."""
    best = manifest.ranking[0]
    convert, gate = run.options.convert, run.options.gate
    return page(
        f"{manifest.name}: what was converted, and what it is worth",
        [
            Section(
                "Deploy this",
                (
                    paragraph(f"{best.artifact} with {best.backend}: {best.reason}."),
                    picture(figure(manifest), "Accuracy against time and size; bars are 95 % Wilson intervals."),
                ),
            ),
            Section(
                "Artifacts",
                (
                    table(HEADERS, table_rows(run, manifest, proofs)),
                    paragraph("✅ usable · ❎ exported, but failed its proof · ❌ could not be exported."),
                    paragraph(
                        "“as crops”: accuracy when each test image is treated as a piece of a picture. “accepted”: share of "
                        f"the test images whose score reaches the threshold of {convert.threshold:g} (temperature "
                        f"{convert.temperature:g}, not fitted) and that are not called a reject. “p50”: one glyph, one thread, "
                        "on the machine that converted."
                    ),
                    paragraph(
                        f"Gate: at most {gate.max_drop_points:g} points less accurate than Keras, accuracy at least "
                        f"{gate.min_accuracy:g}, {'any size' if gate.max_bytes is None else f'{gate.max_bytes:,} bytes'}, no "
                        "golden answer changed."
                    ),
                ),
            ),
            Section(
                "Ranking",
                (table(("artifact", "runtime", "why"), [(c.artifact, c.backend, c.reason) for c in manifest.ranking]),),
            ),
            Section(
                "Proven on", (table(("artifact", "runtime"), [(r.name, r.proven_on) for r in manifest.artifacts]),)
            ),
        ],
    )


def figure(manifest: Manifest) -> bytes:
    """PNG: accuracy over time (left) and over size (right), one point per artifact and runtime that can be used."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(11, 4.5), layout="constrained")
    axes: Any = drawing.subplots(1, 2, sharey=True)
    for choice in manifest.ranking:
        row = manifest.artifact(choice.artifact)
        below, above = 100 * (row.accuracy - row.accuracy_low), 100 * (row.accuracy_high - row.accuracy)
        for axis, x in ((axes[0], choice.p50_ms), (axes[1], row.bytes / 1000)):
            axis.errorbar(
                x,
                100 * row.accuracy,
                yerr=[[below], [above]],
                fmt="o",
                capsize=3,
                label=f"{row.name}, {choice.backend}",
            )
    axes[0].set(xlabel="one glyph, p50 (ms)", ylabel="accuracy on the test images (%)", xlim=(0, None))
    axes[1].set(xlabel="size (kB)", xlim=(0, None))
    drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    for axis in axes:
        axis.grid(alpha=0.3)
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
