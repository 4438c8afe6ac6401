"""Motion JPEG as servers really send it: with and without lengths, with passwords, through redirections."""

from __future__ import annotations

import base64
import hashlib
import http.server
import re
import threading
import time
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeproof.errors import SourceError
from edgeproof.sources.frames import frames_and_health, frames_of
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.parse import parse
from edgeproof.sources.source import Frame, Health

pytest.importorskip("cv2")
from edgeproof.sources.live.child import http_capture
from tests.runtime.cameras import number_of, numbered

ONCE = LiveOptions(on_loss="end", read_timeout_s=0.5, fps=50)


def body(pictures: list[bytes], *, lengths: bool, before: bytes = b"", stamps: bool = False) -> bytes:
    out = before
    for number, picture in enumerate(pictures):
        out += b"--next\r\nContent-Type: image/jpeg\r\n"
        out += b"X-Timestamp: %d.5\r\n" % number if stamps else b""
        out += b"Content-Length: %d\r\n" % len(picture) if lengths else b""
        out += b"\r\n" + picture + b"\r\n"
    return out + b"--next--\r\n"


@given(
    pictures=st.lists(st.binary(min_size=1, max_size=300).filter(lambda data: b"\r\n--next" not in data), max_size=5),
    lengths=st.booleans(),
    step=st.integers(1, 400),
    before=st.sampled_from([b"", b"\r\n", b"a preamble\r\n"]),
)
@settings(max_examples=200, deadline=None)
def test_parts_come_out_as_they_went_in_however_they_are_cut(pictures, lengths, step, before):
    data = memoryview(body(pictures, lengths=lengths, before=before))
    pieces = (bytes(data[at : at + step]) for at in range(0, len(data), step))
    found = list(http_capture.parts(lambda _most: next(pieces, b""), b"next", 60.0))
    assert [part.body for part in found] == pictures


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"x" * (2**25 + 2**17), "found something else"),
        (b"--next\r\n" + b"a: b\r\n" * 9000, "found something else"),
        (b"--next\r\nContent-Length: 99999999999\r\n\r\n", "at most 32 MB"),
    ],
)
@pytest.mark.target("T5")
def test_what_never_ends_is_refused_before_it_fills_the_memory(data, says):
    pieces = (data[at : at + 2**16] for at in range(0, len(data), 2**16))
    with pytest.raises(ValueError, match=says):
        list(http_capture.parts(lambda _most: next(pieces, b""), b"next", 60.0))


def test_a_picture_that_drips_is_given_up():
    def drip(_most: int) -> bytes:
        time.sleep(0.01)
        return b"-"

    with pytest.raises(TimeoutError):
        list(http_capture.parts(drip, b"next", 0.1))


class Server(http.server.BaseHTTPRequestHandler):
    """Three pictures, at paths that behave in different ways."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, given_ = self.path, self.headers.get("Authorization", "")
        if path == "/basic" and given_ != "Basic " + base64.b64encode(b"me:p@ss").decode():
            self.refuse('Basic realm="camera"')
        elif path == "/digest" and not self.digest_fits(given_):
            self.refuse('Digest realm="camera", nonce="abc", qop="auth"')
        elif path == "/elsewhere":
            self.answer(302, "text/html", b"", ("Location", "http://other.invalid/stream"))
        elif path == "/moved":
            self.answer(302, "text/html", b"", ("Location", "/stream"))
        elif path == "/snapshot":
            self.answer(200, "image/jpeg", numbered(next(self.server.counter)))  # type: ignore[attr-defined]
        elif path == "/reboots":  # one picture in two is none
            number = next(self.server.counter)  # type: ignore[attr-defined]
            self.answer(200, "image/jpeg", numbered(number) if number % 2 else b"")
        elif path == "/missing":
            self.answer(404, "text/html", b"")
        else:
            data = body([numbered(number) for number in range(3)], lengths=path != "/plain", stamps=True)
            self.answer(200, "multipart/x-mixed-replace; boundary=--next", data)

    def digest_fits(self, header: str) -> bool:
        said = dict(re.findall(r'(\w+)="?([^",]*)', header))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        middle = f"{said.get('nonce')}:{said.get('nc')}:{said.get('cnonce')}:auth"
        return said.get("response") == md5(f"{md5('me:camera:p@ss')}:{middle}:{md5('GET:/digest')}")

    def refuse(self, challenge: str) -> None:
        self.answer(401, "text/html", b"", ("WWW-Authenticate", challenge))

    def answer(self, code: int, kind: str, data: bytes, *head: tuple[str, str]) -> None:
        self.send_response(code)
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(data))), *head]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        running.counter = iter(range(1000))  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, args=[0.02], daemon=True).start()
        yield f"127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize("path", ["stream", "plain", "moved", "basic", "digest"])
def test_streams_are_read_with_and_without_lengths_passwords_and_redirections(server, path):
    source = parse(f"http://me:p%40ss@{server}/{path}")[0]
    assert "p%40ss" not in source.name
    frame = next(frames_of(source, ONCE))
    assert number_of(frame.image) in range(3)


def test_single_pictures_are_asked_for_again(server):
    frames = list(islice(frames_of(parse(f"http://{server}/snapshot")[0], ONCE), 3))
    numbers = [number_of(frame.image) for frame in frames]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(("path", "fps"), [("snapshot", 0.2), ("reboots", 4.0)])
def test_pictures_that_come_seldom_and_answers_without_one_are_no_loss(server, path, fps):
    options = LiveOptions(read_timeout_s=0.4, fps=fps, still_s=0.0)
    given = islice(frames_and_health(parse(f"http://{server}/{path}")[0], options), 80)
    found, states, times_s = [], set(), []
    for thing in given:
        found += [number_of(thing.image)] if isinstance(thing, Frame) else []
        times_s += [thing.time_s] if isinstance(thing, Frame) else []
        states |= {thing.state} if isinstance(thing, Health) else set()
        if len(found) == 3:
            break
    assert found == list(range(found[0], found[0] + 3 * (found[1] - found[0]), found[1] - found[0])), (
        "none twice, none left out"
    )
    assert found[1] - found[0] == (1 if path == "snapshot" else 2)
    assert states <= {"live"}
    assert times_s[2] - times_s[0] > 1.8 / fps, "none sooner, by a process that was ended and begun anew"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("basic", "answers 401: put user and password into the URL"),
        ("missing", "answers 404"),
        ("elsewhere", "points to another host"),
    ],
)
def test_refusals_are_told(server, path, says):
    with pytest.raises(SourceError, match=f"/{path}: the stream does not open: .*{says}"):
        next(frames_of(parse(f"http://{server}/{path}")[0], ONCE))
