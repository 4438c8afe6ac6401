"""The command line as a user meets it: exit codes, one clear line, stdout that holds nothing but JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeproof.bundle import default_bundle

cv2 = pytest.importorskip("cv2")


def edgeproof(*words: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-m", "edgeproof", *map(str, words)],
        cwd=cwd, env=clean | environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def one_line(text: str) -> str:
    (line,) = text.strip().splitlines()
    return line


@pytest.fixture
def pictures(tmp_path, draw_scene):
    """a.png and c.png hold digits, b.jpg is text."""
    cv2.imwrite(str(tmp_path / "a.png"), draw_scene(["2026"]).frame)
    (tmp_path / "b.jpg").write_text("no picture")
    cv2.imwrite(str(tmp_path / "c.png"), draw_scene(["31 415"]).frame)
    return tmp_path


def test_a_table_for_people(pictures):
    result = edgeproof("read", "a.png", cwd=pictures)
    assert result.returncode == 0, result.stderr
    head, row, summary = result.stdout.splitlines()
    assert row.split()[:3] == ["a.png", "2026", "4"]
    assert summary.startswith("1 frames, 4 digits")
    assert head.split()[-2:] == ["total", "ms"]


def test_json_on_stdout_and_nothing_else(pictures):
    result = edgeproof("read", "a.png", "c.png", "--json", "-", cwd=pictures)
    assert (result.returncode, result.stderr) == (0, "")
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["source"], first["numbers"][0]["text"], first["requested"]) == ("a.png", "2026", "auto")
    assert [number["text"] for number in second["numbers"]] == ["31", "415"]


def test_a_bad_file_among_many_is_reported_and_the_rest_goes_on(pictures):
    result = edgeproof("read", pictures, "missing.jpg", "--json", "out.jsonl", cwd=pictures)
    assert result.returncode == 5
    records = [json.loads(line) for line in (pictures / "out.jsonl").read_text().splitlines()]
    assert [record["type"] for record in records] == ["frame", "error", "frame", "error"]
    assert "b.jpg: expected a picture" in records[1]["error"]
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["missing.jpg"], 5, "no such file"),
        (["b.jpg"], 5, "expected a picture"),
        (["99"], 5, "connect a camera"),
        (["concat:a|b"], 2, "protocol"),
        (["a.png", "--artifact", "fp32.onx"], 2, "did you mean 'fp32.onnx'"),
        (["a.png", "--conf", "7"], 2, "--conf"),
        (["a.png", "--save-crop"], 2, "--save DIR"),
        (["a.png", "--show"], 4, "display"),
        (["a.png", "--backend", "litert", "--device", "cuda"], 4, ""),
        (["a.png", "--bundle", "nowhere"], 6, "expected a bundle"),
    ],
)
def test_exit_codes_and_one_line(pictures, words, code, says):
    result = edgeproof("read", *words, cwd=pictures)
    assert result.returncode == code
    assert says in one_line(result.stderr)
    assert one_line(result.stderr).startswith("edgeproof: ")


def test_usage_errors_of_the_parser():
    for words in (["read"], ["read", "a.png", "--threads", "0"], ["raed", "a.png"], ["service", "instal"]):
        result = edgeproof(*words)
        assert (result.returncode, result.stdout) == (2, "")
        assert "--help" in one_line(result.stderr)


def test_a_zero_byte_video_and_a_folder_without_permission(pictures):
    (pictures / "clip.mp4").touch()
    result = edgeproof("read", "clip.mp4", cwd=pictures)
    assert result.returncode == 5
    assert "expected a video" in one_line(result.stderr)
    (pictures / "file").touch()
    for place in ("file", "file/below"):
        result = edgeproof("read", "a.png", "--save", place, cwd=pictures)
        assert result.returncode == 1
        assert "found a file: choose another" in one_line(result.stderr)


def test_annotated_files_and_crops(pictures):
    result = edgeproof("read", "a.png", "--save", "out", "--save-crop", cwd=pictures)
    assert result.returncode == 0
    assert "wrote out/a.png" in result.stdout
    assert (pictures / "out" / "a.png").stat().st_size > 1000
    assert len(list((pictures / "out" / "crops").iterdir())) == 4


def test_a_video_stops_after_max_frames(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(8):
        writer.write(np.full((48, 64, 3), 220, np.uint8))
    writer.release()
    result = edgeproof("read", "clip.avi", "--json", "-", "--max-frames", "3", cwd=tmp_path)
    assert [json.loads(line)["frame"] for line in result.stdout.splitlines()] == [0, 1, 2]


def test_a_closed_pipe_is_no_error(pictures):
    command = f"{sys.executable} -m edgeproof read a.png c.png c.png --json - | head -n 1"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=pictures, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(one_line(result.stdout))["source"] == "a.png"


@pytest.mark.parametrize(
    "verb",
    ["", "read", "verify", "bench", "doctor", "cameras", "label", "sign", "deploy", "service", "service install"],
)
def test_help_is_quick_and_complete(verb):
    result = edgeproof(*verb.split(), "--help")
    assert result.returncode == 0
    assert "None" not in result.stdout
    if verb in ("", "read", "verify", "sign"):
        assert "examples:" in result.stdout
    code = (
        "import sys\nfrom edgeproof.cli.main import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'cv2', 'onnxruntime', 'ai_edge_litert') if m in sys.modules], file=sys.stderr)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, *verb.split(), "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert one_line(child.stderr) == "[]"


def test_verify_shows_every_artifact_on_every_backend():
    result = edgeproof("verify")
    assert result.returncode == 0, result.stderr
    _, signature, _, *rows = result.stdout.splitlines()
    assert signature == "signature: none"
    assert {row.split()[1] for row in rows} >= {"onnxruntime", "litert", "opencv"}
    assert all("✅" in row or "❎" in row or "❌" in row for row in rows)


def test_verify_refuses_a_changed_file(tmp_path):
    shutil.copytree(default_bundle(), tmp_path / "bundle")
    model = tmp_path / "bundle" / "fp32.onnx"
    model.write_bytes(model.read_bytes()[:-100])
    result = edgeproof("verify", tmp_path / "bundle")
    assert result.returncode == 6
    assert "fp32.onnx" in one_line(result.stderr)
