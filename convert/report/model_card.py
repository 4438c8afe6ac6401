"""The model card: README.md in the bundle, for whoever finds the folder without its maker. Written from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convert.proof.evidence import temperature
from convert.report.tables import RUNTIME_NOTE, THRESHOLD_HEADERS, runtime_table, threshold_rows
from convert.run_folder import Run
from edgeproof.input_contract import InputContract
from edgeproof.manifest import Artifact, Manifest
from edgeproof.scores import REJECT

CARD = "README.md"
#: Between these lines stands the default, which `python -m convert select` may change.
DEFAULT = ("<!-- default -->", "<!-- end of default -->")


def model_card(run: Run, manifest: Manifest) -> bytes:
    """README.md of a bundle, Markdown."""
    data: dict[str, Any] = run.record.data
    counts = ", ".join(f"{data[part]:,} {part}" for part in ("train", "validation", "test") if part in data)
    parameters = run.table.get("parameters")
    lines = [
        f"# {manifest.name}",
        "",
        f"A classifier of {_what(manifest.input)} into {len(manifest.classes)} classes: {', '.join(manifest.classes)}."
        + (f" {parameters:,} parameters." if isinstance(parameters, int) else ""),
        "",
        DEFAULT[0],
        default_text(manifest),
        DEFAULT[1],
        "",
        "## Data",
        f"- Data set: {data.get('name', 'not stated')}" + (f" ({counts} images)" if counts else ""),
        f"- Fingerprint: `{data.get('fingerprint', 'not stated')}`",
        f"- Recipe: sha256 `{run.record.recipe_sha256}`, seed {run.table.get('seed', 'not stated')}",
        f"- Calibration of 8 bits: {len(run.calibration.labels)} training images; none of the test images is among them.",
        "",
        "## Accuracy",
        f"On {len(run.test.labels):,} test images; Keras had {run.test.correct:,} right "
        f"({run.test.correct / len(run.test.labels):.2%}). “Drop ≤”: 95 % upper limit of the loss against Keras, points.",
        "",
        "| artifact | bytes | accuracy | 95 % interval | as crops | drop ≤ | worst corruption |",
        "|---|---:|---:|---:|---:|---:|---|",
        *(_row(row, manifest) for row in manifest.usable),
        "",
        *_runtimes(manifest),
        *_left_out(manifest),
        *_thresholds(manifest),
        "## Limits",
        *(f"- {limit}" for limit in _limits(run, manifest)),
        "",
        "## Use",
        f"`edgeproof read picture.jpg --bundle PATH` reads with it, `edgeproof verify PATH` proves it again on a device. "
        f"Inputs: {manifest.input}; every graph takes raw pixel values 0–255{_order(manifest.input)} and ends in "
        f"logits; temperature {manifest.temperature:g}, threshold "
        + ("as above." if any(row.deciding for row in manifest.usable) else f"{manifest.threshold:g}."),
        "",
        "## Licence",
        "The model files are Apache-2.0, like the program that made them. The images of the data set stay under the data set's "
        "own licence; golden.npz holds a few of them.",
        "",
    ]
    return "\n".join(lines).encode()


def default_text(manifest: Manifest) -> str:
    best = manifest.ranking[0]
    return f"Default: **{best.artifact}** with {best.backend} ({best.reason})."


def _what(contract: InputContract) -> str:
    height, width, channels = contract.tensor_shape
    kind = "glyphs" if contract.ink else "grey pictures" if channels == 1 else "colour pictures"
    return f"{height}×{width} {kind}"


def _order(contract: InputContract) -> str:
    return " (0 = paper)" if contract.ink else " in the order red, green, blue" if contract.channels == 3 else ""


def _row(row: Artifact, manifest: Manifest) -> str:
    through = "" if row.accuracy_through_glyph is None else f"{row.accuracy_through_glyph:.2%}"
    limits = [100 * proof.drop_limit for proof in manifest.proofs if proof.artifact == row.name]
    worst = min(row.corrupted, key=lambda kind: row.corrupted[kind], default="")
    cells = (
        row.name,
        f"{row.bytes:,}",
        f"{row.accuracy:.2%}",
        f"{100 * row.accuracy_low:.2f}–{100 * row.accuracy_high:.2f}",
        through,
        f"{max(limits, default=float('nan')):.2f}",
        f"{worst} {row.corrupted[worst]:.1%}" if worst else "",
    )
    return f"| {' | '.join(cells)} |"


def _runtimes(manifest: Manifest) -> list[str]:
    return [
        f"Right answers on each runtime that was there; {RUNTIME_NOTE}:",
        "",
        *_table(*runtime_table(manifest.proofs)),
        "",
    ]


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Numbers to the right; the first column is a name."""
    rule = ["---", *["---:"] * (len(headers) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (headers, rule, *rows)]


def _thresholds(manifest: Manifest) -> list[str]:
    rows = threshold_rows(manifest.usable)
    if not rows:
        return []
    return [
        "## Deciding",
        "From which score on the answer of an artifact is taken, found on its own answers to the validation images.",
        "",
        *_table(THRESHOLD_HEADERS, rows),
        "",
    ]


def _left_out(manifest: Manifest) -> list[str]:
    rows = [f"- {row.status} {row.name}: {row.reason}" for row in manifest.artifacts if row.status != "✅"]
    return ["Not usable:", *rows, ""] if rows else []


def _limits(run: Run, manifest: Manifest) -> list[str]:
    limits = [
        "The figures are for pictures like those of the data set. Other pens, papers and cameras give others: measure yours.",
        "Scores are no probabilities of being right on pictures unlike the data"
        + (
            f"; the temperature {temperature(run):g} was fitted on validation images." if temperature(run) != 1 else "."
        ),
        "8-bit answers may differ by a few in ten thousand between CPUs with and without VNNI.",
    ]
    if manifest.classes[-1] != REJECT:
        limits.append("It has no class for what is none of its classes: a letter or a blank gets the name of a class.")
    return limits
