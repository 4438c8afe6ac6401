"""The tables that terminal, page and model card share: headers, and rows of text under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convert.choose.choice import Verdict, ratio_text
from convert.proof.evidence import Evidence
from convert.run_folder import Run
from convert.statistics import wilson
from edgeproof.manifest import Artifact, Manifest, Proof, Share

ARTIFACT_HEADERS = (
    "", "artifact", "bytes", "right", "accuracy % [95 %]", "as crops", "agrees", "max Δp", "accepted", "p50 ms", "why"
)  # fmt: skip

CHOICE_HEADERS = (
    "", "artifact", "runtime", "p50 ms", "time: float32 = 1", "kB", "accuracy % [95 %]", "Pareto", "why"
)  # fmt: skip

THRESHOLD_HEADERS = (
    "artifact", "reject bias", "threshold", "on", "taken", "95 %", "of these wrong", "95 %", "of no class refused", "why"
)  # fmt: skip
RUNTIME_NOTE = "in brackets how many only Keras (−), and how many only the artifact (+), has right"


def artifact_rows(run: Run, manifest: Manifest, evidence: Mapping[str, Evidence]) -> list[tuple[str, ...]]:
    """One row of text per artifact, under ARTIFACT_HEADERS; Keras first, as what the others are compared with."""
    times = {choice.artifact: choice.p50_ms for choice in reversed(manifest.ranking)}  # the best runtime's counts
    images = len(run.test.labels)
    keras = (
        "", "Keras", f"{run.model.stat().st_size:,}", str(run.test.correct),
        _percent(run.test.correct / images, *wilson(run.test.correct, images)), "", "", "", "", "",
        f"{images:,} test images",
    )  # fmt: skip
    return [keras, *(_artifact_row(row, evidence.get(row.name), times.get(row.name)) for row in manifest.artifacts)]


def _artifact_row(row: Artifact, evidence: Evidence | None, p50_ms: float | None) -> tuple[str, ...]:
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


def choice_rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """One row of text per artifact and runtime, under CHOICE_HEADERS, the default first."""
    rows: list[tuple[str, ...]] = []
    for number, verdict in enumerate(verdicts):
        artifact, time = verdict.artifact, verdict.artifact.timing
        rows.append(
            (
                "deploy" if number == 0 else "" if verdict.fits else "refused",
                artifact.row.name,
                artifact.proof.backend,
                f"{time.p50_ms:.3g} [{time.p50_low_ms:.3g}–{time.p50_high_ms:.3g}]",
                "" if verdict.to_float is None else ratio_text(verdict.to_float),
                f"{artifact.row.bytes / 1000:.1f}",
                _percent(artifact.accuracy, artifact.proof.accuracy_low, artifact.proof.accuracy_high),
                "front" if verdict.front else "",
                verdict.reason,
            )
        )
    return rows


def runtime_table(proofs: Sequence[Proof]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A table of right answers, "9,953 (−1 +2)": headers with a runtime each, and a row per artifact."""
    names = tuple(dict.fromkeys(proof.backend for proof in proofs))
    cells = {(p.artifact, p.backend): f"{p.correct:,} (−{p.lost} +{p.gained})" for p in proofs}
    artifacts = dict.fromkeys(proof.artifact for proof in proofs)
    rows = [(artifact, *(cells.get((artifact, name), "–") for name in names)) for artifact in artifacts]
    return ("artifact", *names), rows


def threshold_rows(rows: Sequence[Artifact]) -> list[tuple[str, ...]]:
    """Per artifact with a threshold of its own, two lines of text, under THRESHOLD_HEADERS."""
    lines: list[tuple[str, ...]] = []
    for row in rows:
        if row.deciding is None:
            continue
        for name, part in (("validation", row.deciding.validation), ("test", row.deciding.test)):
            first = name == "validation"
            lines.append(
                (
                    row.name if first else "",
                    f"{row.deciding.reject_bias:+.2f}" if first else "",
                    f"{row.deciding.threshold:g}" if first else "",
                    name,
                    *_share(part.accepted),
                    *_share(part.wrong),
                    " ".join(_share(part.refused)) if part.refused.of else "",
                    row.deciding.reason if first else "had no say in it",
                )
            )
    return lines


def _share(share: Share) -> tuple[str, str]:
    return f"{share.count / max(share.of, 1):.2%}", f"{100 * share.low:.2f}–{100 * share.high:.2f}"
