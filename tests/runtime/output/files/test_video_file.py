"""A video whose every frame plays as soon as it is written, whatever ends the writing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.files.video_file import VideoFile

cv2 = pytest.importorskip("cv2")

WIDTH, HEIGHT = 64, 48
GREYS = [20 * number for number in range(1, 11)]


def frame(grey: int) -> bytes:
    coded: bytes = cv2.imencode(".jpg", np.full((HEIGHT, WIDTH, 3), grey, np.uint8))[1].tobytes()
    return coded


def begun(path: Path) -> VideoFile:
    return VideoFile(AppendFile(os.open(path, os.O_RDWR | os.O_CREAT), str(path)), WIDTH, HEIGHT)


def played(path: Path) -> list[tuple[int, float]]:
    """The grey of each frame, and when it is shown, milliseconds."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    found = []
    while True:
        there, image = capture.read()
        if not there:
            return found
        assert image.shape == (HEIGHT, WIDTH, 3)
        found.append((int(image.mean() + 0.5), capture.get(cv2.CAP_PROP_POS_MSEC)))


def test_frames_come_back_at_their_times(tmp_path: Path) -> None:
    """Also when they come at odd ones, as a camera's do, and where two have the same."""
    video = begun(tmp_path / "v.mkv")
    times = [0, 0.04, 0.08, 0.5, 0.5, 0.62, 1, 2, 3, 60]
    for grey, time_s in zip(GREYS, times, strict=True):
        video.add(frame(grey), time_s)
    video.close()
    found = played(tmp_path / "v.mkv")
    assert [grey for grey, _ in found] == pytest.approx(GREYS, abs=2)
    assert [ms for _, ms in found] == [0, 40, 80, 500, 501, 620, 1000, 2000, 3000, 60_000]
    length = cv2.VideoCapture(str(tmp_path / "v.mkv"), cv2.CAP_FFMPEG)
    assert length.get(cv2.CAP_PROP_FRAME_COUNT) / length.get(cv2.CAP_PROP_FPS) == pytest.approx(60, abs=1)


def test_what_is_whole_plays_wherever_the_file_ends(tmp_path: Path) -> None:
    whole = tmp_path / "v.mkv"
    video, ends = begun(whole), []
    for grey in GREYS:
        video.add(frame(grey), grey / 25)
        ends.append(whole.stat().st_size)
    content = whole.read_bytes()  # as a kill leaves it: nothing was closed
    for cut in [*ends, *(end - 1 for end in ends[1:]), *(end + 30 for end in ends[:-1])]:
        (tmp_path / "cut.mkv").write_bytes(content[:cut])
        count = sum(end <= cut for end in ends)
        assert [grey for grey, _ in played(tmp_path / "cut.mkv")[:count]] == pytest.approx(GREYS[:count], abs=2)


KILLED = """
import os, signal, sys
from pathlib import Path
from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.files.video_file import VideoFile
video = VideoFile(AppendFile(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), ""), 64, 48)
jpeg = sys.stdin.buffer.read()
for number in range(7):
    video.add(jpeg, number / 25)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.target("T7")
def test_a_kill_takes_no_frame(tmp_path: Path) -> None:
    words = [sys.executable, "-c", KILLED, str(tmp_path / "v.mkv")]
    assert subprocess.run(words, input=frame(90), check=False, timeout=60).returncode == -signal.SIGKILL
    assert len(played(tmp_path / "v.mkv")) == 7
