"""A download that breaks off goes on where it was, from real servers on loopback, good ones and bad ones."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from edgeproof.errors import SourceError
from train.data.sources import _download

CONTENT = np.random.default_rng(4).bytes(300_000)
Serve = Callable[..., str]


class Server(BaseHTTPRequestHandler):
    """A file server as they are, and as they should not be."""

    protocol_version = "HTTP/1.1"
    ranges = True  # honours Range
    shift = 0  # sends from another byte than it was asked for
    hangs_up_after: ClassVar[list[int]] = []  # per answer, so many bytes of its body; then all of it
    asked: ClassVar[list[str]] = []  # the Range of each request

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        type(self).asked.append(wanted)
        start = int(re.sub(r"\D", "", wanted) or 0) if self.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        start += self.shift
        body = CONTENT[start:]
        self.send_response(206 if wanted and self.ranges else 200)
        self.send_header("Content-Length", str(len(body)))
        if wanted and self.ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        if self.hangs_up_after:
            self.wfile.write(body[: self.hangs_up_after.pop(0)])
            self.wfile.flush()
            self.close_connection = True
        else:
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """serve(**facts of `Server`) → the URL of a file of CONTENT."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers: list[ThreadingHTTPServer] = []

    def start(**facts: object) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Server,), {"asked": [], **facts}))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/digits.gz"

    start.servers = servers  # type: ignore[attr-defined]
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def asked(serve: Serve) -> list[str]:
    found: list[str] = serve.servers[-1].RequestHandlerClass.asked  # type: ignore[attr-defined]
    return found


def test_what_is_whole_at_once_leaves_nothing_behind(serve: Serve, tmp_path: Path) -> None:
    assert _download(serve(), tmp_path) == CONTENT
    assert list(tmp_path.iterdir()) == []


def test_a_broken_download_goes_on_where_it_broke(serve: Serve, tmp_path: Path) -> None:
    url = serve(hangs_up_after=[100_000, 50_000])
    for kept in ("100,000", "150,000"):
        with pytest.raises(SourceError, match=f"broke off after {kept} of 300,000 bytes: run it again to go on"):
            _download(url, tmp_path)
    assert _download(url, tmp_path) == CONTENT
    assert asked(serve) == ["", "bytes=100000-", "bytes=150000-"]


def test_a_server_without_ranges_sends_everything_again(serve: Serve, tmp_path: Path) -> None:
    url = serve(ranges=False, hangs_up_after=[100_000])
    with pytest.raises(SourceError, match="broke off after 100,000 of 300,000 bytes: run it again"):
        _download(url, tmp_path)
    assert _download(url, tmp_path) == CONTENT
    assert asked(serve) == ["", "bytes=100000-"]


def test_a_server_that_goes_on_elsewhere_is_not_believed(serve: Serve, tmp_path: Path) -> None:
    url = serve(hangs_up_after=[100_000])
    with pytest.raises(SourceError, match="broke off"):
        _download(url, tmp_path)
    serve.servers[-1].RequestHandlerClass.shift = 7  # type: ignore[attr-defined]
    with pytest.raises(SourceError, match="did not go on from byte 100,000"):
        _download(url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_range_that_is_refused_is_not_asked_for_again(serve: Serve, tmp_path: Path) -> None:
    url = serve()
    (tmp_path / "digits.gz.part").write_bytes(CONTENT)
    with pytest.raises(SourceError, match="the server answered 416"):
        _download(url, tmp_path)
    assert _download(url, tmp_path) == CONTENT


def test_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening
        with pytest.raises(SourceError, match="no connection"):
            _download(f"http://127.0.0.1:{taken.getsockname()[1]}/digits.gz", tmp_path)
