"""report.html of a bundle: what to deploy first, then all that was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.choose.choice import Verdict
from convert.proof.evidence import Evidence, temperature
from convert.proof.gate import described
from convert.proof.layer_error import LayerError
from convert.report.deploy import CHOICE, choice_html
from convert.report.tables import (
    ARTIFACT_HEADERS,
    RUNTIME_NOTE,
    THRESHOLD_HEADERS,
    artifact_rows,
    runtime_table,
    threshold_rows,
)
from convert.run_folder import Run
from convert.statistics import Paired
from edgeproof import scores
from edgeproof.input_contract import InputContract, as_seen, in_bgr
from edgeproof.manifest import Manifest
from edgeproof.support import html_page
from edgeproof.support.html_page import Section

WORDS = {"✅": "✅ passed", "❎": "❎ failed its proof", "❌": "❌ not exported"}
PICTURES = 40  # changed answers shown per artifact, all of nearly every one that passes; all are counted
ON_A_PAGE = (
    " What is of no class is drawn: a sign, a letter, a scribble, a part of a digit. On a page, less is asked of a glyph among "
    "digits and more of one among other things."
)


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
            _thresholds(manifest),
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
    corrupted = next((pairs.images for found in evidence.values() for pairs in found.corrupted.values()), images)
    rows = [(WORDS.get(row[0], ""), *row[1:]) for row in artifact_rows(run, manifest, evidence)]
    budget = gate.drop_points(images, 1 - run.test.correct / images)
    return Section(
        "Artifacts",
        (
            html_page.table(ARTIFACT_HEADERS, rows),
            html_page.paragraph(
                "“as crops”: accuracy when each test image is treated as a piece of a picture. “accepted”: share of the test "
                f"images whose score reaches the artifact's threshold (temperature {temperature(run):g}) and that "
                "are not called a reject. “lost”, “gained”: images that only Keras, or only the artifact, has right."
            ),
            html_page.paragraph(
                f"Gate: with 95 % certainty at most {budget:.3g} points less accurate than Keras (Tango's "
                "interval of the paired difference), at most "
                f"{gate.corruption_drop_points(corrupted):.3g} on the worst kind of corruption; accuracy at least "
                f"{gate.min_accuracy:g}, recall of each class at least {gate.min_class_recall:g}; "
                f"{'any size' if gate.max_bytes is None else f'at most {gate.max_bytes:,} bytes'}; no golden answer changed."
            ),
        ),
    )


def _thresholds(manifest: Manifest) -> Section:
    rows = threshold_rows(manifest.usable)
    if not rows:
        text = f"A score below {manifest.threshold:g} is refused: the run had no images, or too few, to find a threshold on."
        return Section("From which score on an answer is taken", (html_page.paragraph(text),))
    return Section(
        "From which score on an answer is taken",
        (
            html_page.table(THRESHOLD_HEADERS, rows),
            html_page.paragraph(
                "Found on each artifact's own answers to the validation images, by a rule that also holds for the next image, "
                "and counted on the test images; 95 % intervals." + (ON_A_PAGE if manifest.input.ink else "")
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
            html_page.paragraph(f"Right answers; {RUNTIME_NOTE}."),
            html_page.table(*runtime_table([proof for item in evidence.values() for proof in item.proofs])),
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
                        _png(run.test.images[i], run.record.input),
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


def _png(image: NDArray[np.uint8], contract: InputContract) -> bytes:
    """An image of `contract` as a person sees it."""
    seen = as_seen(image, contract)
    _, content = cv2.imencode(".png", in_bgr(seen) if seen.ndim == 3 else seen)
    return bytes(content)
