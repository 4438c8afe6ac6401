"""`edgeproof read`, `explain` and `verify` with a bundle of pictures, as a user types them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.cli.main import main

cv2 = pytest.importorskip("cv2")
Coloured = Callable[..., Any]


pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def here(tmp_path: Path, coloured: Coloured, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder, with two pictures, one of them small."""
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("two.png", coloured("red", "sky blue"))
    cv2.imwrite("small.png", coloured("grey", size=(30, 40)))


def records(*words: str | Path) -> tuple[int, list[dict[str, Any]]]:
    code = main(["read", *map(str, words), "--no-show", "--json", "out.jsonl", "--overwrite"])
    return code, [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]


def names(record: dict[str, Any]) -> list[str]:
    return [answer["name"] for answer in record["digits"]]


def test_the_likeliest_are_in_the_records_when_asked_for(colour: Path) -> None:
    code, (record,) = records("small.png", "--bundle", colour, "--top", "2")
    (answer,) = record["digits"]
    assert (code, answer["name"], answer["box"], record["numbers"]) == (0, "grey", [0, 0, 40, 30], [])
    assert [set(guess) for guess in answer["top"]] == [{"label", "name", "score"}] * 2
    assert answer["top"][0] == {key: answer[key] for key in ("label", "name", "score")}
    assert "top" not in records("small.png", "--bundle", colour)[1][0]["digits"][0]


@pytest.mark.parametrize(
    ("words", "found", "boxes"),
    [
        (["--grid", "1x2"], ["red", "sky blue"], [[0, 0, 80, 60], [80, 0, 80, 60]]),
        (["--region", "80,0,80,60", "--region", "0,0,80,60"], ["sky blue", "red"], [[80, 0, 80, 60], [0, 0, 80, 60]]),
    ],
)
def test_regions_and_cells_are_answers_of_their_own(
    colour: Path, words: list[str], found: list[str], boxes: list[list[int]]
) -> None:
    code, (record,) = records("two.png", "--bundle", colour, *words)
    assert (code, names(record), [answer["box"] for answer in record["digits"]]) == (0, found, boxes)


def test_a_frame_without_room_for_a_region_is_an_error_and_the_others_are_read(colour: Path) -> None:
    code, (error, frame) = records("small.png", "two.png", "--bundle", colour, "--region", "80,0,80,60")
    assert (code, error["type"], error["source"], error["exit_code"]) == (5, "error", "small.png", 5)
    assert "region 80,0,80,60: expected it inside the frame, found one of 40×30 pixels" in error["error"]
    assert names(frame) == ["sky blue"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--grid", "2x2"], "--region, --grid: expected a bundle of pictures, found digits"),
        (["--region", "0,0,9,9"], "--region, --grid: expected a bundle of pictures, found digits"),
        (["--bundle", "COLOUR", "--top", "5"], "--top: expected 1 to 4"),
        (["--bundle", "COLOUR", "--top", "0"], "--top"),
        (["--bundle", "COLOUR", "--grid", "0x2"], "expected rows and columns as in 2x3"),
        (["--bundle", "COLOUR", "--grid", "2x33"], "at most 32"),
        (["--bundle", "COLOUR", "--region", "1,2,3"], "expected left, top, width and height"),
        (["--bundle", "COLOUR", "--region", "1,2,0,3"], "expected left, top, width and height"),
        (["--bundle", "COLOUR", "--region", "-1,2,3,3"], "--region"),
        (["--bundle", "COLOUR", "--region", "0,0,9,9", "--grid", "2x2"], "not allowed with"),
    ],
)
def test_flags_that_do_not_fit_are_one_line(
    colour: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(colour) if word == "COLOUR" else word for word in words]
    try:
        code = main(["read", "two.png", "--no-show", *given])
    except SystemExit as ended:  # argparse's own way
        code = ended.code
    assert code == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_of_a_video_what_changes_is_told_and_every_file_is_written(colour: Path, coloured: Coloured) -> None:
    film = cv2.VideoWriter("film.mkv", cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 60))
    for name in ["red"] * 15 + ["sky blue"] * 15:
        film.write(np.hstack([coloured(name), coloured("grey")]))
    film.release()
    words = ("--grid", "1x2", "--events", "events.csv", "--save", "out", "--save-crop", "--debug", "debug")
    code, found = records("film.mkv", "--bundle", colour, *words)
    assert code == 0
    events = [record for record in found if record["type"] == "event"]
    assert [(event["event"], event["id"], event["text"]) for event in events] == [
        ("appeared", 1, "red"),
        ("appeared", 2, "grey"),
        ("changed", 1, "sky blue"),
    ]
    assert events[-1]["before"] == "red"
    frames = [record for record in found if record["type"] == "frame"]
    assert len(frames) == 30
    assert [answer["track"] for answer in frames[0]["digits"]] == [1, 2]
    with Path("events.csv").open(newline="") as table:
        assert [row["text"] for row in csv.DictReader(table)] == ["red", "grey", "sky blue"]
    assert {path.name for path in Path("out").iterdir()} == {"film.mkv", "crops"}
    assert len(list(Path("out/crops").iterdir())) == 60
    assert any(path.name.endswith("5-answer.png") for path in Path("debug").iterdir())


def test_explain_lists_every_region(colour: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "two.png", "--bundle", str(colour), "--grid", "1x2", "--out", "why.png"]) == 0
    out = capsys.readouterr().out
    assert "read: red, sky blue" in out
    assert "(80, 0, 80, 60)" in out
    assert cv2.imread("why.png") is not None


def test_a_bundle_of_pictures_is_verified(colour: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(colour)]) == 0
    assert "all 16 golden answers" in capsys.readouterr().out
