"""Clients that take their time, and too many of them."""

from __future__ import annotations

import contextlib
import time

import pytest

from edgeproof.web import connection
from edgeproof.web.connection import MOST_CONNECTIONS, MOST_OPEN


def test_a_connection_that_says_nothing_is_cut_off(client, monkeypatch):
    monkeypatch.setattr(connection, "REQUEST_S", 0.2)
    with client.connected() as opened, contextlib.suppress(ConnectionError):
        assert opened.recv(1) == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
        b"GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT",
        b"GET /style.css HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx",
    ],
    ids=["half a head", "a request and half of the next", "a body that nobody wants"],
)
@pytest.mark.target("T17")
def test_a_request_that_never_ends_is_cut_off_though_a_byte_comes_now_and_then(client, monkeypatch, sent):
    monkeypatch.setattr(connection, "REQUEST_S", 0.3)
    with client.connected(sent) as opened:
        end = time.monotonic() + 20
        ended = False
        while not ended and time.monotonic() < end:
            time.sleep(0.05)
            try:
                opened.sendall(b"x")
                opened.settimeout(0.05)
                ended = not opened.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
        assert ended
    assert client.ask("/").status == 200


@pytest.mark.parametrize(
    ("path", "answered"), [("/sketch", True), ("/nothing", True), ("/events", True), ("/sketch", False)]
)
def test_a_body_that_turns_out_to_be_none_ends_the_connection_and_writes_nothing_here(
    client, path, answered, capfd, caplog
):
    """Before, in the midst of, and after the answer: what strangers send is no event of the run."""
    method = "GET" if path == "/events" else "POST"
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with (
        client.connected(head if answered else head + b"no length\r\n") as opened,
        contextlib.suppress(ConnectionError),
    ):
        if answered:
            assert opened.recv(65536)
            opened.sendall(b"no length\r\n")
        while opened.recv(65536):
            pass
    assert client.ask("/healthz").status in (200, 503)
    assert (capfd.readouterr().err, caplog.text) == ("", "")


def test_a_connection_that_is_used_again_and_again_stays(client, monkeypatch):
    monkeypatch.setattr(connection, "REQUEST_S", 0.2)
    with client.connected() as opened:
        for _ in range(6):
            opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            seen = b""
            while b"reason" not in seen:
                seen += opened.recv(65536)
            assert seen.startswith(b"HTTP/1.1 200")
            time.sleep(0.08)


@pytest.mark.target("T17")
def test_beyond_the_most_connections_there_is_503_and_far_beyond_nothing(client, until):
    opened = [client.connected() for _ in range(MOST_CONNECTIONS)]
    try:
        until(lambda: client.ask("/healthz").status == 503)
        opened += [client.connected() for _ in range(MOST_OPEN - MOST_CONNECTIONS)]
        with client.connected() as cut, contextlib.suppress(ConnectionError):
            assert cut.recv(1) == b""
    finally:
        for one in opened:
            one.close()
    until(lambda: client.ask("/healthz").status == 200)
