"""`python -m convert` as a user types it: exit codes, and one line that says what is wrong."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.__main__ import main
from convert.run_folder import read_run
from edgeproof.support.files import published_directory

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


@pytest.fixture
def foreign(tmp_path: Path) -> tuple[str | Path, ...]:
    """A model that no part of convert can open, so that a refusal of anything else came before it was tried; and data."""
    model, data = tmp_path / "theirs.keras", tmp_path / "data.npz"
    model.write_bytes(b"no model")
    data.write_bytes(b"no data")
    return "run", "--model", model, "--data", data, "--out", tmp_path / "bundle"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--only", "int8.tflit"), "artifact 'int8.tflit' is unknown; did you mean 'int8.tflite'?"),
        (("--prune", "2"), "--prune: expected a share in 0.05..0.9, found 2"),
        (("--prune", "nan"), "--prune: expected a share in 0.05..0.9, found nan"),
        (("--max-drop-points", "nan"), "--max-drop-points: expected percentage points in 0..100, found nan"),
        (("--max-corruption-drop-points", "-1"), "--max-corruption-drop-points: expected percentage points in 0..100"),
        (("--min-class-recall", "2"), "--min-class-recall: expected a share in 0..1, found 2"),
        (("--max-bytes", "0"), "--max-bytes: expected a positive number, found 0"),
    ],
)
def test_wrong_flags_are_refused_before_the_model_is_opened(
    foreign: tuple[str | Path, ...], words: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*map(str, foreign), *words]) == 2
    assert message in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model", "nowhere.keras"), "--model nowhere.keras: expected a file, found none"),
        (("--data", "/"), "--data /: expected a file, found a folder"),
    ],
)
def test_a_missing_source_exits_5_before_the_model_is_opened(
    foreign: tuple[str | Path, ...], words: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*map(str, foreign), *words]) == 5
    assert message in capfd.readouterr().err


def test_a_kept_run_is_not_written_over_what_was_not_imported(
    foreign: tuple[str | Path, ...], folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "runs" / "kept"
    with published_directory(kept, overwrite=False) as inside:
        shutil.copytree(folder, inside, dirs_exist_ok=True)
    words = [*map(str, foreign), "--keep-run", str(kept)]
    assert main(words) == 2
    assert f"{kept} already exists: choose another --keep-run or give --overwrite" in capfd.readouterr().err
    assert main([*words, "--overwrite"]) == 2
    assert f"--keep-run {kept}: expected nothing or an imported run" in capfd.readouterr().err
    assert read_run(kept).record.name == folder.name


def test_a_target_that_cannot_be_written_is_refused_before_the_model_is_opened(
    foreign: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words, target = [*map(str, foreign), "--overwrite"], tmp_path / "bundle" / "theirs"
    target.mkdir(parents=True)
    assert main(words) == 2
    assert "is a plain folder that edgeproof did not write" in capfd.readouterr().err
    target.rmdir()
    target.write_text("notes")
    assert main(words) == 2
    assert "is a plain file that edgeproof did not write" in capfd.readouterr().err
    assert target.read_text() == "notes"
    target.unlink()

    def denied(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", denied)
    assert main(words) == 2
    assert "expected a file system with symbolic links" in capfd.readouterr().err
    monkeypatch.undo()
    target.parent.rmdir()
    target.parent.write_text("a file where the folder of bundles should be")
    assert main(words) == 1
    assert "found a file" in capfd.readouterr().err


@pytest.mark.parametrize(
    "words",
    [("--max-bytes", "-5"), ("--max-bytes", "0"), ("--max-ms", "-1"), ("--max-ms", "0"), ("--max-ms", "nan"),
     ("--max-ms", "inf"), ("--min-accuracy", "2"), ("--min-accuracy", "nan"), ("--duration", "nan")],
)  # fmt: skip
def test_wishes_that_no_file_could_fulfil_are_refused(
    words: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["select", "nowhere", *words]) == 2
    assert f"{words[0]}: expected " in capfd.readouterr().err
