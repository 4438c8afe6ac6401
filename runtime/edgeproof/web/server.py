"""The page as a sink: `take` and `tell` from the thread that reads frames, everything else in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from functools import partial

from edgeproof.errors import UnavailableError
from edgeproof.output.shot import Shot
from edgeproof.page.reader import Reader
from edgeproof.sources.source import Health
from edgeproof.web.address import BACKLOG, Address, bound, check_token, is_loopback, known_names
from edgeproof.web.app import build
from edgeproof.web.connection import MOST_CONNECTIONS, Connection
from edgeproof.web.guard import MOST_HEAD_BYTES, Guard
from edgeproof.web.metrics import Metrics
from edgeproof.web.packages import uvicorn
from edgeproof.web.sketch import Sketches
from edgeproof.web.state import State
from edgeproof.web.stream import Messages, Pictures

START_S = 10.0  # until the server answers; milliseconds on a desktop
CLOSE_S = 1.0  # until it has gone


class WebPage:
    """A web page of what is read, a sink like the others. `start` before the first frame, `close` after the last."""

    def __init__(self, address: Address, reader: Reader, token: str | None = None, names: Sequence[str] = ()) -> None:
        """token: asked for by every request; needed where other machines reach `address`. names: by which others may call
        this machine beside its IP addresses and its host name.

        Raises UsageError for a token that could be guessed.
        """
        if token is not None:
            check_token(token)
        self._address, self._token, self._names = address, token, names
        self._state = State(reader.facts)
        self._pictures = Pictures()
        self._metrics = Metrics(reader.facts, self._state, lambda: self._pictures.newest.viewers)
        self._sketches = Sketches(reader)
        self._messages = Messages(self._message, partial(self._message, greeting=True))
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._port = address.port

    @property
    def url(self) -> str:
        """For a person, without the token; the real port once it is started."""
        host = self._address.host
        everywhere = host in ("0.0.0.0", "::")
        return f"http://{Address(socket.gethostname() if everywhere else host, self._port)}/"

    def start(self) -> None:
        """Listen, and answer from now on.

        Raises UsageError when other machines could reach the address and no token is asked for, UnavailableError when the
        port is taken or the address is none of this machine.
        """
        listener = bound(self._address, token=self._token is not None)
        host, self._port = listener.getsockname()[:2]
        app = build(self._state, self._pictures, self._messages, self._sketches, self._metrics)
        loopback = is_loopback(host)
        names = known_names(self._names, loopback=loopback)
        guard = Guard(app, token=self._token, loopback=loopback, names=names, port=self._port)
        self._server = uvicorn.Server(_config(guard))
        started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, started)), name="edgeproof-web", daemon=True
        )
        self._thread.start()
        if not started.wait(START_S) or not self._server.started:
            self.close()
            raise UnavailableError(f"--web: {self._address}: expected the server to start within {START_S:.0f} s")

    def take(self, shot: Shot) -> bool:
        """The newest frame. Always true: nobody stops a run from the page."""
        self._state.take(shot)
        self._metrics.take(shot)
        self._pictures.take(shot)
        return True

    def tell(self, health: Health) -> None:
        """What has become of a live source."""
        self._state.tell(health)

    def close(self) -> None:
        """End every connection and free the port, within CLOSE_S."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(CLOSE_S)
        self._pictures.end()
        self._sketches.end()
        self._server = self._thread = None

    async def _serve(self, listener: socket.socket, started: threading.Event) -> None:
        assert self._server is not None
        self._pictures.open()
        serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.005)
        started.set()
        await serving
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()  # closed, it would wait for who never reads what was sent

    def _message(self, *, greeting: bool = False) -> str:
        return self._state.message(self._pictures.newest.viewers, greeting=greeting)


def _config(guard: Guard) -> uvicorn.Config:
    return uvicorn.Config(
        guard,
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",  # requests are no events of the run, and strangers must not write its log
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS + 1,
        backlog=BACKLOG,
        timeout_graceful_shutdown=0,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
    )
