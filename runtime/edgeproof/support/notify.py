"""Telling a service manager how this process is (sd_notify): datagrams to NOTIFY_SOCKET, and nothing where that is not set."""

from __future__ import annotations

import contextlib
import os
import socket
import time

_SEND_S = 1.0  # a manager that does not read its socket must not hold up the reading


def tell(*states: str) -> None:
    """Send assignments in one message: `READY=1`, `STATUS=…` (one line for people), `STOPPING=1`. What is not taken is lost."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    message = "\n".join(" ".join(state.splitlines()) for state in states)  # a line end would begin another assignment
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(_SEND_S)
        manager.connect("\0" + address[1:] if address.startswith("@") else address)  # @: in the abstract namespace
        manager.send(message.encode(errors="replace"))


def watchdog_s() -> float | None:
    """Within which time the manager wants to hear from this process, in seconds; None when it does not watch it."""
    microseconds, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    watched = process in ("", str(os.getpid()))  # a child inherits the variables, and is not meant
    return int(microseconds) / 1e6 if watched and microseconds.isdecimal() and int(microseconds) else None


class Watchdog:
    """Proof of life for the manager, which kills and restarts what gives none for `watchdog_s`.

    Call `alive` in every turn of the loop that does the work, and nowhere else: a thread of its own would go on to
    say so while that loop hangs.
    """

    def __init__(self) -> None:
        self._limit_s = watchdog_s()
        self._told_s = float("-inf")

    def alive(self) -> None:
        """Tell it, at most four times within the limit: a turn may be a millisecond."""
        if self._limit_s is not None and time.monotonic() - self._told_s >= self._limit_s / 4:
            self._told_s = time.monotonic()
            tell("WATCHDOG=1")
