"""What a person sees of a conversion: one table for the terminal, and report.html, which says first what to deploy."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convert.choose.choice import Verdict, ratio_text
from convert.proof import threshold
from convert.proof.evidence import BY_RUNTIME, Evidence, by_runtime, temperature
from convert.proof.gate import described
from convert.proof.layer_error import LayerError
from convert.run_folder import Run
from convert.statistics import Paired, wilson
from edgeproof import scores
from edgeproof.manifest import Artifact, Manifest
from edgeproof.support import html_page
from edgeproof.support.html_page import Section

HEADERS = (
    "", "artifact", "bytes", "right", "accuracy % [95 %]", "as crops", "agrees", "max Δp", "accepted", "p50 ms", "why"
)  # fmt: skip
WORDS = {"✅": "✅ passed", "❎": "❎ failed its proof", "❌": "❌ not exported"}
#: `python -m convert select` writes what stands between these lines anew.
CHOICE = ("<!-- choice -->", "<!-- end of choice -->")
PICTURES = 40  # changed answers shown per artifact, all of nearly every one that passes; all are counted


def table_rows(run: Run, manifest: Manifest, evidence: Mapping[str, Evidence]) -> list[tuple[str, ...]]:
    """One row of text per artifact, under HEADERS; Keras first, as what the others are compared with."""
    times = {choice.artifact: choice.p50_ms for choice in reversed(manifest.ranking)}  # the best runtime's counts
    images = len(run.test.labels)
    keras = (
        "", "Keras", f"{run.model.stat().st_size:,}", str(run.test.correct),
        _percent(run.test.correct / images, *wilson(run.test.correct, images)), "", "", "", "", "",
        f"{images:,} test images",
    )  # fmt: skip
    return [keras, *(_row(row, evidence.get(row.name), times.get(row.name)) for row in manifest.artifacts)]


def _row(row: Artifact, evidence: Evidence | None, p50_ms: float | None) -> tuple[str, ...]:
    size = f"{row.bytes:,}" if row.bytes else ""
    if evidence is None:  # there was nothing to measure
        return (row.status, row.name, size, *[""] * 7, row.reason)
    through_glyph = row.accuracy_through_glyph
    return (
        row.status,
        row.name,
        size,
        str(row.correct),
        _percent(row.accuracy, row.accuracy_low, row.accuracy_high),
        "" if through_glyph is None else f"{through_glyph:.2%}",
        f"{row.agreement:.2%}",
        f"{row.max_probability_difference:.2g}",
        f"{evidence.accepted:.2%}",
        "" if p50_ms is None else f"{p50_ms:.3f}",
        row.reason,
    )


def _percent(share: float, low: float, high: float) -> str:
    return f"{100 * share:.2f} [{100 * low:.2f}–{100 * high:.2f}]"


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


# ---- the choice ------------------------------------------------------------------------------------------------------

CHOICE_HEADERS = (
    "", "artifact", "runtime", "p50 ms", "time: float32 = 1", "kB", "accuracy % [95 %]", "Pareto", "why"
)  # fmt: skip


def choice_rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """One row of text per artifact and runtime, under CHOICE_HEADERS, the default first."""
    rows: list[tuple[str, ...]] = []
    for number, verdict in enumerate(verdicts):
        candidate, time = verdict.candidate, verdict.candidate.timing
        rows.append(
            (
                "deploy" if number == 0 else "" if verdict.fits else "refused",
                candidate.row.name,
                candidate.proof.backend,
                f"{time.p50_ms:.3g} [{time.p50_low_ms:.3g}–{time.p50_high_ms:.3g}]",
                "" if verdict.to_float is None else ratio_text(verdict.to_float),
                f"{candidate.row.bytes / 1000:.1f}",
                _percent(candidate.accuracy, candidate.proof.accuracy_low, candidate.proof.accuracy_high),
                "front" if verdict.front else "",
                verdict.reason,
            )
        )
    return rows


def choice_html(verdicts: Sequence[Verdict]) -> str:
    """The sentence that says what to deploy, the table of why, and the picture."""
    best = verdicts[0]
    slower = [v for v in verdicts if v.candidate.row.integer and v.to_float and v.to_float.low > 1]
    notes = [
        f"{v.candidate.name} is slower than float32 there: {ratio_text(v.to_float)} the time. It saves bytes, not time."
        for v in slower
        if v.to_float
    ]
    return "\n".join(
        (
            html_page.call(f"Deploy {best.candidate.row.name} with {best.candidate.proof.backend}."),
            html_page.paragraph(f"{best.reason[0].upper()}{best.reason[1:]}."),
            html_page.table(CHOICE_HEADERS, choice_rows(verdicts)),
            html_page.paragraph(
                "Times: one glyph, one thread, on the machine that converted, all by turns; 97.9 % intervals. ≈: not "
                "distinguishable. Front: nothing else is shown to be better in one respect and worse in none."
            ),
            *map(html_page.paragraph, notes),
            html_page.picture(
                pareto_png(verdicts), "Accuracy against time and size, with intervals; filled: Pareto front."
            ),
        )
    )


def pareto_png(verdicts: Sequence[Verdict]) -> bytes:
    """PNG: accuracy over time (left) and over size (right), one point per artifact and runtime."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    drawing = Figure(figsize=(11, 5), layout="constrained")
    axes: Any = drawing.subplots(1, 2, sharey=True)
    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]
    for number, verdict in enumerate(verdicts):
        candidate, time = verdict.candidate, verdict.candidate.timing
        up = 100 * candidate.accuracy
        heights = [[up - 100 * candidate.proof.accuracy_low], [100 * candidate.proof.accuracy_high - up]]
        widths = [[time.p50_ms - time.p50_low_ms], [time.p50_high_ms - time.p50_ms]]
        colour = colours[number % len(colours)]
        style: dict[str, Any] = {
            "fmt": "o" if verdict.front else "s", "capsize": 2, "elinewidth": 0.8, "color": colour,
            "markerfacecolor": colour if verdict.front else "none", "label": candidate.name,
        }  # fmt: skip
        axes[0].errorbar(time.p50_ms, up, yerr=heights, xerr=widths, **style)
        axes[1].errorbar(candidate.row.bytes / 1000, up, yerr=heights, **style)
    axes[0].set(xlabel="one glyph, p50 (ms)", ylabel="accuracy on the test images (%)", xscale="log")
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


