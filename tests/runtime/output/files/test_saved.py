"""What is written into folders: annotated pictures and videos, crops, stages."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeproof.errors import EdgeproofError
from edgeproof.output.files import append_file, saved
from edgeproof.output.files.places import Folder, Inputs
from edgeproof.output.shot import Shot
from edgeproof.sources.source import Source

cv2 = pytest.importorskip("cv2")

Shots = Callable[..., Shot]
Played = Callable[[Path], int]
CLIP = Source("video", "clip.avi", "clip.avi")


def folder(path: Path) -> Folder:
    return Folder(path, Inputs({}), overwrite=False)


def test_annotated_pictures_and_videos_are_written_and_read_back(tmp_path: Path, shot: Shots, played: Played) -> None:
    files = saved.SavedFiles(folder(tmp_path))
    files.take(shot())
    files.take(shot(Source("picture", "/b/photo.jpg", "b/photo.jpg")))  # the same file name from another folder
    for count in (5, 3):  # the same video twice
        for index in range(count):
            files.take(shot(CLIP, index=index))
        files.close()
    assert [path.name for path in files.written] == ["photo.png", "photo-2.png", "clip.mkv", "clip-2.mkv"]
    picture = cv2.imread(str(files.written[0]))
    assert (picture != 128).any(axis=2).mean() > 0.01
    assert [played(path) for path in files.written[2:]] == [5, 3]


def test_a_camera_may_change_the_size_of_its_frames(tmp_path: Path, shot: Shots, played: Played) -> None:
    files = saved.SavedFiles(folder(tmp_path))
    for index, size in enumerate([(480, 640), (240, 320), (480, 640)]):
        files.take(shot(Source("camera", "0", "0"), size, index))
    files.close()
    assert played(tmp_path / "0.mkv") == 3


def test_a_full_disk_is_told_at_the_frame_and_the_frames_before_it_play(
    tmp_path: Path, shot: Shots, played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, write = saved.SavedFiles(folder(tmp_path)), append_file.os.write
    for index in range(4):
        files.take(shot(CLIP, index=index))

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) > 5000:
            return write(descriptor, data[:5000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(append_file.os, "write", full)
    with pytest.raises(OSError, match=r"clip\.mkv"):
        files.take(shot(CLIP, index=4))
    monkeypatch.undo()
    files.close()
    assert played(tmp_path / "clip.mkv") == 4


def test_a_disk_that_was_full_before_leaves_no_empty_video(
    tmp_path: Path, shot: Shots, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = saved.SavedFiles(folder(tmp_path))

    def full(_descriptor: int, _data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(append_file.os, "write", full)
    with pytest.raises(OSError, match=r"clip\.mkv"):
        files.take(shot(CLIP))
    files.close()
    assert (list(tmp_path.iterdir()), files.written) == ([], [])


def test_a_recording_is_the_frames_as_they_came_and_another_where_their_size_changes(
    tmp_path: Path, shot: Shots, played: Played
) -> None:
    files = saved.Recording(folder(tmp_path))
    for index, size in enumerate([(48, 64), (48, 64), (24, 32)]):
        files.take(shot(Source("camera", "0", "0"), size, index))
    files.close()
    assert [path.name for path in files.written] == ["0.mkv", "0-2.mkv"]
    assert [played(path) for path in files.written] == [2, 1]
    capture = cv2.VideoCapture(str(files.written[0]), cv2.CAP_FFMPEG)
    assert np.abs(capture.read()[1].astype(int) - 128).max() <= 2, "nothing is drawn on it; JPEG may be two levels off"


def test_out_of_memory_is_no_limit_of_the_format(monkeypatch: pytest.MonkeyPatch) -> None:
    error = cv2.error("(-4:Insufficient memory) Failed to allocate 9 bytes")
    error.code = -4

    def encode(*_words: object) -> None:
        raise error

    monkeypatch.setattr(saved.cv2, "imencode", encode)
    with pytest.raises(cv2.error, match="Insufficient memory"):
        saved.encoded(np.zeros((2, 2, 3), np.uint8), ".png")


def test_what_a_format_cannot_hold_is_one_line() -> None:
    with pytest.raises(EdgeproofError, match="found 2×70000 pixels"):
        saved.encoded(np.zeros((70_000, 2, 3), np.uint8), ".jpg")
