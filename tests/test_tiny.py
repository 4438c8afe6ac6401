"""The whole product in one file: recipe → run → bundle → readings → figures, by the commands that a user types."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeproof.bundle import load_bundle

Shell = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

PICTURE = Path(__file__).parents[1] / "samples" / "numbers.jpg"


def test_train_leaves_what_convert_needs(tiny_run: Path) -> None:
    for name in ("model.keras", "run.json", "recipe.toml", "history.csv", "calibration.npz", "golden.npz", "test.npz"):
        assert (tiny_run / name).is_file(), name
    facts = json.loads((tiny_run / "run.json").read_text())
    assert facts["metrics"]["test_accuracy"] >= 0.8
    assert facts["data"]["test"] == 10_000


def test_convert_proves_every_artifact(tiny_bundle: Path, tiny_run: Path) -> None:
    manifest = load_bundle(tiny_bundle).manifest
    names = {row.name for row in manifest.artifacts}
    onnx, tflite = ("fp32", "fp16", "int8"), ("fp32", "fp16", "int8-dynamic", "int8", "int16x8")
    assert names == {f"{name}.onnx" for name in onnx} | {f"{name}.tflite" for name in tflite}
    with np.load(tiny_run / "test.npz") as test:
        keras_correct = int((test["logits"].argmax(axis=1) == test["labels"]).sum())
    for row in manifest.artifacts:
        assert row.images == 10_000
        assert row.accuracy == row.correct / row.images
        assert row.accuracy_low < row.accuracy < row.accuracy_high
        if not row.integer:
            assert abs(row.correct - keras_correct) <= (1 if row.precision == "fp32" else 5), row.name


def test_read_a_picture(shell: Shell, tiny_bundle: Path) -> None:
    result = shell("edgeproof", "read", PICTURE, "--bundle", tiny_bundle, "--json", "-", "--no-show")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["type"] for record in records] == ["frame"]
    assert records[0]["requested"] == "auto"
    assert len(records[0]["digits"]) > 20, "the sample has 37 digits; a tiny net still finds most of them"


@pytest.mark.parametrize("backend", ["onnxruntime", "litert"])
def test_both_runtimes_read_alike(shell: Shell, tiny_bundle: Path, backend: str) -> None:
    artifact = {"onnxruntime": "fp32.onnx", "litert": "fp32.tflite"}[backend]
    options = ("--bundle", tiny_bundle, "--artifact", artifact, "--json", "-", "--no-show")
    record = json.loads(shell("edgeproof", "read", PICTURE, *options).stdout)
    other = json.loads(shell("edgeproof", "read", PICTURE, *options[:2], "--json", "-", "--no-show").stdout)
    assert record["backend"] == backend
    same = {tuple(digit["box"]): digit["label"] for digit in record["digits"]}
    assert sum(same.get(tuple(digit["box"])) == digit["label"] for digit in other["digits"]) >= 0.9 * len(same)


def test_verify_and_its_refusal(shell: Shell, tiny_bundle: Path, tiny_run: Path, tmp_path: Path) -> None:
    shell("edgeproof", "verify", tiny_bundle)
    shell("python", "-m", "convert", "verify", tiny_bundle, "--run", tiny_run)
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in tiny_bundle.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    model = broken / str(load_bundle(tiny_bundle).manifest.usable[0].file)
    model.write_bytes(model.read_bytes()[:-1])
    result = shell("edgeproof", "read", PICTURE, "--bundle", broken, "--no-show", check=False)
    assert result.returncode == 6
    assert model.name in result.stderr
    assert result.stderr.count("\n") == 1


def test_bench(shell: Shell, tiny_bundle: Path) -> None:
    result = shell("edgeproof", "bench", tiny_bundle, "--quick", "--json", "-", check=False)
    assert result.returncode in (0, 7), "7 = the machine was too busy to measure on: an honest answer"
    assert json.loads(result.stdout)["rows"]
