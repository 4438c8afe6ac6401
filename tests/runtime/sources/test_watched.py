"""Pictures that arrive in a folder: each once, when it is whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeproof.errors import SourceError
from edgeproof.sources import watched
from edgeproof.sources.source import Source


class Clock:
    """Time that passes by sleeping alone, so that a machine under load sees the same."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(watched, "time", Clock())


def given(pictures: Iterator[Source | None], rounds: int = 6) -> list[str]:
    """The names of what comes within so many looks."""
    found = []
    while rounds:
        picture = next(pictures)
        if picture is None:
            rounds -= 1
        else:
            found.append(Path(picture.name).name)
    return found


def test_what_arrives_is_given_once_when_it_is_whole(tmp_path):
    (tmp_path / "old.png").write_bytes(b"there before")
    pictures = watched.watched_pictures(Source("watched", str(tmp_path), str(tmp_path)))
    assert given(pictures, 1) == []
    (tmp_path / "b.jpg").write_bytes(b"one")
    time.sleep(0.02)
    (tmp_path / "a.png").write_bytes(b"two")
    (tmp_path / "notes.txt").write_bytes(b"no picture")
    (tmp_path / ".hidden.png").write_bytes(b"half written")
    assert given(pictures) == ["b.jpg", "a.png"], "in the order of arrival"
    with (tmp_path / "slow.png").open("wb") as slow:
        for _ in range(5):
            slow.write(b"more")
            slow.flush()
            assert given(pictures, 2) == [], "within half a second it was written to again"
    assert given(pictures) == ["slow.png"]
    (tmp_path / "b.jpg").write_bytes(b"changed")
    assert given(pictures) == ["b.jpg"]
    assert given(pictures) == []


def test_a_file_that_is_taken_away_in_the_midst_makes_no_other_new(tmp_path, monkeypatch):
    pictures = watched.watched_pictures(Source("watched", str(tmp_path), str(tmp_path)))
    next(pictures)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"one")
    assert given(pictures) == ["a.png", "b.png"]
    looked, stat = [], Path.stat

    def vanishing(path: Path, **flags: bool) -> os.stat_result:
        if path.name == "a.png":
            looked.append(path)
            if len(looked) == 2:  # there at the first look of the program, gone at the next
                raise FileNotFoundError
        return stat(path, **flags)

    monkeypatch.setattr(Path, "stat", vanishing)
    assert "b.png" not in given(pictures)
    assert len(looked) > 2


def test_a_folder_that_goes_away_is_an_error(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pictures = watched.watched_pictures(Source("watched", str(folder), "in"))
    next(pictures)
    folder.rmdir()
    with pytest.raises(SourceError, match="in: the folder is gone"):
        given(pictures)
