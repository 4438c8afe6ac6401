"""What is seen: JSON lines, the table, annotated pictures; and no window where none can be."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from edgeproof.classifier import Facts
from edgeproof.output import sinks
from edgeproof.output.draw import annotate
from edgeproof.output.files.append_file import AppendFile
from edgeproof.page.numbers import Number
from edgeproof.page.reading import Digit, Reading
from edgeproof.sources.source import Source

cv2 = pytest.importorskip("cv2")

FACTS = Facts("int8.onnx", "onnxruntime", "CPUExecutionProvider", "1.0", "auto")


def test_what_overwrites_keeps_the_old_records_until_it_has_a_new_one(tmp_path, shot):
    path = tmp_path / "out.jsonl"
    path.write_text("old\n")
    for records, left in ((0, ["old"]), (2, ["0", "1"])):
        lines = sinks.JsonLines(AppendFile(os.open(path, os.O_RDWR), str(path)), overwrite=True)
        for index in range(records):
            lines.take(shot(index=index))
        seen = path.read_text().splitlines()  # before close: each line is there at once
        lines.close()
        assert [str(json.loads(line)["frame"]) if line != "old" else line for line in seen] == left


def test_the_table_has_a_row_per_picture_and_one_per_change_of_a_video(shot):
    out = io.StringIO()
    table = sinks.Table(out)
    video = Source("video", "clip.mp4", "clip.mp4")
    for index, text in enumerate(["7", "7", "42", "42", "7"]):
        table.take(shot(video, index=index, text=text))
    table.summary(FACTS, [Path("out/clip.mkv")])
    head, *rows, summary, wrote = out.getvalue().splitlines()
    assert head.split()[:3] == ["source", "numbers", "digits"]
    assert [row.split()[2] for row in rows] == ["7", "42", "7"]
    assert summary.startswith("5 frames, 7 digits; int8.onnx on onnxruntime")
    assert wrote == "wrote out/clip.mkv"


def test_the_table_shows_no_control_characters(shot):
    out = io.StringIO()
    table = sinks.Table(out)
    table.take(shot(Source("picture", "x", "a\x1b[2J\n\u202eb.jpg")))
    table.summary(FACTS, [Path("out/a\x1b\udce9.png")])
    assert out.getvalue().replace("\n", "").isprintable()
    assert "a\\x1b[2J\\n\\u202eb.jpg" in out.getvalue()
    assert out.getvalue().count("\n") == 4  # head, row, summary, file


@pytest.mark.parametrize("size", [(1, 1), (60, 300), (480, 640), (3000, 4000), (2000, 20)])
def test_annotation_fits_any_picture_size(size, shot):
    image = np.full((*size, 3), 200, np.uint8)
    drawn = annotate(image, shot(size=size, text="26").reading, "status")
    factor = drawn.shape[1] // size[1]
    assert drawn.shape[1] == factor * size[1]
    assert drawn.shape[0] > factor * size[0]
    assert max(drawn.shape[:2]) >= 480
    assert (image == 200).all()  # drawn on a copy


def test_boxes_are_drawn_where_the_digits_are(shot):
    image = np.full((960, 960, 3), 255, np.uint8)
    drawn = annotate(image, shot(size=(960, 960), text="7").reading, "")
    assert (drawn[20, 15:38] != 255).any(axis=1).all()  # the upper side of the box
    assert (drawn[300:900, 300:900] == 255).all()


def test_labels_of_close_rows_hide_neither_digits_nor_each_other(monkeypatch):
    from edgeproof.output import draw

    boxes = [(20 + 60 * column, 40 + 78 * row, 40, 60) for row in range(4) for column in range(6)]
    digits = tuple(Digit(8, "8", 0.99, box) for box in boxes)
    rows = [tuple(range(start, start + 6)) for start in range(0, 24, 6)]
    numbers = tuple(Number("888888", 0.99, (20, boxes[row[0]][1], 340, 60), row) for row in rows)
    reading = Reading(digits, numbers, 0, 0, np.zeros((24, 28, 28), np.uint8), {})
    written = []
    monkeypatch.setattr(draw, "_text", lambda _canvas, text, at, height, _colour: written.append((text, at, height)))
    annotate(np.full((400, 420, 3), 200, np.uint8), reading, "")
    spots = []
    for text, (left, foot), height in written:
        (width, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, height / 22, max(1, round(height / 12)))
        spots.append((left, foot - tall, left + width, foot))
    assert len(spots) == 2 * 24 + 4
    factor = 2  # a picture of 420 pixels is drawn at twice its size
    drawn = [(factor * x, factor * y, factor * (x + w), factor * (y + h)) for x, y, w, h in boxes] + spots
    for place, one in enumerate(drawn):
        for other in drawn[place + 1 :]:
            across = min(one[2], other[2]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[1], other[1])
            assert min(across, down) <= 1  # of a letter's rim
