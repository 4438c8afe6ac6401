"""One client's connection, with limits that uvicorn has not: how long a request may take to arrive, how large its body may be,
and how long an answer may wait to be read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any

from edgeproof.web.packages import ClientDisconnect, H11Protocol, Request, Response, h11

MOST_CONNECTIONS = 128  # that are answered; the next ones get 503
MOST_OPEN = 2 * MOST_CONNECTIONS  # beyond, a connection is cut before it says anything: each holds a file descriptor
REQUEST_S = 5.0  # from the first byte of a request, or from the connection, to the last byte of its head
BLOCKED_S = 3.0  # how long a client may leave what was sent to it unread
SEND_BUFFER = 64 * 1024  # bytes that the system holds per client: what lies there is old by the time it is seen


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it; who is too slow, or never reads, is cut off."""

    _request_timer: asyncio.TimerHandle | None = None
    _blocked_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_OPEN:
            transport.abort()
            return
        client: Any = transport.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._request_timer = self.loop.call_later(REQUEST_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_request_timer()
        elif self._request_timer is None:
            self._request_timer = self.loop.call_later(REQUEST_S, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """To what is no request; also where only its body turns out to be none, while it is being answered or was answered
        already. Nothing of that is told where the run is watched: strangers must not write there."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # what answers it now answers nobody
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._blocked_timer = self.loop.call_later(BLOCKED_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_blocked_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_request_timer()
        self._stop_blocked_timer()
        super().connection_lost(exc)

    def _stop_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _stop_blocked_timer(self) -> None:
        if self._blocked_timer is not None:
            self._blocked_timer.cancel()
            self._blocked_timer = None


async def body_of(request: Request, most: int, seconds: float, what: str) -> bytes | Response:
    """What was posted, at most `most` bytes that come within `seconds`; or the answer that says why it is not taken."""
    size = f"{most >> 20} MB" if most >> 20 else f"{most} bytes"
    too_large = as_json(413, {"error": f"expected {what} of at most {size}, found a larger one"})
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > most:
        return too_large
    data = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                data += piece
                if len(data) > most:
                    return too_large
    except TimeoutError:
        return as_json(408, {"error": f"expected the whole of {what} within {seconds:.0f} s, found a part of it"})
    except ClientDisconnect:
        return as_json(400, {"error": "the connection was closed"})  # to nobody
    return bytes(data)


def as_json(status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """An answer to a script or a program."""
    return Response(json.dumps(content), status, headers, "application/json")
