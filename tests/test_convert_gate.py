"""The gate's rules one by one, at the border of each, and what it says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.gate import check_calibration, judge
from convert.options import ConvertOptions, GateOptions, Options
from convert.proof import Proof
from convert.run_folder import Answered, Images, Record, Run
from convert.specs import check_input
from edgeproof.bundle import Artifact, TensorSpec
from edgeproof.errors import GateError, UsageError
from edgeproof.tables import from_table


def proof(correct: int = 9950, bytes: int = 50_000, changed_golden: int = 0) -> Proof:
    row = Artifact(
        "int8.tflite",
        "tflite",
        "int8",
        "❎",
        "",
        bytes=bytes,
        correct=correct,
        images=10_000,
        accuracy=correct / 10_000,
    )
    return Proof(row, np.zeros((64, 10), np.float32), changed_golden, accepted=1.0)


@pytest.mark.parametrize(
    ("gate", "passes", "fails", "reason"),
    [
        (
            {"max_drop_points": 0.2},
            {"correct": 9930},
            {"correct": 9929},
            "drop 0.21 points against Keras, permitted 0.2",
        ),
        (
            {"max_drop_points": 0.0},
            {"correct": 9950},
            {"correct": 9949},
            "drop 0.01 points against Keras, permitted 0 ",
        ),
        ({"min_accuracy": 0.995}, {"correct": 9950}, {"correct": 9949}, "accuracy 0.9949, required 0.995"),
        ({"max_bytes": 50_000}, {"bytes": 50_000}, {"bytes": 50_001}, "50,001 bytes, permitted 50,000"),
        ({}, {"changed_golden": 0}, {"changed_golden": 1}, "changes 1 of 64 golden answers"),
    ],
)
def test_each_rule_at_its_border(gate: dict[str, Any], passes: Any, fails: Any, reason: str) -> None:
    options = GateOptions(**{"max_drop_points": 100.0 if "min_accuracy" in gate else 0.2} | gate)
    judge(proof(**passes), 9950, options)
    with pytest.raises(GateError, match=re.escape(reason)):
        judge(proof(**fails), 9950, options)


def test_better_than_keras_passes() -> None:
    assert judge(proof(correct=9960), 9950, GateOptions(max_drop_points=0.0)) == "drop -0.10 points, permitted 0"


@pytest.mark.parametrize(
    ("section", "table", "message"),
    [
        (GateOptions, {"max_drop": 1.0}, "unknown key 'max_drop'; did you mean 'max_drop_points'?"),
        (GateOptions, {"max_drop_points": -1}, "max_drop_points: expected percentage points in 0..100, found -1"),
        (GateOptions, {"min_accuracy": 99.5}, "min_accuracy: expected a share in 0..1, found 99.5"),
        (GateOptions, {"max_bytes": 0}, "max_bytes: expected a positive number, found 0"),
        (GateOptions, {"max_bytes": "1 MB"}, "max_bytes: expected int, found str '1 MB'"),
        (ConvertOptions, {"threshold": 1.5}, "threshold: expected a number in 0..1, found 1.5"),
        (ConvertOptions, {"temperature": 0}, "temperature: expected a positive number, found 0"),
    ],
)
def test_sections_are_checked(section: type, table: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        from_table(section, table, "recipe.toml")


def run_with(calibration_labels: list[int]) -> Run:
    """A run of two classes whose Keras model is right on every test image."""
    labels = np.array(calibration_labels, np.int64)
    images = np.zeros((len(labels), 28, 28), np.uint8)
    test = Answered(np.zeros((2, 28, 28), np.uint8), np.array([0, 1]), np.eye(2, dtype=np.float32))
    record = Record(1, "two", "", {}, ("zero", "one"), "ink-1")
    return Run(Path("two"), record, {}, Options(), Images(images, labels), test, test)


def test_calibration_images_must_be_what_the_model_was_taught() -> None:
    run = run_with([0, 1] * 10)
    check_calibration(run, np.array([0, 1] * 9 + [0, 0]))  # one wrong of 20: 95 %
    with pytest.raises(GateError, match=re.escape("Keras answers 50.0% of the calibration images rightly, and 100.0%")):
        check_calibration(run, np.zeros(20, np.int64))


def test_calibration_images_of_one_class_only_are_refused() -> None:
    with pytest.raises(GateError, match="expected images of every class, found none of one"):
        check_calibration(run_with([0] * 20), np.zeros(20, np.int64))


PIXELS = TensorSpec("image", "uint8", "NHWC", ("N", 28, 28, 1), scale=1.0, zero_point=0)


@pytest.mark.parametrize(
    "spec",
    [
        PIXELS,
        replace(PIXELS, scale=float(np.float32(1 / 255))),
        replace(PIXELS, dtype="int8", zero_point=-128),
        replace(PIXELS, dtype="float32", scale=None, zero_point=None),
    ],
)
def test_inputs_that_take_raw_pixels(spec: TensorSpec) -> None:
    check_input(spec)


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (replace(PIXELS, scale=0.784), "found 0.784 and 0 for uint8"),
        (replace(PIXELS, zero_point=3), "found 1 and 3 for uint8"),
        (replace(PIXELS, dtype="int8"), "found 1 and 0 for int8"),
        (replace(PIXELS, dtype="int16"), "found 1 and 0 for int16"),
    ],
)
def test_inputs_that_do_not_are_refused(spec: TensorSpec, found: str) -> None:
    with pytest.raises(GateError, match=re.escape(found)):
        check_input(spec)
