"""What an artifact answers to the test images, on every runtime that can run it, beside what Keras answered.

The path is the device's own (`edgeproof.classify`): same encoding, same batches, same dequantization.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert import corruption
from convert.keras_model import keras_logits
from convert.run_folder import Answered, Run
from convert.statistics import Paired, calibration_error, paired, wilson
from edgeproof import bundle, glyph, scores
from edgeproof.backends import FORMATS, open_backend
from edgeproof.bundle import Artifact, Bundle, Choice, Golden, Manifest, Proof
from edgeproof.classify import Classifier, Facts
from edgeproof.errors import IntegrityError, UnavailableError
from edgeproof.machine import environment

#: The runtime that each format is proven on first: its own. What it says is the artifact's row.
REFERENCE = {"onnx": "onnxruntime", "tflite": "litert"}


@dataclass(frozen=True)
class Examination:
    """What every artifact is asked beside the test images, and what Keras answered.

    crops: the test images as glyphs of pictures, uint8 (n, 28, 28); null for classes that are not ink.
    corrupted: per kind, images uint8 (m, 28, 28) and the answers of Keras, int64 (m,); labels: int64 (m,).
    """

    crops: NDArray[np.uint8] | None
    corrupted: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """An artifact's row with all that was measured, and what the row has no place for.

    proofs: per runtime, the reference first. absent: why other runtimes gave none.
    logits, golden: float32 (n, classes), what the reference answers to the test and to the golden images.
    changed_golden: how many of the golden answers differ from Keras.
    accepted: share of the test images whose score reaches the threshold and that are not called "reject", in 0..1.
    corrupted: per kind, the answers to the corrupted images paired with those of Keras.
    """

    row: Artifact
    proofs: tuple[Proof, ...]
    absent: tuple[str, ...]
    logits: NDArray[np.float32]
    golden: NDArray[np.float32]
    changed_golden: int
    accepted: float
    corrupted: Mapping[str, Paired]


def examination(run: Run, model: Any) -> Examination:
    """Prepare the questions, and let Keras answer them."""
    chosen = corruption.sample(len(run.test.labels))
    corrupted = {
        kind: (images, keras_logits(model, images).argmax(axis=1))
        for kind, images in corruption.corrupt(run.test.images[chosen]).items()
    }
    crops = glyph.through_glyph(run.test.images) if run.record.glyph != "none" else None
    return Examination(crops, corrupted, run.test.labels[chosen])


def prove(row: Artifact, folder: Path, run: Run, asked: Examination) -> Evidence:
    """Execute the file of `row` in `folder` on everything that is asked.

    Raises IntegrityError when its own runtime refuses the file or gives a value that is not finite.
    """
    draft = draft_bundle(run, folder, (row,), {}, ())
    options = run.options.convert
    reference = REFERENCE[row.format]
    with _opened(draft, row, reference) as classifier:
        logits = classifier.logits(run.test.images)
        golden = classifier.logits(run.golden.images)
        through_glyph = None if asked.crops is None else _accuracy(classifier.logits(asked.crops), run.test)
        corrupted = {
            kind: (classifier.logits(images).argmax(axis=1), keras) for kind, (images, keras) in asked.corrupted.items()
        }
        facts = classifier.facts
    first = compared(facts, logits, run)
    others, absent = _elsewhere(draft, row, run)
    machine = environment()
    labels, _ = scores.decide(logits, run.record.classes, temperature(run), options.threshold)
    return Evidence(
        row=replace(
            row,
            correct=first.correct,
            images=first.images,
            accuracy=first.correct / first.images,
            accuracy_low=first.accuracy_low,
            accuracy_high=first.accuracy_high,
            accuracy_through_glyph=through_glyph,
            agreement=first.agreement,
            max_probability_difference=first.max_probability_difference,
            proven_on=f"{reference} {facts.version} {facts.provider} on {machine.cpu} ({' '.join(machine.isa)})",
            corrupted={kind: float((found == asked.labels).mean()) for kind, (found, _) in corrupted.items()},
        ),
        proofs=(first, *others),
        absent=absent,
        logits=logits,
        golden=golden,
        changed_golden=int((golden.argmax(axis=1) != run.golden.logits.argmax(axis=1)).sum()),
        accepted=float((labels != scores.REJECTED).mean()),
        corrupted={kind: paired(keras, found, asked.labels) for kind, (found, keras) in corrupted.items()},
    )


def compared(facts: Facts, logits: NDArray[np.float32], run: Run) -> Proof:
    """The proof that `logits` (n, classes) give on the test images of `run`."""
    test, classes = run.test, run.record.classes
    answers, keras = logits.argmax(axis=1), test.logits.argmax(axis=1)
    right = answers == test.labels
    pairs = paired(keras, answers, test.labels)
    low, high = wilson(int(right.sum()), len(right))
    difference = np.abs(scores.softmax(logits) - scores.softmax(test.logits))
    probabilities = scores.softmax(logits, temperature(run)).max(axis=1)
    return Proof(
        artifact=facts.artifact,
        backend=facts.backend,  # type: ignore[arg-type]
        version=facts.version,
        correct=int(right.sum()),
        images=len(right),
        accuracy_low=low,
        accuracy_high=high,
        lost=pairs.lost,
        gained=pairs.gained,
        drop_limit=pairs.drop_limit,
        p=pairs.p,
        agreement=float((answers == keras).mean()),
        max_probability_difference=float(difference.max()),
        mean_probability_difference=float(difference.mean(dtype=np.float64)),
        recall={classes[label]: float(right[test.labels == label].mean()) for label in np.unique(test.labels)},
        calibration_error=calibration_error(probabilities, right),
    )


def runtimes(row: Artifact) -> tuple[str, ...]:
    """The runtimes that take the format of `row`, its own first."""
    reference = REFERENCE[row.format]
    return (reference, *(name for name, format in FORMATS.items() if format == row.format and name != reference))


def temperature(run: Run) -> float:
    """What divides the logits on the device: the recipe's, or what train fitted, or 1."""
    chosen = run.options.convert.temperature
    return run.record.temperature if chosen is None else chosen


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
        temperature=temperature(run),
        threshold=run.options.convert.threshold,
    )
    return Bundle(folder, manifest, Golden(run.golden.images, run.golden.labels, golden))


def _elsewhere(draft: Bundle, row: Artifact, run: Run) -> tuple[list[Proof], tuple[str, ...]]:
    """The proofs on the other runtimes that are here, and in words why there are no more."""
    proofs, absent = [], []
    for name in runtimes(row)[1:]:
        try:
            with _opened(draft, row, name) as classifier:
                proofs.append(compared(classifier.facts, classifier.logits(run.test.images), run))
        except (IntegrityError, UnavailableError) as error:
            absent.append(f"{row.name} on {name}: {error}")
    return proofs, tuple(absent)


def _opened(draft: Bundle, row: Artifact, name: str) -> Classifier:
    backend = open_backend(name, draft.file(row), row, "cpu", threads=1)
    return Classifier(draft, row, backend, Facts(row.name, name, backend.provider, backend.version, requested="cpu"))


def _accuracy(logits: NDArray[np.float32], test: Answered) -> float:
    return float((logits.argmax(axis=1) == test.labels).mean())
