"""Crops: what the model saw, and what a person is asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeproof.output.files import crops
from edgeproof.output.files.crops import SavedCrops, SavedUncertain
from edgeproof.output.files.places import Folder, Inputs
from edgeproof.output.shot import Shot
from edgeproof.page.reader import Reader, open_reader
from edgeproof.sources.source import Frame, Source

cv2 = pytest.importorskip("cv2")
Shots = Callable[..., Shot]


def folder(path: Path) -> Folder:
    return Folder(path, Inputs({}), overwrite=False)


def test_crops_are_what_the_model_saw_and_equal_names_stay_apart(tmp_path: Path, shot: Shots) -> None:
    crops = SavedCrops(folder(tmp_path))
    for source in ("a/photo.jpg", "b/photo.jpg"):
        for index in (0, 1):
            crops.take(shot(Source("video", source, source), index=index, text="31"))
        crops.close()
    again = SavedCrops(folder(tmp_path))
    again.take(shot(text="31"))
    ends = {f"0000{index}-00{place}-{digit}.png" for index in (0, 1) for place, digit in enumerate("31")}
    assert {path.name for path in tmp_path.iterdir()} == (
        {f"photo-{end}" for end in ends}
        | {f"photo-2-{end}" for end in ends}
        | {f"photo-3-{end}" for end in ends if end.startswith("00000")}
    )
    assert cv2.imread(str(next(tmp_path.iterdir())), cv2.IMREAD_UNCHANGED).shape == (28, 28)


@pytest.fixture(scope="module")
def reader():
    with open_reader() as opened:
        yield opened


def uncertain(reader: Reader, shot: Shots, image: np.ndarray, scores: list[float], time_s: float) -> Shot:
    """A frame of a camera in which each thing has the score that is given for it."""
    found = reader.examine(image)
    given = np.resize(np.array(scores, np.float32), len(found.candidates))
    found = replace(found, verdicts=replace(found.verdicts, scores=given))
    camera = Source("camera", "0", "0")
    return replace(shot(camera), frame=Frame("0", round(30 * time_s), time_s, image, 1.0), examination=found)


def test_what_is_uncertain_is_cut_out_once_a_second_and_what_rests_once(reader, shot, draw_scene, tmp_path):
    page = draw_scene(["2468"], height=90).frame
    sink = SavedUncertain(folder(tmp_path), reader.classes)
    doubtful = [0.99, 0.5, 0.05, 0.3]
    for time_s in (0.0, 0.4, 0.8):
        sink.take(uncertain(reader, shot, page, doubtful, time_s))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name.rsplit("-", 2)[-1] for name in names] == ["50.png", "30.png"], names
    assert all(name.startswith("0-000000-") for name in names)
    crop = cv2.imread(str(tmp_path / names[0]))
    assert 90 < max(crop.shape[:2]) < 2 * 90, "the digit, and some paper around it"
    assert abs(int(crop[0, 0].mean()) - int(page[0, 0].mean())) < 25
    noise = np.random.default_rng(1).integers(-8, 9, page.shape)
    sink.take(uncertain(reader, shot, np.clip(page + noise, 0, 255).astype(np.uint8), doubtful, 1.1))
    assert len(list(tmp_path.iterdir())) == 2, "what rests is the same again"
    moved, written = np.roll(page, 60, axis=1), draw_scene(["2978"], height=90).frame
    for time_s, frame in ((2.2, moved), (3.3, written)):
        sink.take(uncertain(reader, shot, frame, doubtful, time_s))
    assert len(list(tmp_path.iterdir())) == 6, "another place, or another digit in its place, is not"


def test_a_full_folder_has_room_again_when_a_person_has_labelled_some(reader, shot, draw_scene, tmp_path, monkeypatch):
    page = draw_scene(["2468"], height=90).frame
    doubtful = [0.99, 0.5, 0.05, 0.3]
    monkeypatch.setattr(crops, "MOST_UNCERTAIN", 5)
    full = SavedUncertain(folder(tmp_path), reader.classes)
    for turn in range(4):
        full.take(uncertain(reader, shot, np.roll(page, 60 * turn, axis=1), doubtful, 2.0 * turn))
    assert len(list(tmp_path.iterdir())) == 5
    for path in tmp_path.iterdir():
        path.unlink()
    full.take(uncertain(reader, shot, page, doubtful, 10.0))
    assert not list(tmp_path.iterdir()), "it is counted once a minute"
    monkeypatch.setattr(crops, "COUNT_S", 0.0)
    full.take(uncertain(reader, shot, page, doubtful, 12.0))
    assert len(list(tmp_path.iterdir())) == 2
