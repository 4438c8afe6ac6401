"""A posted picture is read by the real model, and what is no picture is one line."""

from __future__ import annotations

import base64
import struct
import threading
import zlib

import cv2
import numpy as np
import pytest

from edgeproof.web import sketch

PNG = {"Content_Type": "image/png"}


def drawn(strokes: list[list[tuple[int, int]]]) -> bytes:
    """As the page's sketchpad sends it: 1200 × 720, a pen 34 pixels wide."""
    canvas = np.full((720, 1200, 3), (249, 252, 253), np.uint8)
    for stroke in strokes:
        cv2.polylines(canvas, [np.array(stroke)], False, (64, 36, 27), 34, cv2.LINE_AA)
    return cv2.imencode(".png", canvas)[1].tobytes()


SEVEN = drawn([[(500, 180), (760, 180), (600, 560)]])


def png(width: int, height: int) -> bytes:
    """One that claims its size and holds nothing of it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def test_a_drawn_seven_is_read_and_explained(client):
    told = client.ask("/sketch", "POST", SEVEN, **PNG).json()
    assert [number["text"] for number in told["numbers"]] == ["7"]
    (seven,) = [candidate for candidate in told["candidates"] if not candidate["reason"]]
    assert seven["name"] == "7"
    assert seven["score"] > 0.9
    assert told["numbers"][0]["digits"] == [0]
    glyph = np.frombuffer(base64.b64decode(seven["glyph"]), np.uint8)
    assert glyph.size == 28 * 28
    assert glyph.max() > 200
    assert set(told["ms"]) == {"decode", "segment", "classify", "total"}
    explained = cv2.imdecode(np.frombuffer(base64.b64decode(told["explained"]), np.uint8), cv2.IMREAD_COLOR)
    assert explained.shape[0] > 500


def test_what_is_refused_comes_with_its_reason(client):
    told = client.ask("/sketch", "POST", drawn([[(300, 100), (300, 620)], [(60, 350), (560, 350)]]), **PNG).json()
    assert told["numbers"] == []
    assert all(candidate["reason"] for candidate in told["candidates"])
    assert told["candidates"] or told["never"] or told["nothing"]


def test_an_empty_sheet_has_a_reason_too(client):
    told = client.ask("/sketch", "POST", drawn([]), **PNG).json()
    assert (told["numbers"], told["candidates"]) == ([], [])
    assert told["nothing"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<svg onload=alert(1)>",
        SEVEN[: len(SEVEN) // 2],
        png(30_000, 30_000),
        png(9000, 9000),
    ],
    ids=["empty", "a head alone", "text", "half", "900 megapixels", "81 megapixels"],
)
def test_what_is_no_picture_for_us_is_one_line(client, content):
    answer = client.ask("/sketch", "POST", content, **PNG)
    assert answer.status == 400
    assert answer.json()["error"].startswith("picture: ")
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_a_form_of_another_site_can_post_is_not_taken(client, kind):
    assert client.ask("/sketch", "POST", SEVEN, Content_Type=kind).status == 415


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_too_large_is_refused(client, chunked):
    large = bytes(sketch.MAX_BYTES + 1)
    if not chunked:
        assert client.ask("/sketch", "POST", large, **PNG).status == 413
        return
    with client.connected(
        b"POST /sketch HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
    ) as opened:
        opened.sendall(b"%x\r\n" % len(large) + large + b"\r\n")
        assert opened.recv(65536).startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_end_is_given_up_and_the_next_is_read(client, monkeypatch):
    monkeypatch.setattr(sketch, "BODY_S", 0.2)
    with client.connected(
        b"POST /sketch HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nx"
    ) as opened:
        assert opened.recv(65536).startswith(b"HTTP/1.1 408")
    assert client.ask("/sketch", "POST", SEVEN, **PNG).status == 200


def test_one_is_read_at_a_time(client, until):
    with client.connected(
        b"POST /sketch HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
        % len(SEVEN)
    ) as opened:
        until(lambda: client.ask("/sketch", "POST", SEVEN, **PNG).status == 429)
        busy = client.ask("/sketch", "POST", SEVEN, **PNG)
        assert busy.headers["retry-after"] == "1"
        opened.sendall(SEVEN)
        assert opened.recv(65536).startswith(b"HTTP/1.1 200")
    until(lambda: client.ask("/sketch", "POST", SEVEN, **PNG).status == 200)


def test_a_sketch_and_the_camera_are_read_side_by_side(client, reader, shots):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(client.ask("/sketch", "POST", SEVEN, **PNG).json()))
    asking.start()
    read = [reader.read(shots[0].frame.image) for _ in range(20)]
    asking.join()
    assert {tuple(n.text for n in reading.numbers) for reading in read} == {
        tuple(n.text for n in shots[0].reading.numbers)
    }
    assert [number["text"] for number in answers[0]["numbers"]] == ["7"]
