"""One bad item never stops a batch: its record, its line, and the rest goes on."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgeproof.cli import batch
from edgeproof.cli.batch import Batch
from edgeproof.cli.main import main
from edgeproof.errors import UsageError
from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.files.places import Folder
from edgeproof.output.shot import Shot
from edgeproof.page.reader import Reader, open_reader
from edgeproof.sources.source import Health, Source, State

cv2 = pytest.importorskip("cv2")

NO_MEMORY = (
    "OpenCV(5) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 9000000000 bytes in function 'x'"
)


@pytest.fixture
def pictures(tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three pictures, in the working folder."""
    monkeypatch.chdir(tmp_path)
    small = cv2.resize(cv2.imread(str(samples / "numbers.jpg")), (320, 180))
    cv2.imwrite("a.png", small)
    for name in ("b.png", "c.png"):
        shutil.copy("a.png", name)
    return tmp_path


@pytest.fixture
def film(tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(samples / "numbers.mp4")


def fail_at(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, error: BaseException, *calls: int) -> None:
    """The `calls`-th calls of a method raise `error`."""
    answer, count = getattr(owner, method), iter(range(1, 10_000))

    def called(*words: Any, **options: Any) -> Any:
        if next(count) in calls:
            raise error
        return answer(*words, **options)

    monkeypatch.setattr(owner, method, called)


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OSError(errno.ENAMETOOLONG, "File name too long", "b.png"), 1, "too long"),
        (MemoryError(), 1, "b.png: out of memory"),
        (cv2.error(NO_MEMORY), 1, "b.png: out of memory"),
        (cv2.error("OpenCV(5) x.cpp:1: error: (-215:Assertion failed) !empty()"), 1, "unexpected error: OpenCV"),
        (UnicodeEncodeError("utf-8", "caf\udce9", 3, 4, "surrogates not allowed"), 1, "unexpected UnicodeEncodeError"),
        (UsageError("b.png: expected this, found that"), 2, "b.png: expected this"),
        (AssertionError("a mistake in the code"), 1, "unexpected AssertionError: a mistake"),
    ],
)
@pytest.mark.parametrize("where", [(Reader, "examine"), (Folder, "write")])
@pytest.mark.usefixtures("pictures")
def test_one_bad_picture_is_one_line_and_one_record(  # noqa: PLR0917 (pytest's way)
    error: Exception, code: int, says: str, where: tuple[type, str], capsys: Any, monkeypatch: Any
) -> None:
    fail_at(monkeypatch, *where, error, 2)
    assert main(["read", ".", "--no-show", "--save", "out", "--json", "out.jsonl"]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("edgeproof: ")
    assert says in line
    found = records()
    read = ["a.png", "c.png"] if where[0] is Reader else ["a.png", "b.png", "c.png"]  # what was read is not lost
    assert [record["source"] for record in found if record["type"] == "frame"] == read
    (failed,) = [record for record in found if record["type"] == "error"]
    assert (failed["source"], failed["exit_code"]) == ("b.png", code)
    assert line == f"edgeproof: {failed['error']}"
    assert {path.name for path in Path("out").iterdir()} == {"a.png", "c.png"}


@pytest.mark.usefixtures("pictures")
def test_the_exit_code_is_that_of_the_first_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(monkeypatch, Reader, "examine", MemoryError(), 2)
    assert main(["read", "missing.png", ".", "--no-show"]) == 5
    assert main(["read", ".", "missing.png", "--no-show"]) == 5
    fail_at(monkeypatch, Reader, "examine", MemoryError(), 1)
    assert main(["read", ".", "missing.png", "--no-show"]) == 1


def test_one_bad_frame_does_not_end_a_video(film: str, monkeypatch: Any, capsys: Any) -> None:
    fail_at(monkeypatch, Reader, "examine", MemoryError(), 2, 4)
    assert main(["read", film, "--no-show", "--max-frames", "6", "--json", "out.jsonl"]) == 1
    told = [record for record in records() if record["type"] != "event"]
    assert [record.get("frame") for record in told] == [0, None, 2, None, 4, 5]
    assert [line.partition("numbers.mp4: ")[2][:23] for line in capsys.readouterr().err.splitlines()] == [
        "frame 1: out of memory:",
        "frame 3: out of memory:",
    ]


def test_a_source_of_which_no_frame_can_be_read_is_given_up(film: str, monkeypatch: Any, capsys: Any) -> None:
    """A camera never ends."""
    fail_at(monkeypatch, Reader, "examine", TypeError("broken"), *range(1, 1 + batch.HOPELESS))
    assert main(["read", film, film, "--no-show", "--max-frames", "15"]) == 1
    printed = capsys.readouterr()
    assert "given up" in printed.err.splitlines()[-1]
    assert len(printed.err.splitlines()) == batch.HOPELESS + 1
    assert "15 frames" in printed.out, "of the second video"


def test_what_cannot_be_saved_of_a_video_is_said_once_and_the_rest_is_saved(
    film: str, monkeypatch: Any, capsys: Any
) -> None:
    fail_at(monkeypatch, Folder, "create", OSError(errno.ENOSPC, "No space left on device", "out/numbers.mkv"), 1)
    words = [film, film, "--no-show", "--save", "out", "--save-crop", "--max-frames", "3"]
    assert main(["read", *words, "--json", "out.jsonl"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "out/numbers.mkv: the disk is full" in line
    assert [record["type"] for record in records()].count("frame") == 6
    assert Path("out/numbers.mkv").stat().st_size > 10_000, "of the second"
    assert list(Path("out/crops").glob("numbers-2-00002-*"))


def test_a_video_that_did_not_reach_the_disk_is_said(film: str, monkeypatch: Any, capsys: Any) -> None:
    fail_at(monkeypatch, AppendFile, "close", OSError(errno.EIO, "Input/output error"), 1)
    assert main(["read", film, "--no-show", "--save", "out", "--max-frames", "2"]) == 1
    assert "numbers.mp4: unexpected OSError: [Errno 5] Input/output error" in capsys.readouterr().err


@pytest.mark.usefixtures("pictures")
def test_records_that_nobody_gets_end_the_run(monkeypatch: Any, capsys: Any) -> None:
    fail_at(monkeypatch, AppendFile, "append", OSError(errno.ENOSPC, "No space left on device", "out.jsonl"), 2)
    assert main(["read", ".", "--no-show", "--json", "out.jsonl"]) == 1
    assert len(records()) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.usefixtures("pictures")
def test_the_trace_of_a_mistake_is_shown_on_request(monkeypatch: Any, capsys: Any) -> None:
    fail_at(monkeypatch, Reader, "examine", AssertionError("a mistake"), 1)
    assert main(["read", "a.png", "--no-show", "--traceback"]) == 1
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert "raise error" in printed


@pytest.mark.usefixtures("pictures")
def test_a_window_that_fails_for_one_picture_leaves_the_others_unharmed(monkeypatch: Any) -> None:
    from edgeproof.cli import read
    from edgeproof.output.window import Window

    monkeypatch.setattr(read, "display_works", lambda: True)
    monkeypatch.setattr(Window, "close", lambda _self: None)
    monkeypatch.setattr(Window, "take", lambda _self, _shot: True)
    fail_at(monkeypatch, Window, "take", MemoryError(), 2)
    assert main(["read", ".", "--show", "--json", "out.jsonl"]) == 1
    assert [record["type"] for record in records()] == ["frame", "frame", "error", "frame"]


def test_interrupted_in_the_midst_everything_is_closed(film: str, monkeypatch: Any, capsys: Any) -> None:
    fail_at(monkeypatch, Reader, "examine", KeyboardInterrupt(), 4)
    assert main(["read", film, "--no-show", "--save", "out", "--json", "out.jsonl"]) == 130
    assert capsys.readouterr().err == "edgeproof: interrupted\n"
    assert len(records()) == 3
    capture = cv2.VideoCapture("out/numbers.mkv", cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 3


class Heard:
    """A listener."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def tell(self, health: Health) -> None:
        self.states.append(health.state)

    def take(self, _shot: Shot) -> bool:
        return True


def test_of_a_source_and_a_full_disk_the_worse_is_told() -> None:
    """Neither hides the other: when the one is over, the other is told."""
    heard, source = Heard(), Source("camera", "0", "camera 0")
    with open_reader() as reader:
        whole = Batch(reader, listeners=[heard])

        def becomes(state: State) -> None:
            whole._hear(source, Health(source.name, state, "" if state == "live" else "why", 0.0))

        whole._broken[heard] = 0.0
        whole._tell(source)
        becomes("stalled")
        becomes("live")
        becomes("frozen")
        whole._broken.clear()
        whole._tell(source)
        becomes("live")
    assert heard.states == ["degraded", "stalled", "degraded", "frozen", "live"]