# ---- the page --------------------------------------------------------------------------------------------------------


def html_report(
    run: Run,
    manifest: Manifest,
    evidence: Mapping[str, Evidence],
    verdicts: Sequence[Verdict],
    layers: Mapping[str, tuple[LayerError, ...]],
) -> bytes:
    """report.html of a bundle."""
    return html_page.page(
        f"{manifest.name}: what was converted, and what it is worth",
        [
            Section("Deploy this", (CHOICE[0], choice_html(verdicts), CHOICE[1])),
            _artifacts(run, manifest, evidence),
            _deciding(manifest),
            _proofs(evidence),
            _changed(run, evidence),
            _corrupted(evidence),
            _layers(layers),
            _recall(evidence),
            Section("Proven on", (html_page.table(("artifact", "runtime"), _proven_on(manifest)),)),
        ],
    )


def _artifacts(run: Run, manifest: Manifest, evidence: Mapping[str, Evidence]) -> Section:
    gate, images = run.options.gate, len(run.test.labels)
    rows = [(WORDS.get(row[0], ""), *row[1:]) for row in table_rows(run, manifest, evidence)]
    return Section(
        "Artifacts",
        (
            html_page.table(HEADERS, rows),
            html_page.paragraph(
                "“as crops”: accuracy when each test image is treated as a piece of a picture. “accepted”: share of the test "
                f"images whose score reaches the artifact's threshold (temperature {temperature(run):g}) and that "
                "are not called a reject. “lost”, “gained”: images that only Keras, or only the artifact, has right."
            ),
            html_page.paragraph(
                f"Gate: with 95 % certainty at most {gate.drop_points(images):.3g} points less accurate than Keras (Tango's "
                "interval of the paired difference), at most "
                f"{gate.corruption_drop_points(images):.3g} on the worst kind of corruption; accuracy at least "
                f"{gate.min_accuracy:g}, recall of each class at least {gate.min_class_recall:g}; "
                f"{'any size' if gate.max_bytes is None else f'at most {gate.max_bytes:,} bytes'}; no golden answer changed."
            ),
        ),
    )


