"""Keras beside the files that were made of a model: in a process of its own, where TensorFlow gets one thread."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.latency import keras_rows, results, table
from edgeproof.bundle import load_bundle
from edgeproof.errors import IntegrityError, UnavailableError, UsageError
from edgeproof.run_folder import MODEL, RECORD, SCHEMA
from edgeproof.support import tables

ROOT = Path(__file__).parents[3]
BUNDLE = load_bundle()


def record(folder: Path, **changed: Any) -> None:
    """Writes run.json as of the run that the wheel's bundle was made of, but for what is `changed`."""
    manifest = BUNDLE.manifest
    facts = {
        "schema": SCHEMA, "name": "digits", "recipe_sha256": (manifest.source or {})["recipe_sha256"], "data": {},
        "classes": manifest.classes, "input": tables.to_table(manifest.input),
    }  # fmt: skip
    (folder / RECORD).write_text(json.dumps(facts | changed))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is asked of a run folder: its record and its model; here one that says how bright a picture is."""
    import keras

    folder = tmp_path_factory.mktemp("run")
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    keras.Sequential(layers).save(folder / MODEL)
    record(folder)
    return folder


@pytest.mark.slow
def test_three_ways_to_ask_keras_are_measured_in_the_same_turns(run_folder: Path, tmp_path: Path) -> None:
    flags = ["--artifact", "fp32.onnx", "--backend", "onnxruntime", "--threads", "1", "--duration", "0.1", "--quick"]
    words = ["-m", "benchmarks", "run", *flags, "--run", str(run_folder), "--out", str(tmp_path), "--json", "-"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 7), done.stderr  # a busy machine may drift, and must say so
    printed = json.loads(done.stdout)
    measured = {(row["artifact"], row["threads"], row["batch"]) for row in printed["rows"] if row["backend"] == "keras"}
    assert measured == {(name, 1, 1) for name in ("model.predict", "model(x)", "tf.function")}
    (saved,) = tmp_path.glob("*/*.json")
    report = results.load(saved)
    assert all(row.to_baseline and row.to_baseline.value > 0 for row in report.rows)
    assert "keras" not in table.markdown(BUNDLE, report).split("| --- |")[0]


@pytest.mark.slow
def test_a_process_that_has_used_tensorflow_is_refused(run_folder: Path) -> None:
    """Its threads are those that it had; as pytest's, which made the model."""
    with pytest.raises(UnavailableError, match="was used before in this process"):
        keras_rows.rows(run_folder, BUNDLE)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="expected a run folder"):
        keras_rows.rows(tmp_path, BUNDLE)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"recipe_sha256": "0" * 64}, "recipe: expected"),
        ({"classes": ["a", "b"]}, r"classes: expected .* found \('a', 'b'\)"),
        ({"input": {"size": [32, 32], "channels": 3, "resize": "stretch"}}, r"input: expected .* found \(32, 32, 3\)"),
    ],
)
def test_the_run_of_another_bundle_is_refused(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / MODEL).touch()
    record(tmp_path, **changed)
    with pytest.raises(UsageError, match=said):
        keras_rows.rows(tmp_path, BUNDLE)
