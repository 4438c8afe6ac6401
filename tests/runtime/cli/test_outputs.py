"""What a user may do to the outputs of `read` and `explain`: nothing is lost, nothing overwrites anything."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.bundle import default_bundle
from edgeproof.cli.main import main
from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.files.video_file import VideoFile

cv2 = pytest.importorskip("cv2")

Played = Callable[[Path], int]


@pytest.fixture
def here(tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a picture and a video of its own."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("n.png", cv2.resize(cv2.imread(str(samples / "numbers.jpg")), (320, 180)))
    film(Path("clip.mkv"), 5)
    return tmp_path


def film(path: Path, frames: int) -> None:
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 200, np.uint8))[1].tobytes()
    video = VideoFile(AppendFile(os.open(path, os.O_RDWR | os.O_CREAT), str(path)), 64, 48)
    for index in range(frames):
        video.add(jpeg, index / 25)
    video.close()


def records(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def started(*words: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edgeproof", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


# --- what is read is not written --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (["n.png", "--save", "."], "n.png"),
        (["clip.mkv", "--save", "."], "clip.mkv"),
        (["n.png", "--save", ".", "--overwrite"], "n.png"),
        (["n.png", "--json", "n.png"], "n.png"),
        (["n.png", "--json", "n.png", "--append"], "n.png"),
        (["n.png", "clip.mkv", "--json", "soft.jsonl", "--overwrite"], "clip.mkv"),
        (["n.png", "clip.mkv", "--json", "hard.jsonl", "--overwrite"], "clip.mkv"),
        (["missing.png", "n.png", "--json", "n.png", "--overwrite"], "n.png"),
    ],
)
def test_an_output_that_is_a_source_is_refused_before_anything_is_read(
    here: Path, words: list[str], target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("soft.jsonl").symlink_to("clip.mkv")
    Path("hard.jsonl").hardlink_to("clip.mkv")
    before = Path(target).read_bytes(), sorted(here.iterdir())
    assert main(["read", *words, "--no-show"]) == 2
    printed = capsys.readouterr()
    assert f"is the source {target}" in printed.err
    assert len(printed.err.splitlines()) == 1
    assert printed.out == ""
    assert (Path(target).read_bytes(), sorted(here.iterdir())) == before


@pytest.mark.parametrize(
    "words",
    [
        ["read", "n.png", "--no-show", "--json", "bundle/manifest.json", "--overwrite"],
        ["read", "n.png", "--no-show", "--json", "bundle/new.jsonl"],
        ["read", "n.png", "--no-show", "--save", "bundle/out"],
        ["read", "n.png", "--no-show", "--debug", "bundle"],
        ["explain", "n.png", "--out", "bundle/golden.png"],
        ["bench", "--quick", "--json", "bundle/manifest.json", "--overwrite"],
    ],
)
def test_nothing_is_written_into_the_bundle(here: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(default_bundle(), here / "bundle")
    before = sorted((path.name, path.read_bytes()) for path in Path("bundle").iterdir())
    where = ["bundle"] if words[0] == "bench" else ["--bundle", "bundle"]
    assert main([*words, *where]) == 2
    assert "the bundle bundle" in capsys.readouterr().err
    assert sorted((path.name, path.read_bytes()) for path in Path("bundle").iterdir()) == before


# --- what an earlier run wrote stays ----------------------------------------------------------------------------------


def test_a_run_that_is_repeated_keeps_everything(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["read", "n.png", "clip.mkv", "--no-show", "--save", "out", "--save-crop", "--debug", "debug"]

    def written() -> list[int]:
        return [sum(path.is_file() for path in (here / name).iterdir()) for name in ("out", "out/crops", "debug")]

    assert main(words) == 0
    once = written()
    assert min(once) >= 2
    for times in (2, 3):
        assert main(words) == 0
        assert written() == [times * count for count in once]
    assert "wrote out/n-3.png" in capsys.readouterr().out
    assert main([*words, "--overwrite"]) == 0
    assert "wrote out/n.png" in capsys.readouterr().out
    assert written() == [3 * count for count in once]


def test_equal_names_of_two_folders_stay_apart(here: Path) -> None:
    for name in ("a", "b"):
        (here / name).mkdir()
        shutil.copy("n.png", name)
    options = ["--no-show", "--save", "out", "--save-crop", "--debug", "debug", "--json", "out.jsonl"]
    assert main(["read", "a/n.png", "b/n.png", *options]) == 0
    assert {path.name for path in Path("out").glob("*.png")} == {"n.png", "n-2.png"}
    assert len(list(Path("debug").iterdir())) == 12
    assert len(list(Path("out/crops").iterdir())) == sum(len(record["digits"]) for record in records("out.jsonl")) > 10


def test_records_of_an_earlier_run_are_kept_gone_on_with_or_replaced(here: Path, capsys: Any) -> None:
    words = ["read", "n.png", "--no-show", "--json", "out.jsonl"]
    assert main(words) == 0
    assert main(words) == 2
    assert "give --append, --overwrite or another name" in capsys.readouterr().err
    assert main([*words, "--append"]) == 0
    assert len(records("out.jsonl")) == 2
    (here / "broken").mkdir()
    assert main([*words, "--overwrite", "--bundle", "broken"]) == 6
    assert len(records("out.jsonl")) == 2, "a run that reads nothing replaces nothing"
    assert main([*words, "--overwrite"]) == 0
    assert len(records("out.jsonl")) == 1


@pytest.mark.usefixtures("here")
def test_flags_that_have_no_file_or_contradict_each_other_are_refused(capsys: Any) -> None:
    assert main(["read", "n.png", "--append"]) == 2
    assert "--json FILE too" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["read", "n.png", "--append", "--overwrite"])


@pytest.mark.usefixtures("here")
def test_explain_keeps_what_is_there(capsys: Any) -> None:
    Path("why.png").write_bytes(b"precious")
    for name in ("why-2.png", "why-3.png"):
        assert main(["explain", "n.png", "--out", "why.png"]) == 0
        assert f"wrote {name}" in capsys.readouterr().out
    assert Path("why.png").read_bytes() == b"precious"
    assert main(["explain", "n.png", "--out", "n.png", "--overwrite"]) == 2
    assert main(["explain", "n.png", "--out", "why.png", "--overwrite"]) == 0
    assert cv2.imread("why.png") is not None


@pytest.mark.usefixtures("here")
def test_bench_keeps_an_earlier_report(capsys: Any) -> None:
    Path("bench.json").write_text("{}")
    assert main(["bench", "--quick", "--json", "bench.json"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert Path("bench.json").read_text() == "{}"


# --- odd names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "x" * 246 + ".png",
        "é" * 125 + ".png",
        "caf\udce9.png",
        "a\nb.png",
        "a\x1b[2J\u202eb.png",
        "a  b 'c'.png",
        "-.png",
    ],
)
def test_a_picture_of_any_name_is_read_and_everything_is_written(here: Path, name: str, capsys: Any) -> None:
    (here / "in").mkdir()
    shutil.copy("n.png", f"in/{name}")
    options = ["--no-show", "--save", "out", "--save-crop", "--debug", "debug", "--json", "out.jsonl"]
    assert main(["read", "in", *options]) == 0
    assert records("out.jsonl")[0]["source"] == f"in/{name}"
    printed = capsys.readouterr().out
    assert printed.replace("\n", "").isprintable()
    assert len(printed.splitlines()) == 4
    assert cv2.imread(str(next(Path("out").glob("*.png")))) is not None
    assert len(list(Path("debug").iterdir())) == 6
    shutil.copy("clip.mkv", f"in/{name}")  # now it is none
    assert main(["read", "in", *options, "--append"]) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert records("out.jsonl")[1]["error"] == line.removeprefix("edgeproof: ")


# --- the machine says no ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("here")
def test_a_disk_that_is_full_is_said_and_what_was_written_plays(played: Played) -> None:
    film(Path("long.mkv"), 200)

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    words = ["read", "long.mkv", "n.png", "--no-show", "--save", "out", "--json", "out.jsonl"]
    with started(*words, preexec_fn=little) as run:
        out, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "out/long.mkv: the file would be larger than is permitted" in err.splitlines()[0]
    assert played(Path("out/long.mkv")) > 5
    assert [record["type"] for record in records("out.jsonl")].count("frame") > 50, out


@pytest.mark.usefixtures("here")
def test_closed_streams_and_records_for_stdout() -> None:
    line = '"$0" -m edgeproof read n.png --no-show --json - >&-; echo $? >&2'
    run = subprocess.run(["bash", "-c", line, sys.executable], capture_output=True, text=True, timeout=60, check=False)
    assert run.stderr.splitlines()[1:] == ["2"]
    assert "expected an open stdout" in run.stderr


# --- two at once, and ended -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("here")
def test_two_processes_share_a_folder_and_never_a_json_file(played: Played) -> None:
    film(Path("long.mkv"), 100)
    words = ["read", "long.mkv", "n.png", "--no-show", "--save", "out", "--save-crop", "--json", "out.jsonl"]
    runs = [started(*words) for _ in range(2)]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 2], said
    assert any("out.jsonl" in line for line in said)
    assert len(records("out.jsonl")) == 101
    runs = [started(*words[:-1], f"{number}.jsonl") for number in range(2)]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    names = {"long.mkv", "long-2.mkv", "long-3.mkv"}
    assert {path.name: played(path) for path in Path("out").glob("*.mkv")} == dict.fromkeys(names, 100)
    assert len(list(Path("out").glob("n*.png"))) == 3
    digits = [len(record["digits"]) for name in ("out", "0", "1") for record in records(f"{name}.jsonl")]
    assert len(list(Path("out/crops").iterdir())) == sum(digits)


@pytest.fixture
def running(here: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in the midst of a video, as a service has it."""
    film(here / "long.mkv", 5000)
    with started("read", "long.mkv", "--no-show", "--save", "out", "--json", "out.jsonl") as run:
        end = time.monotonic() + 30
        while time.monotonic() < end and not (Path("out.jsonl").exists() and Path("out.jsonl").stat().st_size > 5000):
            time.sleep(0.02)
        yield run
        run.kill()


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ([signal.SIGTERM], 130),
        ([signal.SIGHUP, signal.SIGHUP, signal.SIGTERM], 130),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGKILL], -signal.SIGKILL),
    ],
)
def test_whatever_ends_a_run_its_files_are_whole(
    running: subprocess.Popen[str], signals: list[signal.Signals], code: int, played: Played
) -> None:
    for number in signals:
        running.send_signal(number)
        time.sleep(0.005)
    err = running.communicate(timeout=30)[1]
    assert (running.returncode, err) == (code, "edgeproof: interrupted\n" if code > 0 else "")
    lines = len(records("out.jsonl"))
    assert lines > 5
    assert lines - played(Path("out/long.mkv")) in (0, 1)  # the frame that was being written