def _deciding(manifest: Manifest) -> Section:
    rows = threshold.table_rows(manifest.usable)
    if not rows:
        text = f"A score below {manifest.threshold:g} is refused: the run had no images, or too few, to find a threshold on."
        return Section("From which score on an answer is taken", (html_page.paragraph(text),))
    return Section(
        "From which score on an answer is taken",
        (
            html_page.table(threshold.HEADERS, rows),
            html_page.paragraph(
                "Found on each artifact's own answers to the validation images, by a rule that also holds for the next digit, "
                "and counted on the test images; 95 % intervals. A “non-digit” is drawn: a sign, a letter, a scribble, a part "
                "of a digit. On a page, less is asked of a glyph among digits and more of one among other things."
            ),
        ),
    )


def _proofs(evidence: Mapping[str, Evidence]) -> Section:
    headers = (
        "artifact", "runtime", "right", "lost", "gained", "drop ≤", "McNemar p", "agrees", "max Δp", "mean Δp", "worst class",
        "ECE", "verdict",
    )  # fmt: skip
    rows = []
    for item in evidence.values():
        for proof in item.proofs:
            pairs = Paired(proof.lost, proof.gained, proof.images)
            worst = min(proof.recall, key=lambda name, recall=proof.recall: recall[name])  # type: ignore[misc]
            rows.append(
                (
                    proof.artifact, f"{proof.backend} {proof.version}", proof.correct, proof.lost, proof.gained,
                    f"{100 * proof.drop_limit:.2f}", f"{proof.p:.2g}", f"{proof.agreement:.2%}",
                    f"{proof.max_probability_difference:.2g}", f"{proof.mean_probability_difference:.1e}",
                    f"{worst}: {proof.recall[worst]:.1%}", f"{proof.calibration_error:.4f}", pairs.verdict,
                )
            )  # fmt: skip
    return Section(
        "Each artifact on each runtime, beside Keras",
        (
            html_page.paragraph(f"Right answers; {BY_RUNTIME}."),
            html_page.table(*by_runtime([proof for item in evidence.values() for proof in item.proofs])),
            *(html_page.paragraph(f"Not proven: {line}.") for line in _absent(evidence)),
            html_page.table(headers, rows),
        ),
    )


def _absent(evidence: Mapping[str, Evidence]) -> list[str]:
    """Per runtime and reason one line, which names the artifacts."""
    names: dict[tuple[str, str], list[str]] = {}
    for artifact, item in evidence.items():
        for runtime, reason in item.absent:
            names.setdefault((runtime, reason.replace(f"{artifact}: ", "")), []).append(artifact)
    return [f"{', '.join(artifacts)} on {runtime}: {reason}" for (runtime, reason), artifacts in names.items()]


