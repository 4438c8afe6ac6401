"""What a run folder must hold, and the one line that says what is wrong with one. No model is loaded here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.keras_model import refuse_code
from convert.options import ConvertOptions
from convert.proof.evidence import temperature
from convert.run_folder import read_run
from edgeproof.errors import EdgeproofError, IntegrityError, UsageError
from edgeproof.input_contract import GLYPHS
from edgeproof.support import files
from edgeproof.support.npz import npz_bytes
from edgeproof.support.tables import to_table

RECIPE = b'[data]\nname = "two"\n[convert]\nthreshold = 0.4\n[gate]\nmax_drop_points = 0.3\n'


def arrays(count: int, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 28, 28), np.uint8)
    return {
        "images": images,
        "labels": np.arange(count) % 2,
        "logits": random.normal(size=(count, 2)).astype(np.float32),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run folder of two classes that is in order, but for the model, which is not opened."""
    path = tmp_path / "run"
    path.mkdir()
    (path / "recipe.toml").write_bytes(RECIPE)
    record = {
        "schema": 2, "name": "two", "recipe_sha256": files.sha256(RECIPE), "classes": ["zero", "one"], "input": to_table(GLYPHS),
        "data": {"fingerprint": "f"}, "seed": 1, "added_by_a_later_train": True,
    }  # fmt: skip
    (path / "run.json").write_text(json.dumps(record))
    for seed, name in enumerate(["calibration", "golden", "test"]):
        (path / f"{name}.npz").write_bytes(npz_bytes(arrays(20, seed)))
    return path


def test_a_run_in_order(folder: Path) -> None:
    run = read_run(folder)
    assert run.record.classes == ("zero", "one")
    assert run.options.convert.threshold == 0.4
    assert run.options.gate.max_drop_points == 0.3
    assert run.options.gate.min_accuracy == 0.0
    assert run.test.logits.shape == (20, 2)
    assert run.table["added_by_a_later_train"] is True


def change_json(key: str, value: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        table = json.loads((path / "run.json").read_text())
        (path / "run.json").write_text(json.dumps({**table, key: value}))

    return change


def test_the_temperature_is_what_training_fitted_unless_the_recipe_says_another(folder: Path) -> None:
    assert temperature(read_run(folder)) == 1.0
    change_json("temperature", 1.37)(folder)
    run = read_run(folder)
    assert temperature(run) == 1.37
    recipe = replace(run.options, convert=ConvertOptions(temperature=2.0))
    assert temperature(replace(run, options=recipe)) == 2.0
    change_json("temperature", -1)(folder)
    with pytest.raises(IntegrityError, match=r"run\.json\.temperature: expected a number from 0\.05 to 20, found -1"):
        read_run(folder)


def change_array(name: str, key: str, value: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with np.load(path / name) as archive:
            content = {**archive, key: value}
        if value is None:
            content.pop(key)
        (path / name).write_bytes(npz_bytes(content))

    return change


def change_recipe(recipe: bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        (path / "recipe.toml").write_bytes(recipe)
        change_json("recipe_sha256", files.sha256(recipe))(path)

    return change


def truncate(name: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[: len(content) // 2])

    return change


def remove(name: str) -> Callable[[Path], None]:
    return lambda path: (path / name).unlink()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            change_json("schema", 3),
            IntegrityError,
            "run.json: schema: expected 2, found 3: this run was made by another",
        ),
        (remove("run.json"), IntegrityError, "run.json: missing"),
        (truncate("run.json"), IntegrityError, "run.json: is not JSON"),
        (change_json("classes", "01"), IntegrityError, "run.json.classes: expected a list, found str"),
        (
            change_json("input", {**to_table(GLYPHS), "resize": "ink-9"}),
            IntegrityError,
            "run.json.input.resize: expected one of 'ink-1', 'stretch', 'fit', 'crop', found 'ink-9'",
        ),
        (lambda path: (path / "recipe.toml").write_bytes(b""), IntegrityError, "the recipe was changed after training"),
        (remove("recipe.toml"), IntegrityError, "recipe.toml: missing"),
        (change_recipe(b"[gate"), UsageError, "recipe.toml: is not TOML"),
        (
            change_recipe(b"[gate]\nmax_byte = 3"),
            UsageError,
            "[gate]: unknown key 'max_byte'; did you mean 'max_bytes'?",
        ),
        (remove("calibration.npz"), IntegrityError, "calibration.npz: missing"),
        (truncate("test.npz"), IntegrityError, "test.npz: is no .npz, or truncated"),
        (change_array("golden.npz", "logits", None), IntegrityError, "golden.npz: expected the array"),
        (
            change_array("golden.npz", "logits", np.zeros((20, 3), np.float32)),
            IntegrityError,
            "golden.npz: logits: expected finite float32 (20, 2), found float32 (20, 3)",
        ),
        (change_array("test.npz", "logits", np.full((20, 2), np.nan, np.float32)), IntegrityError, "expected finite"),
        (change_array("test.npz", "labels", np.full(20, 2)), IntegrityError, "labels: expected int64 (20,) in 0..1"),
        (
            change_array("calibration.npz", "images", np.zeros((20, 28, 28), np.float32)),
            IntegrityError,
            "images: expected uint8 (n, 28, 28), found float32",
        ),
        (
            change_array("calibration.npz", "images", arrays(20, 2)["images"]),
            IntegrityError,
            "expected training images only, found 20 of the test images",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    folder: Path, change: Callable[[Path], None], error: type[EdgeproofError], message: str
) -> None:
    change(folder)
    with pytest.raises(error, match=re.escape(message)) as caught:
        read_run(folder)
    assert "\n" not in str(caught.value)


def test_images_held_out_for_the_threshold_are_optional_and_no_test_images(folder: Path) -> None:
    assert read_run(folder).deciding is None
    (folder / "deciding.npz").write_bytes(npz_bytes(arrays(30, 9)))
    held_out = read_run(folder).deciding
    assert held_out is not None
    assert held_out.images.shape == (30, 28, 28)
    (folder / "deciding.npz").write_bytes(npz_bytes(arrays(20, 2)))
    with pytest.raises(
        IntegrityError, match=r"deciding\.npz: .* found 20 of the test images: the threshold would have seen"
    ):
        read_run(folder)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a run folder, found nothing"):
        read_run(tmp_path / "nothing")


@pytest.mark.target("T6")
def test_pickles_are_refused(folder: Path) -> None:
    np.savez(folder / "test.npz", images=np.array([{}], object), labels=np.zeros(1, np.int64), logits=np.zeros((1, 2)))
    with pytest.raises(IntegrityError, match=r"test\.npz: is no \.npz"):
        read_run(folder)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"text"])
def test_a_model_that_is_no_keras_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"is no \.keras file, or truncated"):
        refuse_code(tmp_path / "model.keras")


def test_other_formats_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a \.keras file"):
        refuse_code(tmp_path / "model.h5")


@pytest.mark.parametrize("verb", ["run", "verify", "ship"])
def test_help_and_errors_come_without_tensorflow(folder: Path, verb: str) -> None:
    """`--help` must not cost the six seconds that TensorFlow takes to import."""
    code = f"""
import sys
from convert.__main__ import main
try:
    main(["{verb}", "--help"])
except SystemExit:
    pass
assert main(["run", {str(folder / "absent")!r}]) == 2
heavy = {{"tensorflow", "keras", "onnxruntime", "matplotlib", "cv2"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
