"""The web server's inputs, without a network: the bytes go to the connection as they would from a socket, and to its parts.

Whatever comes, there is an answer of ours or none: no 500, no error that reaches the event loop, nothing shown without the token,
and no crop that is gone.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from uvicorn.server import ServerState

from edgeproof.errors import UsageError
from edgeproof.page.reader import open_reader
from edgeproof.support import command
from edgeproof.web.address import Address, check_token, may_be_called, parse_address, read_token
from edgeproof.web.app import build
from edgeproof.web.connection import Connection
from edgeproof.web.guard import Guard
from edgeproof.web.label.choices import choices_of
from edgeproof.web.label.crops import Crops
from edgeproof.web.label.page import LabelPage
from edgeproof.web.metrics import Metrics
from edgeproof.web.packages import ASGIApp
from edgeproof.web.serving import _config
from edgeproof.web.sketch import Sketches
from edgeproof.web.state import State
from edgeproof.web.stream import Messages, Pictures

TOKEN = "a-token-of-some-length"
PORT = 8080
CROPS = ("a-000001-000-7-62.png", "a-000002-000-1-31.png", "a-000003-001-unknown-11.png")
TURNS = 60  # of the event loop, after which a request that is not answered waits for bytes that do not come
HEAD = b"%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"


def web(data: bytes) -> None:
    """The first byte says what the rest is: bytes of a connection to the page, with a token (r) or without (p), or to the
    labelling page (l); the body of a drawing (s), of a label (b) or of its undoing (u), where ID stands for a crop; the address
    to listen at (a), the file with a token (t), the Host of a request (h)."""
    kind, rest = data[:1], data[1:]
    if kind == b"r":
        answer = _loop().exchange(_page(TOKEN), rest)
        assert b"HTTP/1.1 200" not in answer or _may_know(rest), "shown without the token"
    elif kind == b"p":
        _loop().exchange(_page(None), rest)
    elif kind == b"s":
        _loop().exchange(_page(None), HEAD % (b"POST /sketch", b"image/png", len(rest), rest))
    elif kind == b"l":
        _labelling(lambda _id: rest)
    elif kind in (b"b", b"u"):
        where = b"POST /label" if kind == b"b" else b"POST /undo"
        _labelling(lambda id: HEAD % (where, b"application/json", len(body := rest.replace(b"ID", id)), body))
    else:
        _part(kind, rest)


def _part(kind: bytes, rest: bytes) -> None:
    text = rest.decode("utf-8", "surrogateescape")
    if kind == b"h":  # as headers come: Latin-1
        host = rest.decode("latin-1")
        if may_be_called(host, loopback=True, names=frozenset()):
            assert "localhost" in host.lower() or "127." in host or ":" in host, f"{host!r} is not this machine"
        return
    try:
        if kind == b"a":
            address = parse_address(text)
            assert parse_address(str(address)) == address
        elif kind == b"t":
            file = _folder() / "token"
            file.write_bytes(rest)
            check_token(read_token(file) or "")
    except UsageError as error:
        assert "\n" not in str(error), "an error is one line"


def _may_know(data: bytes) -> bool:
    """Whether the bytes hold the token or the cookie that stands for it, each of which a seed may give away."""
    return TOKEN.encode() in data or b"%" in data or _page(TOKEN)._pass.encode() in data


# --- a server whose clients are bytes ------------------------------------------------------------------------------------


class _Client(asyncio.Transport):
    """What was written to it; its socket takes every option."""

    def __init__(self) -> None:
        super().__init__({"socket": self})
        self.written = bytearray()
        self.closed = False

    def setsockopt(self, *_words: int) -> None:
        pass

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", PORT

    getpeername = getsockname

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class _Loop(asyncio.SelectorEventLoop):
    """What belongs in another thread is done at once: the same bytes take the same way every time."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _loop, context: self.errors.append(context))

    def run_in_executor(self, _executor: Any, function: Callable[..., Any], *words: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done = self.create_future()
        try:
            done.set_result(function(*words))
        except Exception as error:
            done.set_exception(error)
        return done

    def exchange(self, guard: Guard, data: bytes) -> bytes:
        """What is answered to some bytes, which come in two pieces from a client that then leaves."""
        with mock.patch.object(command, "complain", lambda text, **_words: self.errors.append({"told": text})):
            answer = self.run_until_complete(self._exchange(guard, data))
        assert not self.errors, self.errors.pop()
        assert b"HTTP/1.1 500" not in answer, answer[:200]
        return answer

    async def _exchange(self, guard: Guard, data: bytes) -> bytes:
        client, state = _Client(), ServerState()
        connection = Connection(_config(guard), state, {}, self)
        connection.connection_made(client)
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            if piece and not client.closed:  # no loop hands over nothing: to h11 that is the end
                connection.data_received(piece)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        connection.connection_lost(None)
        while state.tasks:
            await asyncio.sleep(0)
        return bytes(client.written)


@cache
def _loop() -> _Loop:
    loop = _Loop()
    asyncio.set_event_loop(loop)
    return loop


def _guarded(app: ASGIApp, token: str | None) -> Guard:
    return Guard(app, token=token, loopback=True, names=frozenset(), port=PORT)


@cache
def _app() -> ASGIApp:
    reader = open_reader().__enter__()
    state, pictures = State(reader.facts), Pictures()
    messages = Messages(lambda: state.message(0, greeting=False), lambda: state.message(0, greeting=True))
    return build(state, pictures, messages, Sketches(reader), Metrics(state, lambda: 0))


@cache
def _page(token: str | None) -> Guard:
    return _guarded(_app(), token)


# --- the page that labels ------------------------------------------------------------------------------------------------


class _App:
    """In place of its server: keeps what would be served."""

    def start(self, app: ASGIApp) -> None:
        self.app = app


def _labelling(request: Callable[[bytes], bytes]) -> None:
    """request: of the id of a crop that waits. Three crops are there before, and three afterwards, wherever."""
    folder = _crops()
    crops = Crops(folder / "crops", folder / "labelled", choices_of("0123456789"))
    page, kept = LabelPage(Address("127.0.0.1", 0), crops, "train"), _App()
    page._server = kept  # type: ignore[assignment]
    page.start()
    _loop().exchange(_guarded(kept.app, None), request(crops.waiting()[0].id.encode()))
    page._worker.shutdown()
    there = [file for file in folder.rglob("*") if file.is_file()]
    assert sorted(file.read_bytes() for file in there) == sorted(name.encode() for name in CROPS)


def _crops() -> Path:
    folder = _folder() / "label"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "crops").mkdir(parents=True)
    for name in CROPS:
        (folder / "crops" / name).write_bytes(name.encode())
    return folder


@cache
def _folder() -> Path:
    """Removed with this process."""
    folder = tempfile.TemporaryDirectory(prefix="edgeproof-fuzz-web-")
    _folder.kept = folder  # type: ignore[attr-defined]
    return Path(folder.name)
