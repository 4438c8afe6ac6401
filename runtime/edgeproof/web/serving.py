"""What every page of a device has: its files, and a server in a thread of its own, from `start` to `close`."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from importlib import resources

from edgeproof.errors import UnavailableError
from edgeproof.support import command
from edgeproof.web.address import BACKLOG, Address, bound, check_token, is_loopback, known_names
from edgeproof.web.connection import MOST_CONNECTIONS, Connection
from edgeproof.web.guard import MOST_HEAD_BYTES, Guard
from edgeproof.web.packages import ASGIApp, Request, Response, Route, Starlette, uvicorn

START_S = 10.0  # until the server answers; milliseconds on a desktop
CLOSE_S = 1.0  # until it has gone
MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
INDEX = "index.html"


def application(routes: Sequence[Route]) -> Starlette:
    """What answers at `routes` and nowhere else, without the guard before it."""
    app = Starlette(routes=routes, exception_handlers={Exception: _unexpected})
    app.router.redirect_slashes = False
    return app


def files_of(folder: str, names: Sequence[str] | None = None) -> list[Route]:
    """A route for each file of a folder of this package, or for the named ones; its index is at the root.

    Every file is in memory from now on: no request reaches the file system.
    """
    return [
        _file("/" if file.name == INDEX else f"/{file.name}", file.read_bytes(), MEDIA_TYPES[file.name.split(".")[-1]])
        for file in resources.files("edgeproof.web").joinpath(folder).iterdir()
        if file.name.split(".")[-1] in MEDIA_TYPES and (names is None or file.name in names)
    ]


def _file(path: str, content: bytes, media_type: str) -> Route:
    async def answer(_request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(path, answer, methods=["GET"])


async def _unexpected(_request: Request, error: Exception) -> Response:
    """A mistake in the code: one line where the run is watched, none of it to who asked."""
    command.complain(f"--web: {command.describe(error)}", program="edgeproof")
    return Response("unexpected error\n", 500, media_type="text/plain")


class Server:
    """An application behind the guard, answered from a thread of its own."""

    def __init__(self, address: Address, token: str | None = None, names: Sequence[str] = ()) -> None:
        """token: asked for by every request; needed where other machines reach `address`. names: by which others may call
        this machine beside its IP addresses and its host name.

        Raises UsageError for a token that could be guessed.
        """
        if token is not None:
            check_token(token)
        self._address, self._token, self._names = address, token, names
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._port = address.port

    @property
    def url(self) -> str:
        """For a person, without the token; the real port once it is started."""
        host = self._address.host
        everywhere = host in ("0.0.0.0", "::")
        return f"http://{Address(socket.gethostname() if everywhere else host, self._port)}/"

    def start(self, app: ASGIApp, before: Callable[[], None] = lambda: None) -> None:
        """Listen, and answer from now on. before: called in the server's event loop, ahead of the first request.

        Raises UsageError when other machines could reach the address and no token is asked for, UnavailableError when the
        port is taken or the address is none of this machine.
        """
        listener = bound(self._address, token=self._token is not None)
        host, self._port = listener.getsockname()[:2]
        loopback = is_loopback(host)
        names = known_names(self._names, loopback=loopback)
        server = uvicorn.Server(_config(Guard(app, token=self._token, loopback=loopback, names=names, port=self._port)))
        started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(_serve(server, listener, before, started)), name="edgeproof-web", daemon=True
        )
        self._server = server
        self._thread.start()
        if not started.wait(START_S) or not server.started:
            self.close()
            raise UnavailableError(f"--web: {self._address}: expected the server to start within {START_S:.0f} s")

    def close(self) -> None:
        """End every connection and free the port, within CLOSE_S."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(CLOSE_S)
        self._server = self._thread = None


async def _serve(
    server: uvicorn.Server, listener: socket.socket, before: Callable[[], None], started: threading.Event
) -> None:
    before()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    started.set()
    await serving
    for connection in list(server.server_state.connections):
        connection.transport.abort()  # closed, it would wait for who never reads what was sent


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
