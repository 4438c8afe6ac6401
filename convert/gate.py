"""Whether an artifact may be used. One function, so that no claim is judged twice or by two rules."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convert.options import GateOptions
from convert.proof import Proof
from convert.run_folder import Run
from edgeproof.errors import GateError

CALIBRATION_DROP = 0.10  # of accuracy: a model knows its own training images about as well as the test images


def judge(proof: Proof, keras_correct: int, gate: GateOptions) -> str:
    """Why an artifact may be used; raises GateError with the first reason why it must not.

    The drop is the plain difference of two counts on the same images, in percentage points.
    """
    row = proof.row
    if gate.max_bytes is not None and row.bytes > gate.max_bytes:
        raise GateError(f"{row.bytes:,} bytes, permitted {gate.max_bytes:,} (max_bytes)")
    if proof.changed_golden:
        raise GateError(f"changes {proof.changed_golden} of {len(proof.golden)} golden answers, permitted none")
    drop = 100 * (keras_correct - row.correct) / row.images
    if drop > gate.max_drop_points:
        raise GateError(f"drop {drop:.2f} points against Keras, permitted {gate.max_drop_points:g} (max_drop_points)")
    if row.accuracy < gate.min_accuracy:
        raise GateError(f"accuracy {row.accuracy:.4f}, required {gate.min_accuracy:g} (min_accuracy)")
    return f"drop {drop:.2f} points, permitted {gate.max_drop_points:g}"


def check_calibration(run: Run, answers: NDArray[np.int64]) -> None:
    """Refuse calibration images that are not what the model was taught: noise, inverted pictures, one class only.

    `answers` is what Keras says of them, int64 (n,). Ranges taken from such images make 8 bits answer anything.
    """
    file, labels = run.path / "calibration.npz", run.calibration.labels
    missing = sorted(set(run.test.labels.tolist()) - set(labels.tolist()))
    if missing:
        names = ", ".join(run.record.classes[label] for label in missing)
        raise GateError(f"{file}: expected images of every class, found none of {names}: train again")
    found, expected = float((answers == labels).mean()), run.test.correct / len(run.test.labels)
    if found < expected - CALIBRATION_DROP:
        raise GateError(
            f"{file}: Keras answers {found:.1%} of the calibration images rightly, and {expected:.1%} of the test images: they "
            "are not what it was taught (noise, inverted, wrong labels?); train again"
        )
