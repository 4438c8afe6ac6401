"""What an artifact answers to the test images, on the runtime that will run it, beside what Keras answered.

The path is the device's own (`edgeproof.classify`): same encoding, same batches, same dequantization.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.run_folder import Answered, Run
from convert.statistics import wilson
from edgeproof import bundle, glyph, scores
from edgeproof.backends import open_backend
from edgeproof.bundle import Artifact, Bundle, Choice, Golden, Manifest
from edgeproof.classify import Classifier, Facts
from edgeproof.machine import environment

#: The runtime that each format is proven on: its own.
REFERENCE = {"onnx": "onnxruntime", "tflite": "litert"}


@dataclass(frozen=True)
class Proof:
    """An artifact's row with all that was measured, and what the row has no place for.

    golden: float32 (n, classes), what it answers to the golden images. changed_golden: how many answers differ from Keras.
    accepted: share of the test images whose score reaches the threshold and that are not called "reject", in 0..1.
    """

    row: Artifact
    golden: NDArray[np.float32]
    changed_golden: int
    accepted: float


def prove(row: Artifact, folder: Path, run: Run, crops: NDArray[np.uint8] | None) -> Proof:
    """Execute the file of `row` in `folder` on all test images, on `crops` (the same as glyphs of pictures), on golden.

    Raises IntegrityError when the runtime refuses the file or gives a value that is not finite.
    """
    draft = draft_bundle(run, folder, (row,), {}, ())
    name = REFERENCE[row.format]
    backend = open_backend(name, draft.file(row), row, "cpu", threads=1)
    facts = Facts(row.name, name, backend.provider, backend.version, requested="cpu")
    with Classifier(draft, row, backend, facts) as classifier:
        logits = classifier.logits(run.test.images)
        golden = classifier.logits(run.golden.images)
        through_glyph = None if crops is None else _accuracy(classifier.logits(crops), run.test)
    options, machine = run.options.convert, environment()
    labels, _ = scores.decide(logits, run.record.classes, options.temperature, options.threshold)
    return Proof(
        row=replace(
            _compared(row, logits, run.test),
            accuracy_through_glyph=through_glyph,
            proven_on=f"{name} {backend.version} {backend.provider} on {machine.cpu} ({' '.join(machine.isa)})",
        ),
        golden=golden,
        changed_golden=int((golden.argmax(axis=1) != run.golden.logits.argmax(axis=1)).sum()),
        accepted=float((labels != scores.REJECTED).mean()),
    )


def glyph_crops(run: Run) -> NDArray[np.uint8] | None:
    """The test images as the device would see them in a picture; None for classes that are not ink."""
    return glyph.through_glyph(run.test.images) if run.record.glyph != "none" else None


def draft_bundle(
    run: Run,
    folder: Path,
    rows: tuple[Artifact, ...],
    golden: Mapping[str, NDArray[np.float32]],
    ranking: tuple[Choice, ...],
) -> Bundle:
    """A bundle as it stands so far, its files in `folder`: enough for the device's code to run it."""
    manifest = Manifest(
        schema=bundle.SCHEMA,
        name=run.record.name,
        classes=run.record.classes,
        glyph=run.record.glyph,
        artifacts=rows,
        ranking=ranking,
        golden_sha256="",
        temperature=run.options.convert.temperature,
        threshold=run.options.convert.threshold,
    )
    return Bundle(folder, manifest, Golden(run.golden.images, run.golden.labels, golden))


def _compared(row: Artifact, logits: NDArray[np.float32], test: Answered) -> Artifact:
    """`row` with the counts that `logits` (n, classes) gives on the test images."""
    answers, images = logits.argmax(axis=1), len(test.labels)
    correct = int((answers == test.labels).sum())
    low, high = wilson(correct, images)
    return replace(
        row,
        correct=correct,
        images=images,
        accuracy=correct / images,
        accuracy_low=low,
        accuracy_high=high,
        agreement=float((answers == test.logits.argmax(axis=1)).mean()),
        max_probability_difference=float(np.abs(scores.softmax(logits) - scores.softmax(test.logits)).max()),
    )


def _accuracy(logits: NDArray[np.float32], test: Answered) -> float:
    return float((logits.argmax(axis=1) == test.labels).mean())
