"""The page as a sink: `take` and `tell` from the thread that reads frames, everything else in the server's thread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from edgeproof.output.shot import Shot
from edgeproof.page.reader import Reader
from edgeproof.sources.source import Health
from edgeproof.web.address import Address
from edgeproof.web.app import build
from edgeproof.web.metrics import Metrics
from edgeproof.web.serving import Server
from edgeproof.web.sketch import Sketches
from edgeproof.web.state import State
from edgeproof.web.stream import Messages, Pictures


class WebPage:
    """A web page of what is read, a sink like the others. `start` before the first frame, `close` after the last."""

    def __init__(self, address: Address, reader: Reader, token: str | None = None, names: Sequence[str] = ()) -> None:
        """`address`, `token` and `names` as `Server` takes them. Raises UsageError for a token that could be guessed."""
        self._server = Server(address, token, names)
        self._state = State(reader.facts, pictures=not reader.input.ink)
        self._pictures = Pictures()
        self._metrics = Metrics(self._state, lambda: self._pictures.newest.viewers)
        self._sketches = Sketches(reader) if reader.input.ink else None  # a drawing is no picture of a thing
        self._messages = Messages(self._message, partial(self._message, greeting=True))

    @property
    def url(self) -> str:
        """For a person, without the token; the real port once it is started."""
        return self._server.url

    def start(self) -> None:
        """Listen, and answer from now on. Raises UsageError and UnavailableError as `Server.start` does."""
        app = build(self._state, self._pictures, self._messages, self._sketches, self._metrics)
        self._server.start(app, before=self._pictures.open)

    def take(self, shot: Shot) -> bool:
        """The newest frame. Always true: nobody stops a run from the page."""
        self._state.take(shot)
        self._metrics.take(shot)
        self._pictures.take(shot)
        return True

    def tell(self, health: Health) -> None:
        """What has become of a live source."""
        self._state.tell(health)

    def alive(self) -> None:
        """The loop that reads goes on."""
        self._state.alive()

    def use(self, reader: Reader) -> None:
        """Read drawings with another one from now on."""
        if self._sketches:
            self._sketches.reader = reader

    def close(self) -> None:
        """End every connection and free the port, within a second."""
        self._server.close()
        self._pictures.end()
        if self._sketches:
            self._sketches.end()

    def _message(self, *, greeting: bool = False) -> str:
        return self._state.message(self._pictures.newest.viewers, greeting=greeting)
