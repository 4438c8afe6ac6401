"""The window's keys, with the calls that draw on a screen replaced: no machine that tests runs on need have one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from edgeproof.output import window
from edgeproof.output.window import HELP, NO_KEY, Window, display_works
from edgeproof.sources.source import Source

pytest.importorskip("cv2")
VIDEO = Source("video", "clip.mp4", "clip.mp4")
CAMERA = Source("camera", "0", "0")


class Screen:
    """What is shown, and the keys that are pressed one after the other; NO_KEY when all were."""

    def __init__(self) -> None:
        self.shown: list[Any] = []
        self.keys: list[int | str] = []
        self.waits: list[int] = []
        self.statuses: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.visible = 1.0

    def wait_key(self, wait_ms: int) -> int:
        self.waits.append(wait_ms)
        key = self.keys.pop(0) if self.keys else NO_KEY
        return ord(key) if isinstance(key, str) else key


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    gui = window.cv2
    monkeypatch.setattr(gui, "namedWindow", lambda *_words: None)
    monkeypatch.setattr(gui, "resizeWindow", lambda _title, *size: found.sizes.append(size))
    monkeypatch.setattr(gui, "imshow", lambda _title, image: found.shown.append(image))
    monkeypatch.setattr(gui, "waitKey", found.wait_key)
    monkeypatch.setattr(gui, "getWindowProperty", lambda *_words: found.visible)
    drawn = window.Shot.drawn

    def noted(shot: Any, status: str) -> Any:
        found.statuses.append(status)
        return drawn(shot, status)

    monkeypatch.setattr(window.Shot, "drawn", noted)
    return found


@pytest.fixture
def opened(screen: Screen, tmp_path: Path) -> Window:  # noqa: ARG001 (before anything is drawn)
    def save(name: str, _image: Any) -> Path:
        path = tmp_path / name
        path.touch()
        return path

    return Window(("0", "1"), save)


def test_it_opens_as_large_as_it_is_drawn_and_as_a_screen_has_room(screen, opened, shot):
    for size in ((3000, 4000), (480, 640)):
        opened.take(shot(CAMERA, size))
    ((width, height),) = screen.sizes
    assert height == 800
    assert width == pytest.approx(800 * 4000 / 3000, rel=0.05), "the bar below takes some of it"


@pytest.mark.parametrize("key", ["q", 27])
def test_q_and_escape_quit(key, screen, opened, shot):
    screen.keys = [key]
    assert not opened.take(shot(CAMERA))


def test_the_close_button_quits(screen, opened, shot):
    screen.visible = 0.0
    assert not opened.take(shot(CAMERA))


def test_a_picture_stays_until_a_key_that_means_nothing_else(screen, opened, shot):
    screen.keys = [NO_KEY, NO_KEY, "h", "x"]
    assert opened.take(shot())
    assert screen.keys == []


def test_a_picture_that_arrived_makes_room_for_the_next(screen, shot):
    arriving = Window(("0", "1"), lambda name, _image: Path(name), waits=False)
    for _ in range(3):
        assert arriving.take(shot(Source("picture", "a.png", "a.png")))
    assert len(screen.shown) == 3


def test_keys_are_obeyed_while_nothing_comes(screen, opened, shot, tmp_path):
    assert opened.idle()
    opened.take(shot(CAMERA))
    screen.keys = ["s", "x", "d"]
    for _ in range(4):
        assert opened.idle()
    assert len(list(tmp_path.iterdir())) == 1
    assert opened._why
    screen.keys = ["q"]
    assert not opened.idle()


def test_a_pause_holds_the_frame_until_the_next(screen, opened, shot):
    screen.keys = [" ", NO_KEY, NO_KEY, " "]
    assert opened.take(shot(CAMERA))
    assert screen.keys == []
    assert sum("PAUSED" in status for status in screen.statuses) == 3


def test_a_video_plays_as_it_was_taken_and_a_camera_waits_for_nothing(screen, opened, shot):
    for index in (0, 25):
        opened.take(shot(VIDEO, index=index))
    assert 800 < screen.waits[-1] <= 1000, "the 25th frame is due after a second, less what drawing took"
    opened.take(shot(CAMERA, index=99))
    assert screen.waits[-1] == 1


def test_a_snapshot_is_written_and_told(screen, opened, shot, tmp_path, capsys):
    screen.keys = ["s"]
    opened.take(shot(CAMERA, index=7))
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot-0-000007"]
    assert "wrote" in capsys.readouterr().err


def test_help_is_there_at_first_and_on_a_key(screen, opened, shot, monkeypatch):
    opened.take(shot(CAMERA))
    assert HELP in screen.statuses[-1]
    real = time.monotonic
    monkeypatch.setattr(window.time, "monotonic", lambda: real() + 60)
    opened.take(shot(CAMERA))
    assert HELP not in screen.statuses[-1]
    screen.keys = ["h"]
    opened.take(shot(CAMERA))
    assert HELP in screen.statuses[-1]


def test_without_a_display_no_window_is_tried(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not display_works()


@pytest.mark.skipif(os.name == "nt", reason="X11 only")
def test_a_dead_display_is_found_out_in_a_child(monkeypatch):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":987")
    assert not display_works()
