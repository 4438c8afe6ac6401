"""What an artifact answers to the test images, on every runtime that can run it, beside what Keras answered.

The path is the device's own (`edgeproof.classifier`): same encoding, same batches, same dequantization.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convert.keras_model import keras_logits
from convert.proof import corruption, threshold
from convert.proof.proof_only_backends import FORMATS as PROOF_ONLY
from convert.proof.proof_only_backends import open_proof_only
from convert.run_folder import Run
from convert.statistics import Paired, paired, wilson
from edgeproof import glyph, scores
from edgeproof.backends import BACKENDS, OWN, open_backend
from edgeproof.bundle import Bundle, Golden
from edgeproof.classifier import Classifier, Facts, largest_batch
from edgeproof.errors import EdgeproofError, IntegrityError, UnavailableError
from edgeproof.manifest import SCHEMA, Artifact, Choice, Deciding, Manifest, Proof
from edgeproof.run_folder import Answered
from edgeproof.support.machine import environment

if TYPE_CHECKING:
    import keras

INTERPRETERS = min(
    4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
)  # interpreters at work at a time
MAX_REASON = 200  # characters of what a runtime says
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of a disk, which is no fault of a runtime
BATCHES = 4  # that one of them takes at a time: whole ones, so that sharing changes no answer

Ask = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
Told = Callable[[str, int], None]


@dataclass(frozen=True)
class Questions:
    """What every artifact is asked beside the test images, and what Keras answered.

    crops: the test images as glyphs of pictures, uint8 (n, H, W); null for classes that are not ink.
    corrupted: per kind, images uint8 (m, …) and the answers of Keras, int64 (m,); labels: int64 (m,).
    """

    crops: NDArray[np.uint8] | None
    corrupted: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.int64]]]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """An artifact's row with all that was measured, and what the row has no place for.

    proofs: per runtime, the reference first. absent: other runtimes, and why they gave none.
    logits, golden: float32 (n, classes), what the reference answers to the test and to the golden images.
    changed_golden: how many of the golden answers differ from Keras.
    accepted: share of the test images whose score reaches the threshold and that are not called "reject", in 0..1.
    corrupted: per kind, the answers to the corrupted images paired with those of Keras.
    """

    row: Artifact
    proofs: tuple[Proof, ...]
    absent: tuple[tuple[str, str], ...]
    logits: NDArray[np.float32]
    golden: NDArray[np.float32]
    changed_golden: int
    accepted: float
    corrupted: Mapping[str, Paired]


def questions(run: Run, model: keras.Model) -> Questions:
    """Prepare the questions, and let Keras answer them."""
    chosen = corruption.sample(len(run.test.labels), run.record.input)
    corrupted = {
        kind: (images, keras_logits(model, images).argmax(axis=1))
        for kind, images in corruption.corrupt(run.test.images[chosen], run.record.input).items()
    }
    crops = glyph.through_glyph(run.test.images) if run.record.input.ink else None
    return Questions(crops, corrupted, run.test.labels[chosen])


def prove(
    row: Artifact,
    content: bytes,
    run: Run,
    asked: Questions,
    told: Told = lambda _runtime, _images: None,
    *,
    everywhere: bool = True,
) -> Evidence:
    """Execute the file of `row`, with that `content`, on everything that is asked; `told` hears of each few hundred images.

    everywhere: also on other runtimes than its own.

    Raises IntegrityError when its own runtime refuses the file, fails at it, or gives a value that is not finite.
    """
    draft = draft_bundle(run, {str(row.file): content}, (row,), {}, ())
    reference = OWN[row.format]
    with questioned(draft, row, reference, told) as (facts, ask):
        logits = ask(run.test.images)
        golden = ask(run.golden.images)
        held_out = ask(run.deciding.images) if run.deciding else None
        through_glyph = None if asked.crops is None else _accuracy(ask(asked.crops), run.test)
        corrupted = {kind: (ask(images).argmax(axis=1), keras) for kind, (images, keras) in asked.corrupted.items()}
    first = compared(facts, logits, run)
    others, absent = _elsewhere(draft, row, run, told) if everywhere else ([], ())
    machine = environment()
    rule = _rule(held_out, logits, run)
    threshold = rule.threshold if rule else draft.manifest.threshold
    on_page = draft.manifest.page_logits(replace(row, deciding=rule), logits)  # where that threshold holds
    labels, _ = scores.decide(on_page, run.record.classes, temperature(run), threshold)
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
            deciding=rule,
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
        calibration_error=scores.reliability(probabilities, right).calibration_error,
    )


def _rule(held_out: NDArray[np.float32] | None, test: NDArray[np.float32], run: Run) -> Deciding | None:
    """From which score on answers are taken: of the logits (n, classes) for the images held out for that, and for the test's."""
    if held_out is None or run.deciding is None:
        return None
    return threshold.artifact_threshold(
        (held_out, run.deciding.labels),
        (test, run.test.labels),
        run.record.classes,
        temperature(run),
        run.options.convert.threshold,
    )


