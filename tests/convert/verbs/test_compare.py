"""compare on bundles made of the shipped one: a twin, one that lost accuracy, one that is slower or larger."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.run_folder import Run
from convert.verbs.compare import compare_bundles
from edgeproof.bundle import Bundle, Golden, load_bundle, publish_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import GateError, UsageError
from edgeproof.manifest import Choice
from edgeproof.run_folder import Answered, Images, Record

SECONDS = 0.3  # of measuring: enough to show what is plain
Change = Callable[[Any], None]


@pytest.fixture(scope="module")
def run() -> Run:
    """A run whose test images are the shipped golden digits, shifted in nine ways."""
    golden = load_bundle().golden
    shifts = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    images = np.concatenate([np.roll(golden.images, shift, axis=(1, 2)) for shift in shifts])
    labels = np.tile(golden.labels, len(shifts))
    with open_classifier(load_bundle(), "fp32.onnx", "onnxruntime", "cpu") as classifier:
        test = Answered(images, labels, classifier.logits(images))
    manifest = load_bundle().manifest
    record = Record(2, "shifted", "", {"name": "shifted"}, manifest.classes, manifest.input)
    return Run(Path("shifted"), record, {}, b"", Images(images, labels), test, test)


def made(target: Path, change: Change | None = None) -> Path:
    """A bundle of the shipped fp32.onnx alone, its graph changed; its golden answers are its own."""
    import onnx

    shipped = load_bundle()
    model = onnx.load_from_string((shipped.path / "fp32.onnx").read_bytes())
    if change is not None:
        change(model)
    content = model.SerializeToString()
    row = replace(shipped.manifest.artifact("fp32.onnx"), bytes=len(content))
    manifest = replace(
        shipped.manifest, name=target.name, artifacts=(row,), attachments={}, proofs=(),
        ranking=(Choice(row.name, "onnxruntime", 1.0, "only one"),),
    )  # fmt: skip
    images = shipped.golden.images
    from edgeproof.backends import open_backend
    from edgeproof.classifier import Classifier, Facts

    backend = open_backend("onnxruntime", content, row, "cpu", threads=1)
    draft = Bundle(target, manifest, shipped.golden, {"fp32.onnx": content})
    with Classifier(draft, row, backend, Facts("", "", "", "", "")) as classifier:
        logits = classifier.logits(images)
    golden = Golden(images, logits.argmax(axis=1), {row.name: logits})
    return publish_bundle(target, manifest, {"fp32.onnx": content}, golden)


def forgetful(model: Any) -> None:
    """The weights that speak for an 8 speak against it: every 8 becomes something else."""
    import onnx

    count = len(load_bundle().manifest.classes)
    weights = next(weight for weight in model.graph.initializer if len(weight.dims) == 2 and count in weight.dims)
    values = onnx.numpy_helper.to_array(weights).copy()
    values[(..., 8) if values.shape[-1] == count else 8] *= -1
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))


def large(model: Any) -> None:
    model.doc_string = "x" * 50_000


def test_a_release_is_not_worse_than_itself(tmp_path: Path, run: Run) -> None:
    said: list[str] = []
    found = compare_bundles(made(tmp_path / "a"), made(tmp_path / "b"), run, seconds=SECONDS, say=said.append)
    assert {difference.respect: difference.finding for difference in found} == dict.fromkeys(
        ("accuracy", "size", "speed"), "not distinguishable"
    )
    count = len(load_bundle().manifest.classes)
    assert said[:2] == [f"{name}, {count} classes: fp32.onnx on onnxruntime" for name in ("A: a", "B: b")]
    assert re.match(
        r"accuracy  ≈ +([\d.]+) → \1 %, drop 0\.00 points .*; 0 lost, 0 gained: not distinguishable", said[2]
    )
    assert said[-1] == "B is not worse than A."


@pytest.fixture
def change(request: pytest.FixtureRequest, slow: Change) -> Change:
    return {"forgetful": forgetful, "slow": slow, "large": large}[request.param]


@pytest.mark.parametrize(
    ("change", "respect", "words"),
    [
        ("forgetful", "accuracy", r"[\d.]+ → [\d.]+ %, drop \d+\.\d\d points \[.*\d+ lost, \d+ gained: worse"),
        ("slow", "speed", r"[\d.]+ × \[[\d.]+–[\d.]+\] the time for one image"),
        ("large", "size", r"[\d,]+ → [\d,]+ bytes"),
    ],
    indirect=["change"],
)
def test_what_is_worse_is_named_and_exits_3(tmp_path: Path, run: Run, change: Change, respect: str, words: str) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b", change)
    with pytest.raises(GateError, match=rf"b is worse than .*a in .*{respect} \({words}") as caught:
        compare_bundles(a, b, run, seconds=SECONDS, say=lambda _: None)
    assert caught.value.exit_code == 3
    said: list[str] = []
    compare_bundles(b, a, run, seconds=SECONDS, say=said.append)
    assert any(re.match(rf"{respect} +better  ", line) for line in said), "the other way round it is an improvement"


def test_bundles_of_other_classes_are_not_compared(tmp_path: Path, run: Run) -> None:
    other = replace(run, record=replace(run.record, classes=tuple("abcdefghij")))
    with pytest.raises(UsageError, match="classes of the run: A has"):
        compare_bundles(made(tmp_path / "a"), made(tmp_path / "b"), other)


def test_a_release_that_learned_to_reject_is_compared_on_the_classes_of_both(tmp_path: Path, run: Run) -> None:
    """The run's images are digits: of ten classes, or of ten and "reject", which is wrong for each of them."""
    digits = run.test.labels < 10
    test = Answered(run.test.images[digits], run.test.labels[digits], run.test.logits[digits])
    ten = replace(run, record=replace(run.record, classes=run.record.classes[:10]), test=test)
    found = compare_bundles(made(tmp_path / "a"), made(tmp_path / "b"), ten, seconds=SECONDS, say=lambda _: None)
    assert found[0].finding == "not distinguishable"
