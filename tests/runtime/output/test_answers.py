"""Frames with what they show: the panel of one answer, the labels of several, and what is written to files and tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.output import answers, explain, sinks
from edgeproof.output.draw import DARK, status_line
from edgeproof.output.files.crops import SavedCrops, SavedUncertain
from edgeproof.output.files.places import Folder, Inputs
from edgeproof.output.records import frame_record
from edgeproof.output.shot import Shot
from edgeproof.page.pictures import Regions
from edgeproof.page.reader import Reader, open_reader
from edgeproof.page.reading import Digit, Guess, Reading, Region
from edgeproof.sources.source import Frame, Source
from edgeproof.tracking.regions import RegionTracker
from edgeproof.tracking.tracker import Spell

cv2 = pytest.importorskip("cv2")

HISTORY = [Spell("red", 6.0), Spell("", 1.0), Spell("green/lime", 13.0)]


@pytest.fixture(scope="module")
def whole(colour: Path) -> Iterator[Reader]:
    with open_reader(colour, top=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def halves(colour: Path) -> Iterator[Reader]:
    with open_reader(colour, regions=Regions(grid=(1, 2))) as opened:
        yield opened


def shot_of(reader: Reader, image: Any, source: Source | None = None, index: int = 0) -> Shot:
    source = source or Source("picture", "a/photo.jpg", "a/photo.jpg")
    found = reader.examine(image)
    return Shot(source, Frame(source.name, index, index / 10, image, 1.0), found.reading, reader.facts, 1.0, found)


def made(*names: str, size: tuple[int, int] = (40, 60)) -> Reading:
    """A reading of regions side by side; "" was refused."""
    height, width = size
    regions = []
    for i, name in enumerate(names):
        box = (i * width // len(names), 0, max(1, width // len(names)), height)
        top = (Guess(0, name or "cat", 0.8), Guess(1, "dog", 0.2))
        answer = Digit(0, name, 0.8, box) if name else None
        regions.append(Region(box, top, answer, np.zeros((8, 8, 3), np.uint8)))
    return Reading((), (), 0, 0, np.zeros((0, 8, 8, 3), np.uint8), {}, regions=tuple(regions))


@pytest.mark.parametrize("names", [("red",), ("",), ("a name that is much longer than there is room for " * 3,), ("°é漢\x1b",),
                                   ("red", ""), ("one", "two", "three")])  # fmt: skip
@pytest.mark.parametrize("size", [(1, 1), (32, 32), (60, 300), (480, 640), (2000, 20)])
@pytest.mark.parametrize("history", [[], HISTORY])
def test_any_frame_with_any_name_can_be_drawn(
    names: tuple[str, ...], size: tuple[int, int], history: list[Spell]
) -> None:
    image = np.full((*size, 3), 200, np.uint8)
    drawn = answers.annotate(image, made(*names, size=size), "status", history)
    factor = drawn.shape[1] // size[1]
    assert drawn.shape[1] == factor * size[1]
    assert drawn.shape[0] > factor * size[0]
    assert (image == 200).all()  # drawn on a copy


def test_a_whole_picture_has_no_box_and_its_answer_below(whole: Reader, coloured: Callable[..., Any]) -> None:
    frame = coloured("red", size=(480, 640))
    shot = shot_of(whole, frame)
    drawn = shot.annotated()
    factor = drawn.shape[1] // 640
    enlarged = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(drawn[: 480 * factor], enlarged)
    panel = drawn[480 * factor :]
    assert len(np.unique(panel.reshape(-1, 3), axis=0)) > 5
    other = answers.annotate(frame, made("grey", size=(480, 640)), status_line(shot.reading, shot.facts, 1.0))
    assert not np.array_equal(drawn, other)


def test_the_history_is_a_strip_that_ends_now() -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    bare, past = (answers.annotate(frame, made("red", size=(480, 640)), "s", history) for history in ([], HISTORY))
    assert len(past) > len(bare)
    lime, red = (np.all(past == answers.class_colour(name), axis=-1).any(axis=0) for name in ("green/lime", "red"))
    assert np.flatnonzero(red).max() < np.flatnonzero(lime).min()
    assert np.flatnonzero(lime).max() > 0.95 * past.shape[1]
    share = np.count_nonzero(lime) / (np.count_nonzero(red) + np.count_nonzero(lime))
    assert share == pytest.approx(13 / 19, abs=0.03)


def test_several_regions_have_a_frame_and_a_label_each(halves: Reader, coloured: Callable[..., Any]) -> None:
    frame = coloured("red", "sky blue", size=(480, 480))
    drawn = shot_of(halves, frame).annotated()
    for left in (0, 480):
        cell = drawn[:480, left : left + 480]
        assert (cell[240, 0] == answers.SURE).all()
        assert (cell[240, -1] == answers.SURE).all()
        assert (cell[4:20, 4:300] == DARK).all(axis=-1).any()
    assert np.array_equal(drawn[200:300, 200:300], frame[200:300, 200:300])


def test_the_table_tells_answer_and_runner_up(whole: Reader, halves: Reader, coloured: Callable[..., Any]) -> None:
    out = io.StringIO()
    table = sinks.Table(out)
    table.take(shot_of(whole, coloured("green/lime")))
    table.summary(whole.facts, [])
    head, row, summary = out.getvalue().splitlines()
    assert head.split() == ["source", "answer", "score", "runner-up", "score", "total", "ms"]
    assert row.split()[:2] == ["a/photo.jpg", "green/lime"]
    assert summary.startswith("1 frames, 1 answers; ")
    out.truncate(0)
    sinks.Table(out).take(shot_of(halves, coloured("red", "sky blue")))
    assert [line.split("  ")[0] for line in out.getvalue().splitlines()[1:]] == ["a/photo.jpg #1", "a/photo.jpg #2"]


def test_the_table_of_a_camera_has_a_row_per_steady_answer(whole: Reader, coloured: Callable[..., Any]) -> None:
    camera, tracker, out = Source("camera", "0", "0"), RegionTracker(), io.StringIO()
    table = sinks.Table(out)
    for index, name in enumerate(["red"] * 9 + ["grey"] + ["red"] * 10 + ["sky blue"] * 20):
        shot = shot_of(whole, coloured(name), camera, index)
        table.take(replace(shot, tracked=tracker.update(index / 10, shot.reading)))
    rows = out.getvalue().splitlines()[1:]
    assert [row[35:59].strip() for row in rows] == ["red", "sky blue"]


def test_a_record_tells_the_likeliest_only_when_asked(
    whole: Reader, halves: Reader, coloured: Callable[..., Any]
) -> None:
    record = frame_record(shot_of(whole, coloured("red")))
    assert record["digits"][0]["top"][0]["name"] == "red"
    assert len(record["digits"][0]["top"]) == 2
    assert record["numbers"] == []
    for answer in frame_record(shot_of(halves, coloured("red", "grey")))["digits"]:
        assert set(answer) == {"label", "name", "score", "box"}


def test_crops_have_their_colours_and_names_that_a_file_may_have(
    halves: Reader, coloured: Callable[..., Any], tmp_path: Path
) -> None:
    shot = shot_of(halves, coloured("red", "green/lime"))
    SavedCrops(Folder(tmp_path, Inputs({}), overwrite=False)).take(shot)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["photo-00000-000-red.png", "photo-00000-001-greenlim.png"]
    red = cv2.imread(str(tmp_path / names[0]), cv2.IMREAD_UNCHANGED)
    assert red.shape == (16, 24, 3)
    assert red[8, 12].argmax() == 2  # BGR


def test_what_is_uncertain_is_saved_as_the_frame_shows_it(
    colour: Path, coloured: Callable[..., Any], tmp_path: Path
) -> None:
    half_way = (coloured("red", size=(1200, 1600)) // 2 + coloured("grey", size=(1200, 1600)) // 2).astype(np.uint8)
    with open_reader(colour, conf=1.0) as reader:
        shot = shot_of(reader, half_way)
        sure = float(shot.reading.regions[0].top[0].score)
        assert sure < 1
        sink = SavedUncertain(Folder(tmp_path, Inputs({}), overwrite=False), reader.classes)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("edgeproof.output.files.crops.UNCERTAIN", (0.0, 1.0))
            sink.take(shot)
    (path,) = tmp_path.iterdir()
    guess = "".join(c for c in shot.reading.regions[0].top[0].name if c.isalnum())[:8]
    assert path.name.startswith(f"photo-000000-000-{guess}-")
    crop = cv2.imread(str(path))
    assert crop.shape == (384, 512, 3)
    assert crop[192, 256].argmax() == 2  # red, in BGR


def test_the_explanation_shows_the_input_and_why_it_was_refused(colour: Path, coloured: Callable[..., Any]) -> None:
    frame = coloured("red", "sky blue", size=(240, 320))
    frame[:, :320] = frame[:, :320] // 2 + coloured("grey", size=(240, 320)) // 2
    with open_reader(colour, conf=1.0, regions=Regions(grid=(1, 2))) as reader:
        examination = reader.examine(frame)
        drawn = explain.picture(frame, examination, reader.classes)
        stages = explain.stages(frame, examination, reader.facts)
        rows = explain.rows(examination, reader.classes)
    assert set(stages) == {"3-candidates", "4-glyphs", "5-answer"}
    assert [bool(row.reason) for row in rows] == [row.name == "-" for row in rows]
    assert rows[0].reason.startswith("red at best, ")
    right = drawn[:, explain.WIDTH :]
    for level in ((85, 85, 175), (220, 90, 60)):  # each input once more, beside the frame
        assert np.all(np.abs(right.astype(int) - level) < 12, axis=-1).sum() > 1000
    first = stages["4-glyphs"][2:34, 2:50]
    assert first[16, 24].argmax() == 2
    with open_reader(colour) as reader:
        examination = reader.examine(frame)
        assert explain.picture(frame, examination, reader.classes).shape[1] > explain.WIDTH
