"""Does the gate refuse what it must? A run's own model, damaged in ways that happen, sent through it.

Coarse weights stand for an optimizer with too few bits, a poisoned calibration for a preprocessing mistake. Each damaged file
is executed on all test images: the table also shows what would have been shipped without a gate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.export.tflite import to_tflite
from convert.keras_model import keras_logits, load_model
from convert.proof.evidence import compared, draft_bundle, questioned
from convert.proof.gate import check_calibration, judge_proof
from convert.proof.specs import read_specs
from convert.report.text_table import text_table
from convert.run_folder import Run
from edgeproof.errors import GateError, IntegrityError
from edgeproof.manifest import Artifact
from edgeproof.run_folder import Images

HEADERS = ("", "what was done", "right", "why")
_FILE = "sabotaged.tflite"

Weights = list[NDArray[Any]]


@dataclass(frozen=True)
class Attempt:
    """what: in words. right: answers of the file on the test images; null where no file could be made of it.

    refused: by the gate; reason: its words. must: whether it has to be refused; null where either is right.
    """

    what: str
    right: int | None
    refused: bool
    reason: str
    must: bool | None


def coarse(bits: int) -> Callable[[Weights], Weights]:
    """Every kernel rounded to so many bits, one scale per kernel."""

    def rounded(values: NDArray[Any]) -> NDArray[Any]:
        scale = np.abs(values).max() / (2 ** (bits - 1) - 1)
        return np.rint(values / scale) * scale if values.ndim > 1 and scale else values

    return lambda weights: list(map(rounded, weights))


def shuffled(weights: Weights) -> Weights:
    """The filters of the first kernel in another order: right shapes, right size, wrong answers."""
    first = next(i for i, values in enumerate(weights) if values.ndim > 1)
    return [np.roll(values, 1, axis=-1) if i == first else values for i, values in enumerate(weights)]


#: Control first: a gate that refuses everything would look vigilant.
WEIGHTS: tuple[tuple[str, Callable[[Weights], Weights], bool | None], ...] = (
    ("nothing", lambda weights: weights, False),
    *((f"weights rounded to {bits} bits", coarse(bits), True if bits <= 2 else None) for bits in (8, 6, 5, 4, 3, 2)),
    ("first layer's filters in another order", shuffled, True),
)
CALIBRATIONS: tuple[tuple[str, Callable[[Images], Images], bool | None], ...] = (
    ("nothing", lambda given: given, False),
    ("inverted", lambda given: replace(given, images=255 - given.images), True),
    ("noise", lambda given: replace(given, images=_noise(given.images.shape)), True),
    ("one class only", lambda given: _where(given, given.labels == given.labels[0]), True),
    ("labels of other images", lambda given: replace(given, labels=given.labels[::-1]), True),
    ("half as bright", lambda given: replace(given, images=given.images // 2), True),
)  # fmt: skip


def sabotage(run: Run, *, say: Callable[[str], None] = print) -> tuple[Attempt, ...]:
    """Try each, print a table; raises GateError when the gate lets pass what it must not, or refuses the undamaged."""
    model = load_model(run)
    original = model.get_weights()
    attempts = []
    for what, change, must in WEIGHTS:
        model.set_weights(change(original))
        right, reason, refused = _judged(to_tflite(model, precision="fp32"), run)
        attempts.append(Attempt(f"fp32.tflite: {what}", right, refused, reason, must))
    model.set_weights(original)
    for what, poison, must in CALIBRATIONS:
        poisoned = replace(run, calibration=poison(run.calibration))
        content = to_tflite(model, precision="int8", calibration=poisoned.calibration.images)
        right, reason, refused = _judged(content, run)
        try:
            check_calibration(poisoned, keras_logits(model, poisoned.calibration.images).argmax(axis=1))
        except GateError as error:
            reason, refused = str(error), True
        attempts.append(Attempt(f"int8.tflite, calibration: {what}", right, refused, reason, must))
    say(text_table(HEADERS, list(map(_row, attempts))))
    wrong = [attempt.what for attempt in attempts if attempt.must not in (None, attempt.refused)]
    if wrong:
        raise GateError(f"the gate judged wrongly: {'; '.join(wrong)}: set [gate] in the recipe to what you can bear")
    return tuple(attempts)


def _judged(content: bytes, run: Run) -> tuple[int | None, str, bool]:
    """Right answers on all test images, the gate's reason, and whether it refuses."""
    right = None
    try:
        file = read_specs(content, "tflite", run.record.input)
        row = Artifact(_FILE, "tflite", "fp32", "❎", "", file=_FILE, input=file.input, output=file.output)
        with questioned(draft_bundle(run, {_FILE: content}, (row,), {}, ()), row, "litert") as (facts, ask):
            proof = compared(facts, ask(run.test.images), run)
        right = proof.correct
        return right, judge_proof(proof, run.options.gate), False
    except (GateError, IntegrityError) as error:  # as the pipeline refuses
        return right, str(error), True


def _row(attempt: Attempt) -> tuple[str, ...]:
    right = "" if attempt.right is None else f"{attempt.right:,}"
    return ("❎" if attempt.refused else "✅", attempt.what, right, attempt.reason)


def _where(given: Images, chosen: NDArray[np.bool_]) -> Images:
    return Images(given.images[chosen], given.labels[chosen])


def _noise(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
