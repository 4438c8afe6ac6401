"""What `edgeproof cameras` says to people and to programs, and that a machine without cameras is no error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgeproof.cli.device import cameras
from edgeproof.errors import UnavailableError
from edgeproof.sources.cameras import Camera, Mode

FOUND = [
    Camera(
        "/dev/video0", "Webcam\x1b[2J", "uvcvideo", "usb-1", "/dev/v4l/by-id/usb-1-index0",
        (Mode("MJPG", 1920, 1080, (30.0, 29.97)), Mode("YUYV", 640, 480, ())),
    ),
    Camera("/dev/video2", "Brio", "", "", problem="Permission denied: join the group 'video'"),
]  # fmt: skip


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "cameras", lambda: list(FOUND))


@pytest.mark.usefixtures("found")
def test_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert cameras.run(as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "/dev/video0    Webcam\\x1b[2J (uvcvideo, usb-1)",
        "               /dev/v4l/by-id/usb-1-index0",
        "               MJPG 1920x1080  30, 29.97 frames/s",
        "               YUYV 640x480",
        "/dev/video2    Brio",
        "               Permission denied: join the group 'video'",
    ]


@pytest.mark.usefixtures("found")
def test_one_object_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cameras.run(as_json=True) == 0
    webcam, brio = json.loads(capsys.readouterr().out)["cameras"]
    assert webcam["by_id"] == "/dev/v4l/by-id/usb-1-index0"
    assert webcam["modes"][0] == {"format": "MJPG", "width": 1920, "height": 1080, "fps": [30.0, 29.97]}
    assert (brio["modes"], brio["problem"], "by_id" in brio) == ([], FOUND[1].problem, False)


@pytest.mark.usefixtures("found")
def test_what_a_raspberry_pi_cannot_tell_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> list[Camera]:
        raise UnavailableError("picamera2 could not")

    monkeypatch.setattr(cameras, "pi_cameras", fail)
    assert cameras.run(as_json=False) == 4
    told = capsys.readouterr()
    assert "/dev/video0" in told.out
    assert told.err == "edgeproof: picamera2 could not\n"


@pytest.mark.skipif(bool(list(Path("/dev").glob("video*"))), reason="a machine with cameras")
def test_a_machine_without_cameras_is_told_so_and_is_no_error() -> None:
    for flags, out in ([], ""), (["--json"], '{"schema": 1, "cameras": []}\n'):
        words = [sys.executable, "-m", "edgeproof", "cameras", *flags]
        result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert (result.returncode, result.stdout) == (0, out)
        assert result.stderr.startswith("edgeproof: no camera found: connect one")
        assert result.stderr.count("\n") == 1
