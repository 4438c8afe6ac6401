"""The newest frame and the newest state, to all who look, and to nobody who does not."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields

import cv2
import numpy as np
import pytest

from edgeproof.output.shot import Shot
from edgeproof.web import connection
from edgeproof.web.stream import LONGEST_SIDE, MOST_VIEWINGS, part


def parts(opened: socket.socket) -> Iterator[bytes]:
    """The JPEGs of an MJPEG stream, as a browser takes them: what stands between two boundaries."""
    head, _, rest = received(opened, b"--frame\r\n").partition(b"\r\n\r\n")
    assert b"multipart/x-mixed-replace; boundary=frame" in head
    body = dechunked(opened, rest)
    seen = b""
    for piece in body:
        seen += piece
        while seen.count(b"--frame\r\n") > 1:
            whole, seen = seen.split(b"--frame\r\n", 2)[1:]
            seen = b"--frame\r\n" + seen
            jpeg = whole.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
            assert f"Content-Length: {len(jpeg)}\r\n".encode() in whole
            yield jpeg


def dechunked(opened: socket.socket, seen: bytes) -> Iterator[bytes]:
    while True:
        while b"\r\n" not in seen:
            seen += opened.recv(65536)
        size, _, seen = seen.partition(b"\r\n")
        length = int(size, 16)
        while len(seen) < length + 2:
            seen += opened.recv(65536)
        yield seen[:length]
        seen = seen[length + 2 :]
        if length == 0:
            return


def received(opened: socket.socket, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        seen += opened.recv(65536)
    return seen


def messages(opened: socket.socket) -> Iterator[dict]:
    _, _, rest = received(opened, b"\r\n\r\n").partition(b"\r\n\r\n")
    seen = b""
    for piece in dechunked(opened, rest):
        seen += piece
        *whole, seen = seen.split(b"\n\n")
        for event in whole:
            if event.startswith(b"data: "):
                yield json.loads(event.removeprefix(b"data: "))


def test_a_part_is_the_annotated_frame_and_no_larger_than_a_page_shows(shots):
    small = cv2.imdecode(np.frombuffer(part(shots[0]).split(b"\r\n\r\n", 1)[1], np.uint8), cv2.IMREAD_COLOR)
    assert small.shape == shots[0].annotated().shape
    huge = copied(shots[0], image=np.full((3000, 4000, 3), 200, np.uint8))
    shrunk = cv2.imdecode(np.frombuffer(part(huge).split(b"\r\n\r\n", 1)[1], np.uint8), cv2.IMREAD_COLOR)
    assert max(shrunk.shape) == LONGEST_SIDE


def copied(shot: Shot, **frame: object) -> Shot:
    whole = {field.name: getattr(shot, field.name) for field in fields(Shot)}
    taken = {field.name: getattr(shot.frame, field.name) for field in fields(type(shot.frame))}
    return Shot(**whole | {"frame": type(shot.frame)(**taken | frame)})


def test_a_viewer_sees_the_last_frame_at_once_and_then_each_newer_one(client, page, shots):
    with client.watch("/stream") as opened:
        pictures = parts(opened)
        first = next(pictures)
        assert first.startswith(b"\xff\xd8")
        page.take(shots[1])
        assert next(pictures) != first


def test_frames_are_drawn_once_for_all_and_only_while_somebody_looks(open_page, client_of, shots, until):
    drawn = []

    @dataclass(frozen=True)
    class Counted(Shot):
        def annotated(self):
            drawn.append(self.frame.index)
            return super().annotated()

    counted = [Counted(**{field.name: getattr(shot, field.name) for field in fields(Shot)}) for shot in shots]
    page = open_page()
    client = client_of(page)
    for shot in counted[:3]:
        page.take(shot)
    assert drawn == []
    with client.watch("/stream") as one, client.watch("/stream") as other:
        assert next(parts(one)) == next(parts(other))
        assert drawn == [2], "only the newest, and once"
    until(lambda: client.viewers() == 0)
    for shot in counted:
        page.take(shot)
    time.sleep(0.3)
    assert drawn == [2]


def test_frames_that_come_faster_than_they_are_shown_are_left_out(client, page, shots):
    with client.watch("/stream") as opened:
        pictures = parts(opened)
        next(pictures)
        start = time.monotonic()
        stop = threading.Event()
        feeding = threading.Thread(
            target=lambda: [(page.take(shots[0]), time.sleep(0.002)) for _ in iter(stop.is_set, True)]
        )
        feeding.start()
        for _ in range(10):
            next(pictures)
        stop.set()
        feeding.join()
        assert time.monotonic() - start >= 9 / 15  # 500 frames a second were offered


def test_one_frame_that_cannot_be_drawn_is_one_line_and_the_next_is_shown(open_page, client_of, shots, until, capfd):
    page = open_page()
    page.take(copied(shots[0], image=np.zeros((0, 0, 3), np.uint8)))
    with client_of(page).watch("/stream") as opened:
        seen = []
        until(lambda: seen.append(capfd.readouterr().err) or "".join(seen).count("\n"))
        time.sleep(0.3)  # in which it could be drawn again four times
        page.take(shots[1])
        assert next(parts(opened)).startswith(b"\xff\xd8")
    seen.append(capfd.readouterr().err)
    assert "".join(seen).startswith("edgeproof: --web: ")
    assert "".join(seen).count("\n") == 1


def test_the_first_message_holds_the_past_and_the_next_ones_the_present(client, page, shots):
    with client.watch("/events") as opened:
        told = messages(opened)
        greeting = next(told)
        assert greeting["history"]
        assert [number["text"] for number in greeting["numbers"]] == [n.text for n in shots[0].reading.numbers]
        assert greeting["facts"]["artifact"] == shots[0].facts.artifact
        before = greeting["frames"]
        page.take(shots[2])
        while (message := next(told))["frames"] == before:
            assert "history" not in message
        assert message["frame"] == 2


def test_a_viewer_too_many_is_told_so_and_health_still_answers(open_page, client_of, shots, until):
    page = open_page()
    client = client_of(page)
    page.take(shots[0])
    watching = [client.watch("/stream" if i % 2 else "/events") for i in range(MOST_VIEWINGS)]
    try:
        until(lambda: client.viewers() == MOST_VIEWINGS / 2)
        for path in ("/stream", "/events"):
            refused = client.ask(path)
            assert refused.status == 503
            assert refused.body.startswith(b"expected at most")
        assert client.ask("/healthz").status == 200
    finally:
        for opened in watching:
            opened.close()
    until(lambda: client.viewers() == 0)
    with client.watch("/stream") as opened:
        next(parts(opened))


@pytest.mark.timed
def test_a_viewer_that_never_reads_is_dropped_and_others_see_on(open_page, client_of, shots, monkeypatch):
    monkeypatch.setattr(connection, "BLOCKED_S", 1.0)  # of 3, so that the test is short
    page = open_page()
    client = client_of(page)
    page.take(shots[0])
    with client.watch("/stream") as silent, client.watch("/stream") as watching:
        pictures = parts(watching)
        next(pictures)
        assert client.viewers() == 2
        start = time.monotonic()
        while client.viewers() == 2:
            assert time.monotonic() - start < 10  # its buffers are full within one
            page.take(shots[0])
            next(pictures)
        assert client.viewers() == 1
        assert time.monotonic() - start >= 1, "a moment's silence is no reason"
        silent.close()
