"""Exporters for real, each in its own process, on a run and on damaged copies of it."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.exporters import measure
from benchmarks.exporters.faults import INVERTED, REPRESENTATIVE, SCALED, SOUND, SPOILED, prepared
from edgeproof.errors import GateError, IntegrityError, UsageError
from edgeproof.run_folder import Answered, read_run_folder

TFLITE, ONNX = "tf.lite converter, int8", "tf2onnx + ONNX Runtime static"


def test_remarks_are_compared_without_what_varies() -> None:
    first, second = (
        [f"W0000 00:00:{pid}.4 {pid:8} a.cc:7] Skipping /tmp/{pid}/x", f"I0000 {pid} fine", "Accuracy fails"]
        for pid in (2001, 30420)
    )
    assert measure.remarks(first) == measure.remarks(second)
    assert len(measure.remarks(first)) == 2


def test_an_unknown_exporter_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["exporters", "--run", "nowhere", "--exporter", "edgeprof"]) == UsageError.exit_code
    assert "did you mean 'edgeproof'?" in capsys.readouterr().err


def test_damaged_calibration_has_the_range_that_it_is_called_by(tmp_path: Path) -> None:
    source = tmp_path / "run"
    source.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)
    np.savez(source / "calibration.npz", images=images, labels=np.arange(4))
    for fault, expected in ((SOUND, images), (SCALED, images / 255), (INVERTED, 255.0 - images)):
        folder = prepared(source, fault, tmp_path / fault)
        with np.load(folder / REPRESENTATIVE) as given, np.load(folder / "calibration.npz") as kept:
            assert given["images"].dtype == np.float32
            np.testing.assert_allclose(given["images"], expected[..., None], atol=1e-6)
            np.testing.assert_array_equal(kept["images"], np.rint(expected))
            assert kept["images"].dtype == np.uint8


@pytest.mark.slow
def test_others_export_what_edgeproof_refuses(tiny_run: Path, tmp_path: Path) -> None:
    """A poisoned calibration and a model that is not the trained one: files that answer wrongly, and nothing said of it."""
    run = read_run_folder(tiny_run)
    run = replace(run, test=Answered(*(part[:500] for part in vars(run.test).values())))
    exports = {}
    # ONNX Runtime's preparation wants sympy, which only `make bench-exporters` installs.
    both = (TFLITE, ONNX) if importlib.util.find_spec("sympy") else (TFLITE,)
    for fault, names in ((SOUND, both), (SCALED, both), (SPOILED, (TFLITE,))):
        folder = prepared(run.path, fault, tmp_path / fault)
        for name in names:
            out = tmp_path / f"{fault}, {name}"
            out.mkdir()
            exports[name, fault], _ = measure.exported(name, fault, folder, out, run.test)
    for name in both:
        sound, poisoned = exports[name, SOUND].products[0], exports[name, SCALED].products[0]
        assert sound.right > run.test.correct - 25, "5 points: the gate of a tiny run permits 4"
        assert poisoned.right < sound.right - 100
        assert exports[name, SCALED].exit_code == 0
        assert set(exports[name, SCALED].remarks) <= set(exports[name, SOUND].remarks)
    assert exports[TFLITE, SPOILED].products[0].right < run.test.correct - 25
    for fault, error in ((SCALED, GateError), (SPOILED, IntegrityError)):
        own, _ = measure.exported("edgeproof", fault, tmp_path / fault, tmp_path / f"own {fault}", run.test)
        assert own.exit_code == error.exit_code
        assert str(tmp_path) not in own.last
