"""A crowd before the page: the camera is read as before, and what never reads or never asks is gone in seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

FPS = 25.0
SPAN_S = 8.0
READING, SILENT, SLOW = 80, 20, 50
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0

#: The crowd, in a process of its own: some read all that comes, some nothing, some never end their request.
CROWD = """
import selectors, socket, sys, time
port, reading, silent, slow = map(int, sys.argv[1:])
poll, others, buffer = selectors.DefaultSelector(), [], bytearray(1 << 20)
def connect(request):
    opened = socket.create_connection(("127.0.0.1", port))
    opened.sendall(request)
    opened.setblocking(False)
    return opened
watch = b"GET /stream HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
for _ in range(reading):
    poll.register(connect(watch), selectors.EVENT_READ)
others += [connect(watch) for _ in range(silent)]
time.sleep(0.5)
others += [connect(watch[:-2]) for _ in range(slow)]
while True:
    for key, _ in poll.select(0.2):
        key.fileobj.recv_into(buffer)
    time.sleep(0.01)
"""


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


@pytest.mark.soak
@pytest.mark.timed
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.target("T17")
def test_a_hundred_viewers_and_fifty_that_never_ask_soak(open_page, client_of, reader, shots, until):
    page = open_page()
    client = client_of(page)

    def frames_per_second() -> float:
        start, count = time.monotonic(), 0
        while (now := time.monotonic()) < start + SPAN_S:
            shot = shots[count % len(shots)]
            reader.read(shot.frame.image)
            page.take(shot)
            count += 1
            time.sleep(max(0.0, start + count / FPS - now - 0.01))
        return count / SPAN_S

    with client.watch("/stream") as one:  # whose pictures take memory to draw, for as many as there are
        threading.Thread(target=lambda: [None for _ in iter(lambda: _piece(one), b"")], daemon=True).start()
        alone, memory = frames_per_second(), resident_mb()
    numbers = map(str, (client.port, READING, SILENT, SLOW))
    crowd = subprocess.Popen([sys.executable, "-c", CROWD, *numbers])
    try:
        time.sleep(1)
        crowded, grown = frames_per_second(), resident_mb() - memory
        assert client.ask("/healthz").status == 200
        until(lambda: client.viewers() == READING)  # who never reads is gone, and nobody else
    finally:
        crowd.kill()
        crowd.wait()
    print(f"\n{alone:.2f} → {crowded:.2f} frames a second, {grown:+.1f} MB")
    assert crowded > 0.97 * alone
    assert grown < 20


def _piece(opened) -> bytes:
    try:
        return opened.recv(1 << 20)
    except OSError:
        return b""
