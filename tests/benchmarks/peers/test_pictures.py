"""The pictures that peers read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.peers import pictures
from edgeproof.errors import IntegrityError, SourceError


def test_drawn_pictures_are_labelled_files(run: Path, tmp_path: Path) -> None:
    found = pictures.draw(run, tmp_path, 2, seed=4)
    again = pictures.draw(run, tmp_path, 2, seed=4)
    assert [picture.digits for picture in found] == [picture.digits for picture in again]
    for picture in found:
        height, width = cv2.imread(str(picture.path)).shape[:2]
        assert picture.digits
        for digit, (x, y, w, h) in picture.digits:
            assert 0 <= digit <= 9
            assert 0 <= x < x + w <= width
            assert 0 <= y < y + h <= height


def test_labelled_photographs_are_found(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    rows = [
        {"image": "a.png", "boxes": [{"digit": 7, "bbox": [1, 2, 3, 4]}]},
        {"image": "without-boxes.png", "digits": "123"},
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert pictures.load(tmp_path) == [pictures.LabelledPicture(tmp_path / "a.png", ((7, (1, 2, 3, 4)),))]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, SourceError, "labels.jsonl"),
        ('{"image": "a.png", "boxes": []}', SourceError, "expected boxes"),
        ('{"image": "a.png", "boxes": [{"digit": 1, "bbox": [0, 0, 1, 1]}]}', SourceError, "a.png is missing"),
        ("not json", IntegrityError, "line 1"),
        ('{"boxes": [{"digit": 1}]}', IntegrityError, "line 1"),
    ],
)
def test_foreign_labels_are_one_line(tmp_path: Path, text: str | None, error: type[Exception], words: str) -> None:
    if text is not None:
        (tmp_path / "labels.jsonl").write_text(text)
    with pytest.raises(error, match=words):
        pictures.load(tmp_path)


def test_the_environment_names_several_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    monkeypatch.delenv(pictures.VARIABLE, raising=False)
    assert pictures.named_folders() == []
    monkeypatch.setenv(pictures.VARIABLE, f"{first}{os.pathsep}{second}")
    assert pictures.named_folders() == [first, second]


def test_each_folder_is_a_group_of_its_own(tmp_path: Path) -> None:
    for place, name in enumerate(("one", "two")):
        folder = tmp_path / name
        folder.mkdir()
        cv2.imwrite(str(folder / "a.png"), np.zeros((8, 8, 3), np.uint8))
        (folder / "labels.jsonl").write_text(
            json.dumps({"image": "a.png", "boxes": [{"digit": place, "bbox": [1, 2, 3, 4]}]})
        )
    groups = pictures.load_groups([tmp_path / "one", tmp_path / "two"])
    assert list(groups) == ["photographs", "photographs, set 2"]
    assert [group[0].digits[0][0] for group in groups.values()] == [0, 1]
