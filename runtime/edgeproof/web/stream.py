"""The newest frame, and the newest state, to all who look: made once for all, and only while somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from edgeproof.output.shot import Shot
from edgeproof.support import command
from edgeproof.support.opencv import cv2
from edgeproof.web.packages import PlainTextResponse, Receive, Scope, Send, StreamingResponse

MOST_VIEWINGS = 112  # of both streams together; 16 connections are left for pages, sketches and /healthz
FRAME_S = 1 / 15  # between two pictures
FRAMES_PER_S = 120.0  # to all viewers together: more of them get fewer each, and the reading goes on undisturbed
AGAIN_S = 5.0  # the last picture is sent again when there is none newer: who has gone is found out
MESSAGE_S = 0.2  # between two messages
MESSAGES_PER_S = 100.0  # to all viewers together
LONGEST_SIDE = 1280  # of a picture, pixels
QUALITY = 80  # of its JPEG
BOUNDARY = "frame"


class Newest:
    """The newest piece of what goes on.

    make: the next piece, when it is there; told whether it is the first since nobody looked. Pieces come at least `every_s`
    apart, and more slowly where all viewers together would get more than `per_s` a second.
    """

    def __init__(self, make: Callable[[bool], Awaitable[bytes]], every_s: float, per_s: float) -> None:
        self._make, self._every_s, self._per_s = make, every_s, per_s
        self.viewers = 0
        self._piece: bytes | None = None
        self._next = asyncio.Event()
        self._making: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def viewer(self) -> Iterator[None]:
        """Within the block one more looks."""
        self.viewers += 1
        if self._making is None:
            self._making = asyncio.create_task(self._make_all())
        try:
            yield
        finally:
            self.viewers -= 1
            if self.viewers == 0:
                self._making.cancel()
                self._making = self._piece = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The newest piece again and again, without those that came while the last one was being sent."""
        seen = None
        while True:
            if self._piece is None or self._piece is seen:
                await self._next.wait()
            else:
                seen = self._piece
                yield seen

    async def _make_all(self) -> None:
        first = True
        while True:
            try:
                self._piece = await self._make(first)
                self._next.set()
                self._next = asyncio.Event()
            except Exception as error:  # one piece less: the next frame is another one
                command.complain(f"--web: {command.describe(error)}", program="edgeproof")
            first = False
            await asyncio.sleep(max(self._every_s, self.viewers / self._per_s))


class Viewing:
    """A response that goes on until the viewer leaves, cannot keep up, or the page is closed.

    first: what is sent before the first piece. seats: how many more may look.
    """

    def __init__(self, newest: Newest, media_type: str, first: bytes, seats: asyncio.Semaphore) -> None:
        self._newest, self._media_type, self._first, self._seats = newest, media_type, first, seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._seats.locked():
            full = f"expected at most {MOST_VIEWINGS} streams, found one more: close a page elsewhere\n"
            await PlainTextResponse(full, 503)(scope, receive, send)
            return
        async with self._seats:
            with self._newest.viewer():
                await StreamingResponse(self._pieces(), media_type=self._media_type)(scope, receive, send)

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self._first
        async for piece in self._newest.pieces():
            yield piece


class Pictures:
    """Frames with what was read in them, as parts of an MJPEG stream."""

    MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

    def __init__(self) -> None:
        self.newest = Newest(self._make, FRAME_S, FRAMES_PER_S)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shot: Shot | None = None
        self._taken = self._drawn = 0  # frames so far, and the number of the last that was drawn
        self._wanted = False  # whether a newer frame is waited for
        self._fresh = asyncio.Event()
        self._drawer = ThreadPoolExecutor(1, "edgeproof-web-draw")

    def open(self) -> None:
        """In the thread that serves, before the first viewer."""
        self._loop = asyncio.get_running_loop()

    def take(self, shot: Shot) -> None:
        """From any thread: this frame instead of the one before, drawn or not."""
        self._shot, self._taken = shot, self._taken + 1
        if self._wanted and self._loop:
            self._wanted = False
            with contextlib.suppress(RuntimeError):  # the page is being closed
                self._loop.call_soon_threadsafe(self._fresh.set)

    def viewing(self, seats: asyncio.Semaphore) -> Viewing:
        # A browser shows a part when it sees the boundary behind it: so that one is sent with the part, and here the first.
        return Viewing(self.newest, self.MEDIA_TYPE, b"--%s\r\n" % BOUNDARY.encode(), seats)

    def end(self) -> None:
        self._drawer.shutdown(wait=False, cancel_futures=True)

    async def _make(self, first: bool) -> bytes:
        self._fresh.clear()
        self._wanted = True  # before the look: what is taken meanwhile is seen by one or the other
        while self._shot is None or (self._taken == self._drawn and not first):
            try:
                async with asyncio.timeout(AGAIN_S):
                    await self._fresh.wait()
            except TimeoutError:
                first = True
        self._drawn, shot = self._taken, self._shot
        return await asyncio.get_running_loop().run_in_executor(self._drawer, part, shot)


def part(shot: Shot) -> bytes:
    """One part of an MJPEG stream: the annotated frame, at most LONGEST_SIDE pixels long, and the boundary behind it."""
    drawn = shot.annotated()
    scale = LONGEST_SIDE / max(drawn.shape[:2])
    if scale < 1:
        size = (max(1, round(scale * drawn.shape[1])), max(1, round(scale * drawn.shape[0])))
        drawn = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    jpeg = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return b"".join((head.encode(), jpeg, f"\r\n--{BOUNDARY}\r\n".encode()))


class Messages:
    """The state of the run as Server-Sent Events. message: JSON, of now; greeting: the same with what went before."""

    MEDIA_TYPE = "text/event-stream"

    def __init__(self, message: Callable[[], str], greeting: Callable[[], str]) -> None:
        self._message, self._greeting = message, greeting
        self.newest = Newest(self._make, MESSAGE_S, MESSAGES_PER_S)

    def viewing(self, seats: asyncio.Semaphore) -> Viewing:
        return Viewing(self.newest, self.MEDIA_TYPE, _event(self._greeting()), seats)

    async def _make(self, _first: bool) -> bytes:
        return _event(self._message())


def _event(data: str) -> bytes:
    return f"data: {data}\n\n".encode("ascii")
