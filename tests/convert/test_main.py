"""`python -m convert` as a user types it: exit codes, and one line that says what is wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Convert = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow


def test_flags_override_the_recipe_and_a_failed_gate_exits_3(convert: Convert, folder: Path, tmp_path: Path) -> None:
    result = convert("run", folder, "--out", tmp_path, "--only", "fp32.onnx", "--max-bytes", "100")
    assert result.returncode == 3, result.stderr
    assert "permitted 100 (max_bytes)" in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_model_exits_6_in_one_line(convert: Convert, copied_run: Path, tmp_path: Path) -> None:
    content = (copied_run / "model.keras").read_bytes()
    (copied_run / "model.keras").write_bytes(content[: len(content) // 2])
    result = convert("run", copied_run, "--out", tmp_path / "bundle")
    assert result.returncode == 6
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--name", "../elsewhere"), "expected a plain name"),
        (("--only", "int8.tflit"), "artifact 'int8.tflit' is unknown; did you mean 'int8.tflite'?"),
        (("--min-accuracy", "99.5"), "--min-accuracy: expected a share in 0..1"),
    ],
)
def test_wrong_flags_exit_2(
    convert: Convert, folder: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    result = convert("run", folder, "--out", tmp_path, *words)
    assert result.returncode == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []
