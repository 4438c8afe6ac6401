"""What a service manager hears on its socket, and that a process without one, or with one that is dead, does not notice."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from edgeproof.support import notify

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd's protocol")


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """The manager's end of a real socket, in the file system or in the abstract namespace."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@edgeproof-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind("\0" + name[1:] if name.startswith("@") else name)
        opened.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield opened


def heard(manager: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(1 << 12).decode())
        except BlockingIOError:
            return messages


def test_each_call_is_one_message(manager: socket.socket) -> None:
    notify.tell("READY=1", "STATUS=camera 0: 30 frames/s")
    notify.tell("STOPPING=1")
    assert heard(manager) == ["READY=1\nSTATUS=camera 0: 30 frames/s", "STOPPING=1"]


def test_a_line_end_or_an_undecodable_byte_in_a_status_is_no_assignment(manager: socket.socket) -> None:
    notify.tell("STATUS=caf\udce9\nMAINPID=1\r\nX\u2028Y")
    assert heard(manager) == ["STATUS=caf? MAINPID=1 X Y"]


def test_without_a_manager_or_with_a_dead_one_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (None, "", str(tmp_path / "gone"), "@gone", "vsock:2:1", "x" * 300):
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
        if name is not None:
            monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify.tell("READY=1")


def test_a_manager_that_does_not_read_holds_nobody_up(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "_SEND_S", 0.01)
    kept = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    for _ in range(kept + 20):
        notify.tell("WATCHDOG=1")
    assert kept <= len(heard(manager)) < kept + 20


@pytest.mark.parametrize(
    ("microseconds", "process", "limit_s"),
    [
        ("60000000", "", 60.0),
        ("500000", "own", 0.5),
        ("60000000", "1", None),
        ("", "", None),
        ("0", "", None),
        ("-5", "", None),
        ("soon", "", None),
    ],
)
def test_who_is_watched(
    microseconds: str, process: str, limit_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if process == "own" else process)
    assert notify.watchdog_s() == limit_s


def test_signs_of_life_are_as_many_as_needed(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(notify.time, "monotonic", lambda: now)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "8000000")
    watchdog = notify.Watchdog()
    for now in range(9):  # noqa: B007 (the clock reads it)
        for _ in range(30):
            watchdog.alive()
    assert heard(manager) == ["WATCHDOG=1"] * 5  # after 0, 2, 4, 6 and 8 seconds
    monkeypatch.delenv("WATCHDOG_USEC")
    notify.Watchdog().alive()
    assert heard(manager) == []