def runtimes(row: Artifact) -> tuple[str, ...]:
    """The runtimes that take the format of `row`: its own first, then the device's others, then the proof-only ones."""
    reference = OWN[row.format]
    devices = [name for name, runtime in BACKENDS.items() if runtime.takes(row) and name != reference]
    return (reference, *devices, *(name for name, formats in PROOF_ONLY.items() if row.format in formats))


@contextlib.contextmanager
def questioned(draft: Bundle, row: Artifact, name: str, told: Told = lambda *_: None) -> Iterator[tuple[Facts, Ask]]:
    """An artifact opened on a runtime: its facts, and a function images uint8 (n, …) → logits float32 (n, classes).

    As many interpreters as there are cores, of one thread each, share the images: the kernels of int16x8 take a hundred
    times as long as others and use one core only. `told` hears how many images were answered since the last word.
    """
    with _named_faults(name), ExitStack() as stack:
        # Proof-only backends work alone: OpenVINO's bindings lock up when two threads make its first call, and tflite-micro lets
        # no other thread work.
        size = 1 if name in PROOF_ONLY else INTERPRETERS
        interpreters = [stack.enter_context(_opened(draft, row, name)) for _ in range(size)]
        pool = stack.enter_context(ThreadPoolExecutor(size))
        idle: SimpleQueue[Classifier] = SimpleQueue()
        for member in interpreters:
            member.logits(
                draft.golden.images[:1]
            )  # in this thread: bindings finish setting themselves up in a first call
            idle.put(member)

        def answered(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            member = idle.get()
            try:
                return member.logits(images)
            finally:
                idle.put(member)

        def ask(images: NDArray[np.uint8]) -> NDArray[np.float32]:
            parts, size = [], BATCHES * largest_batch(images.shape[1:])
            for part in pool.map(answered, (images[start : start + size] for start in range(0, len(images), size))):
                parts.append(part)
                told(name, len(part))
            return np.concatenate(parts)

        yield interpreters[0].facts, ask


def temperature(run: Run) -> float:
    """What divides the logits on the device: the recipe's, or what train fitted, or 1."""
    chosen = run.options.convert.temperature
    return run.record.temperature if chosen is None else chosen


def draft_bundle(
    run: Run,
    models: Mapping[str, bytes],
    rows: tuple[Artifact, ...],
    golden: Mapping[str, NDArray[np.float32]],
    ranking: tuple[Choice, ...],
) -> Bundle:
    """A bundle as it stands so far, its model files by name: enough for the device's code to run it."""
    manifest = Manifest(
        schema=SCHEMA,
        name=run.record.name,
        classes=run.record.classes,
        input=run.record.input,
        artifacts=rows,
        ranking=ranking,
        golden_sha256="",
        temperature=temperature(run),
        threshold=threshold.USUAL if run.options.convert.threshold is None else run.options.convert.threshold,
    )
    return Bundle(run.path, manifest, Golden(run.golden.images, run.golden.labels, golden), models)


def _elsewhere(draft: Bundle, row: Artifact, run: Run, told: Told) -> tuple[list[Proof], tuple[tuple[str, str], ...]]:
    """The proofs on the other runtimes that are here, and of each other runtime why there is none."""
    proofs, absent = [], []
    for name in runtimes(row)[1:]:
        try:
            with questioned(draft, row, name, told) as (facts, ask):
                proofs.append(compared(facts, ask(run.test.images), run))
        except (IntegrityError, UnavailableError) as error:
            absent.append((name, str(error)))
    return proofs, tuple(absent)


@contextlib.contextmanager
def _named_faults(name: str) -> Iterator[None]:
    """Whatever the runtime `name` raises becomes an IntegrityError of one line, which ends what is asked of it, and no more."""
    try:
        yield
    except EdgeproofError:
        raise
    except Exception as error:  # the exceptions of runtimes share no base class
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        words = " ".join(str(error).split()) or "no reason given"
        raise IntegrityError(f"{name} fails: {type(error).__name__}: {words[:MAX_REASON]}") from error


def _opened(draft: Bundle, row: Artifact, name: str) -> Classifier:
    content = draft.content(row)
    backend = (
        open_proof_only(name, content) if name in PROOF_ONLY else open_backend(name, content, row, "cpu", threads=1)
    )
    return Classifier(draft, row, backend, Facts(row.name, name, backend.provider, backend.version, requested="cpu"))


def _accuracy(logits: NDArray[np.float32], test: Answered) -> float:
    return float((logits.argmax(axis=1) == test.labels).mean())