def _changed(run: Run, evidence: Mapping[str, Evidence]) -> Section:
    """The test images to which an artifact, on its own runtime, gives another answer than Keras; the surest first."""
    parts = []
    keras, classes = run.test.logits.argmax(axis=1), run.record.classes
    for name, item in evidence.items():
        answers = item.logits.argmax(axis=1)
        changed = np.flatnonzero(answers != keras)
        if not len(changed):
            continue
        sure = scores.softmax(item.logits[changed], temperature(run)).max(axis=1)
        shown = changed[np.argsort(-sure, kind="stable")][:PICTURES]
        first = item.proofs[0]
        pairs = Paired(first.lost, first.gained, first.images)
        more = f"; the {PICTURES} surest" if len(changed) > PICTURES else ""
        parts.append(html_page.paragraph(f"{name}: {len(changed)} changed; {described(pairs)}{more}"))
        parts.append(
            html_page.gallery(
                [
                    (
                        _png(run.test.images[i]),
                        f"#{i}: is {classes[run.test.labels[i]]}, Keras {classes[keras[i]]}, here {classes[answers[i]]} "
                        f"({scores.softmax(item.logits[i]).max():.2f})",
                    )
                    for i in shown
                ]
            )
        )
    return Section("Changed answers", tuple(parts) or (html_page.paragraph("None: all answers are those of Keras."),))


def _corrupted(evidence: Mapping[str, Evidence]) -> Section:
    measured = {name: item for name, item in evidence.items() if item.corrupted}
    if not measured:
        return Section("Corrupted images", (html_page.paragraph("Not measured."),))
    first = next(iter(measured.values()))
    kinds, images = list(first.corrupted), next(iter(first.corrupted.values())).images
    keras = [first.row.corrupted[kind] + first.corrupted[kind].drop for kind in kinds]
    rows = [
        ("Keras", keras),
        *((name, [item.row.corrupted[kind] for kind in kinds]) for name, item in measured.items()),
    ]
    limits = [(name, [100 * item.corrupted[kind].drop_limit for kind in kinds]) for name, item in measured.items()]
    return Section(
        "Corrupted images",
        (
            html_page.paragraph(
                f"Accuracy on {images:,} test images, on each artifact's own runtime; the redder, the lower."
            ),
            html_page.heat_table(("", *kinds), rows, text=lambda v: f"{v:.1%}", heat=lambda v: 3 * (1 - v)),
            html_page.paragraph(
                "Drop against Keras on the same images, upper 95 % limit, percentage points; red: 5 or more."
            ),
            html_page.heat_table(("", *kinds), limits, text=lambda v: f"{v:.2f}", heat=lambda v: v / 5),
        ),
    )


def _layers(layers: Mapping[str, tuple[LayerError, ...]]) -> Section:
    rows = [(name, [error.signal_to_noise_db for error in errors]) for name, errors in layers.items() if errors]
    if not rows:
        return Section(
            "Error per layer", (html_page.paragraph("No integer artifact whose layers match the float file's."),)
        )
    deepest = max(len(values) for _, values in rows)
    padded: list[tuple[str, list[float | None]]] = [
        (name, [*values, *[None] * (deepest - len(values))]) for name, values in rows
    ]
    return Section(
        "Error per layer",
        (
            html_page.paragraph(
                "Signal-to-noise ratio of each layer's result against the float file's, in decibels, in the order of the "
                "layers: 40 is a hundredth off, 20 a tenth; red: 15 or less. ∞: computed in float."
            ),
            html_page.heat_table(
                ("", *(f"layer {i + 1}" for i in range(deepest))),
                padded,
                text=lambda v: "∞" if v == float("inf") else f"{v:.1f}",
                heat=lambda v: (35 - v) / 20,
            ),
        ),
    )


def _recall(evidence: Mapping[str, Evidence]) -> Section:
    rows = [(f"{p.artifact}, {p.backend}", list(p.recall.values())) for item in evidence.values() for p in item.proofs]
    names = next((list(p.recall) for item in evidence.values() for p in item.proofs), [])
    return Section(
        "Recall per class",
        (html_page.heat_table(("", *names), rows, text=lambda v: f"{v:.2%}", heat=lambda v: 10 * (1 - v)),),
    )


def _proven_on(manifest: Manifest) -> list[tuple[str, str]]:
    return [(row.name, row.proven_on) for row in manifest.artifacts]


def _png(image: Any) -> bytes:
    """A glyph as a person writes it: dark on light. uint8 (28, 28), 0 = paper."""
    import cv2

    _, content = cv2.imencode(".png", 255 - image)
    return bytes(content)
