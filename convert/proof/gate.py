"""Whether an artifact may be used. One function, so that no claim is judged twice or by two rules.

A drop is not judged by the difference that one test set happened to show, but by the largest one that it leaves possible:
the one-sided 95 % upper limit of the paired difference (`convert.statistics.tango`). An artifact that lost nothing on few
images has proven little; one that lost as many answers as it gained has proven more, the more images there are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from convert.options import GateOptions
from convert.proof.corruption import sample
from convert.proof.evidence import Evidence
from convert.run_folder import Run
from convert.statistics import Paired, smallest_budget
from edgeproof.errors import GateError, UsageError
from edgeproof.manifest import Proof

CALIBRATION_DROP = 0.10  # of accuracy: a model knows its own training images about as well as the test images
FEW_CALIBRATION_IMAGES = 20  # fewer say little about the extremes of any activation


def judge(evidence: Evidence, gate: GateOptions) -> str:
    """Why an artifact may be used; raises GateError with the first reason why it must not."""
    row = evidence.row
    if gate.max_bytes is not None and row.bytes > gate.max_bytes:
        raise GateError(f"{row.bytes:,} bytes, permitted {gate.max_bytes:,} (max_bytes)")
    if evidence.changed_golden:
        raise GateError(f"changes {evidence.changed_golden} of {len(evidence.golden)} golden answers, permitted none")
    reason = judge_proof(evidence.proofs[0], gate)
    _judge_corrupted(evidence, gate)
    return reason


def judge_proof(proof: Proof, gate: GateOptions) -> str:
    """The same for the answers on one runtime to the whole test set: drop, accuracy, recall of the worst class."""
    pairs = Paired(proof.lost, proof.gained, proof.images)
    errors = 1 - (proof.correct + proof.lost - proof.gained) / proof.images
    budget = gate.drop_points(proof.images, errors)
    drop = f"drop {100 * pairs.drop:.2f} points"
    if 100 * proof.drop_limit > budget:
        raise GateError(
            f"{drop} against Keras, at most {100 * proof.drop_limit:.3f} with 95 % certainty, permitted {budget:.3g} "
            f"(max_drop_points); {described(pairs)}{_way_out(pairs, '--max-drop-points')}"
        )
    accuracy = proof.correct / proof.images
    if accuracy < gate.min_accuracy:
        raise GateError(f"accuracy {accuracy:.4f}, required {gate.min_accuracy:g} (min_accuracy)")
    worst = min(proof.recall, key=lambda name: proof.recall[name])
    if proof.recall[worst] < gate.min_class_recall:
        raise GateError(
            f"recall of class {worst} {proof.recall[worst]:.4f}, required {gate.min_class_recall:g} (min_class_recall)"
        )
    return f"{drop}, at most {100 * proof.drop_limit:.3f}, permitted {budget:.3g}; {described(pairs)}"


def described(pairs: Paired) -> str:
    """The changed answers in words, for example "3 lost, 2 gained: not distinguishable (p = 1)"."""
    return f"{pairs.lost} lost, {pairs.gained} gained: {pairs.verdict} (p = {pairs.p:.2g})"


def _way_out(pairs: Paired, flag: str, more: str = "test on more, or ") -> str:
    """What it would take to let a drop pass that was not shown, but that the images are too few to exclude; else nothing.

    more: the other way; of corrupted images there are never more.
    """
    if pairs.verdict != "not distinguishable":
        return ""
    enough = _more_than(100 * pairs.drop_limit)
    return f"; {pairs.images:,} images cannot exclude it: {more}permit it with {flag} {enough:g}"


def _more_than(points: float) -> float:
    """The next hundredth of a percentage point, up to 100."""
    return min(100.0, (math.floor(points * 100) + 1) / 100)


def check_budget(run: Run) -> None:
    """Refuse a budget that no artifact could keep, before minutes of work: the test set must be able to show it."""
    images = len(run.test.labels)
    least, budget = 100 * smallest_budget(images), run.options.gate.drop_points(images, 1 - run.test.correct / images)
    if budget <= least:
        raise UsageError(
            f"max_drop_points {budget:g}: {images:,} test images cannot show so little (with not one answer changed, a drop of "
            f"{least:.2g} points stays possible): permit more (--max-drop-points {_more_than(least):g}), or test on more images"
        )
    images = len(sample(images, run.record.input))
    least, budget = 100 * smallest_budget(images), run.options.gate.corruption_drop_points(images)
    if budget <= least:
        raise UsageError(
            f"max_corruption_drop_points {budget:g}: {images:,} images, the most that are corrupted, cannot show so little: "
            f"permit more (--max-corruption-drop-points {_more_than(least):g})"
        )


def check_calibration(run: Run, answers: NDArray[np.int64]) -> None:
    """Refuse calibration images that are not what the model was taught: noise, inverted pictures, one class only.

    `answers` is what Keras says of them, int64 (n,). Ranges taken from such images make 8 bits answer anything.
    """
    file, labels = run.path / "calibration.npz", run.calibration.labels
    if len(labels) < FEW_CALIBRATION_IMAGES:
        raise GateError(f"{file}: expected {FEW_CALIBRATION_IMAGES} images or more, found {len(labels)}: train again")
    tested, seen = set(run.test.labels.tolist()), set(labels.tolist())
    missing = sorted(tested - seen)
    if missing and len(seen) < min(len(tested), len(labels)):  # of large images there may be fewer than classes
        names = ", ".join(run.record.classes[label] for label in missing)
        raise GateError(f"{file}: expected images of every class, found none of {names}: train again")
    found, expected = float((answers == labels).mean()), _expected(run)
    if found < expected - CALIBRATION_DROP:
        raise GateError(
            f"{file}: Keras answers {found:.1%} of the calibration images rightly, and {expected:.1%} of test images of "
            "those classes: they are not what it was taught (noise, inverted, wrong labels?); train again"
        )


def _expected(run: Run) -> float:
    """The share of right answers on calibration images that are like the test images of their classes: they are drawn evenly,
    whatever share a class has elsewhere."""
    right = run.test.logits.argmax(axis=1) == run.test.labels
    recall = {label: float(right[run.test.labels == label].mean()) for label in set(run.test.labels.tolist())}
    return float(np.mean([recall.get(label, float(right.mean())) for label in run.calibration.labels.tolist()]))


def _judge_corrupted(evidence: Evidence, gate: GateOptions) -> None:
    """The worst kind counts, so that a weakness for noise cannot hide behind eight kinds that went well."""
    if not evidence.corrupted:
        return
    worst, pairs = max(evidence.corrupted.items(), key=lambda item: item[1].drop_limit)
    budget = gate.corruption_drop_points(pairs.images)
    if 100 * pairs.drop_limit > budget:
        raise GateError(
            f"with {worst}, drop {100 * pairs.drop:.2f} points against Keras, at most {100 * pairs.drop_limit:.3f} with 95 % "
            f"certainty, permitted {budget:.3g} (max_corruption_drop_points)"
            + _way_out(pairs, "--max-corruption-drop-points", more="")
        )
