"""A real page on a free port of this machine, its frames read by the real reader, and a client that speaks plain HTTP."""

from __future__ import annotations

import http.client
import importlib.util
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from edgeproof.output.shot import Shot
from edgeproof.page.reader import Reader, open_reader
from edgeproof.sources.frames import frames_of
from edgeproof.sources.parse import parse
from edgeproof.sources.source import Frame, Source
from edgeproof.tracking.regions import RegionTracker
from edgeproof.web.address import Address

if TYPE_CHECKING:
    from edgeproof.web.server import WebPage

PACKAGES = ("starlette", "uvicorn", "prometheus_client")
#: Without the extra there is nothing to test here; a skip in a conftest would end the whole run.
collect_ignore_glob = [] if all(map(importlib.util.find_spec, PACKAGES)) else ["test_*.py", "label/test_page.py"]

CAMERA = Source("camera", "0", "camera 0")


@dataclass(frozen=True)
class Answer:
    """status, headers with names in lower case, and the whole body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks a page as a program does."""

    def __init__(self, page: WebPage) -> None:
        self.port = int(page.url.rstrip("/").rpartition(":")[2])

    def ask(self, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Headers as keywords, `_` for `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def connected(self, request: bytes = b"") -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        opened.sendall(request)
        return opened

    def raw(self, request: bytes) -> bytes:
        """The whole answer to some bytes."""
        with self.connected(request) as opened:
            answer = http.client.HTTPResponse(opened)
            answer.begin()
            head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n{answer.msg}"
            return head.encode() + answer.read()

    def watch(self, path: str, host: str = "localhost") -> socket.socket:
        return self.connected(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    def viewers(self) -> float:
        (line,) = [line for line in self.ask("/metrics").body.splitlines() if line.startswith(b"edgeproof_viewers ")]
        return float(line.split()[1])


@pytest.fixture(scope="session")
def reader() -> Iterator[Reader]:
    with open_reader() as opened:
        yield opened


@pytest.fixture(scope="session")
def picture_reader(colour) -> Iterator[Reader]:
    """A reader of pictures, with one region."""
    with open_reader(colour) as opened:
        yield opened


@pytest.fixture(scope="session")
def shown(picture_reader, coloured) -> list[Shot]:
    """Frames of a camera that shows red for two seconds, then sky blue."""
    tracker, made = RegionTracker(), []
    for index, name in enumerate(["red"] * 20 + ["sky blue"] * 20):
        image = coloured(name)
        frame = Frame(CAMERA.name, index, index / 10, image, 1.0, time.monotonic())
        found = picture_reader.examine(image)
        tracked = tracker.update(frame.time_s, found.reading)
        made.append(Shot(CAMERA, frame, found.reading, picture_reader.facts, 5.0, found, tracked))
    return made


@pytest.fixture(scope="session")
def shots(reader, samples) -> list[Shot]:
    """Frames of the sample video as a camera gives them."""
    (source,) = parse(str(samples / "numbers.mp4"))
    made = []
    for index, frame in enumerate(frames_of(source)):
        taken = Frame(CAMERA.name, index, frame.time_s, frame.image, 1.0, time.monotonic(), dropped=2)
        examination = reader.examine(frame.image)
        made.append(Shot(CAMERA, taken, examination.reading, reader.facts, 5.0, examination))
        if index == 4:
            break
    return made


@pytest.fixture
def open_page(reader) -> Iterator[Callable[..., WebPage]]:
    """`open_page(token=…, names=…)`: a page on a free port, closed after the test."""
    from edgeproof.web.server import WebPage

    opened: list[WebPage] = []

    def open_one(host: str = "127.0.0.1", port: int = 0, **options: Any) -> WebPage:
        page = WebPage(Address(host, port), reader, **options)
        opened.append(page)
        page.start()
        return page

    yield open_one
    for page in opened:
        page.close()


@pytest.fixture(scope="module")
def page(reader, shots) -> Iterator[WebPage]:
    """One page for the tests of a module that only ask; it has read one frame."""
    from edgeproof.web.server import WebPage

    opened = WebPage(Address("127.0.0.1", 0), reader)
    opened.start()
    opened.take(shots[0])
    yield opened
    opened.close()


@pytest.fixture
def client(page) -> Client:
    return Client(page)


@pytest.fixture(scope="session")
def client_of() -> Callable[[WebPage], Client]:
    return Client


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], object]], None]:
    """`until(condition)` waits for what happens in another thread; a machine under load may take its time."""

    def wait(condition: Callable[[], object], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.01)

    return wait
