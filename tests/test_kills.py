"""Fifty kills of a run that saves a video: what was read is on record, what is on record plays."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.files.video_file import VideoFile

KILLS = 50


@pytest.mark.soak
@pytest.mark.target("T7")
def test_fifty_kills_lose_no_frame_that_was_written(tmp_path: Path) -> None:
    """At random moments: while it starts, in the midst of a frame, at the end."""
    film = tmp_path / "film.mkv"
    video = VideoFile(AppendFile(os.open(film, os.O_RDWR | os.O_CREAT), str(film)), 640, 480)
    jpeg = cv2.imencode(".jpg", np.full((480, 640, 3), 200, np.uint8))[1].tobytes()
    for index in range(300):
        video.add(jpeg, index / 25)
    video.close()
    moments = random.Random(1)
    frames = []
    for kill in range(KILLS):
        folder = tmp_path / str(kill)
        words = ["read", str(film), "--no-show", "--save", str(folder), "--json", str(folder / "out.jsonl")]
        with subprocess.Popen([sys.executable, "-m", "edgeproof", *words], stdout=subprocess.DEVNULL) as run:
            time.sleep(moments.uniform(0.2, 4))
            run.send_signal(signal.SIGKILL)
        records = folder / "out.jsonl"
        lines = records.read_text().splitlines() if records.exists() else []
        assert [json.loads(line)["frame"] for line in lines] == list(range(len(lines)))
        capture = cv2.VideoCapture(str(folder / "film.mkv"), cv2.CAP_FFMPEG)
        count = 0
        while capture.read()[0]:
            count += 1
        assert len(lines) - count in (0, 1), "the frame that was being written, and no other"
        frames.append(count)
    assert len(set(frames)) > KILLS / 3, "kills at different moments"
