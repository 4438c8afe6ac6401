"""`edgeproof explain` and `read --debug`: every candidate has its line, every refusal its reason."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeproof.cli.main import main
from edgeproof.output import explain
from edgeproof.page.reader import open_reader

STAGES = {"1-ink.png", "2-strokes.png", "3-candidates.png", "4-glyphs.png", "5-answer.png", "candidates.tsv"}


@pytest.fixture(scope="module")
def page(tmp_path_factory, draw_scene):
    """Seven digits, a minus sign, a speck and a blob; the file and the frame."""
    frame = draw_scene(["482 1907"], height=70, size=(300, 900)).frame
    frame[140:146, 700:750] = 40
    cv2.circle(frame, (820, 150), 30, (40, 40, 40), -1)
    path = tmp_path_factory.mktemp("explain") / "page.png"
    cv2.imwrite(str(path), frame)
    return path, frame


def test_explain_writes_one_picture_and_prints_every_candidate(page, tmp_path, capsys):
    out = tmp_path / "why.png"
    assert main(["explain", str(page[0]), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "a blob without strokes" in printed
    assert "wider than any digit" in printed
    assert "read: 482 1907" in printed
    image = cv2.imread(str(out))
    assert min(image.shape[:2]) > 300
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50, "a picture, not a blank sheet"


def test_debug_writes_every_stage_and_the_table(page, tmp_path):
    assert main(["read", str(page[0]), "--no-show", "--debug", str(tmp_path)]) == 0
    assert {file.name.removeprefix("page.png-") for file in tmp_path.iterdir()} == STAGES
    head, *lines = (tmp_path / "page.png-candidates.tsv").read_text().splitlines()
    assert head.split("\t") == ["number", "x", "y", "width", "height", "class", "score", "reason"]
    assert [line.split("\t")[5] for line in lines[:7]] != ["-"] * 7
    assert any(line.endswith("a blob without strokes") for line in lines)


def test_every_refused_candidate_has_a_reason(page):
    with open_reader() as reader:
        examination = reader.examine(page[1])
        rows = explain.rows(examination, reader.classes)
    assert len(rows) == len(examination.candidates) + len(examination.segmentation.dropped)
    assert all((row.name not in {"", "-"}) == (row.reason == "") for row in rows)


def test_a_blank_page_says_why_nothing_was_read(tmp_path, capsys):
    path = tmp_path / "blank.png"
    cv2.imwrite(str(path), np.full((200, 300, 3), 230, np.uint8))
    assert main(["explain", str(path), "--out", str(tmp_path / "why.png")]) == 0
    assert "(nothing)" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "code"), [(["missing.png"], 5), (["."], 5)])
def test_what_is_no_picture_is_refused(arguments, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["explain", *arguments]) == code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_an_unknown_suffix_is_refused(page, tmp_path, capsys):
    assert main(["explain", str(page[0]), "--out", str(tmp_path / "why.gif")]) == 2
    assert ".png" in capsys.readouterr().err
