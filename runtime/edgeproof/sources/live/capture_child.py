"""A capture process as its parent sees it."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import UnavailableError
from edgeproof.sources.live.backoff import Backoff
from edgeproof.sources.live.messages import HUNG, Reply, Request, packed, unpacked
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.source import Source

START_SECONDS = 30  # for Python, numpy and OpenCV to load, also from a slow SD card
ANSWER_SECONDS = 3  # beyond what a request waits: decoding a large picture
SETTLED_S = 60.0  # a process that lived so long did not die of how it begins
LONGEST_RESTART_S = 5.0  # between a process that dies at once and the next
PIPE_BYTES = 2**20  # a pipe of the usual 64 kB takes twice as long for a large frame
_PROGRAM = "from edgeproof.sources.live.child.serve import serve; serve()"

Image = NDArray[np.uint8]


class ChildDiedError(Exception):
    """Why there is no answer: what stands behind the source's name."""


class CaptureChild:
    """One process. Every exchange has a limit of time; whatever goes wrong ends the process."""

    def __init__(self, source: Source, options: LiveOptions, first_index: int) -> None:
        environment = {
            "OPENCV_FFMPEG_LOGLEVEL": "-8",
            "OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS": "0",  # on Windows: a camera opens in one second instead of ten
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        if not sys.executable:
            raise UnavailableError("a camera needs a process of its own: expected a Python to run it, found none")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
            env=os.environ | environment,
        )  # fmt: skip
        _widen(self._process.stdout.fileno())  # type: ignore[union-attr]
        self.started_s = time.monotonic()
        self._answer_s = float(START_SECONDS)
        order = {
            # Not on the command line, which everybody on the machine can read.
            "source": {"kind": source.kind, "location": source.location, "name": source.name},
            "options": options.to_json(),
            "first_index": first_index,
        }
        self._send(packed(order))

    def newest(self, request: Request) -> tuple[Reply, Image | None]:
        """What the process answers. Raises ChildDiedError when it does not."""
        self._send(packed(request))
        deadline = time.monotonic() + request.wait_s + self._answer_s
        head, length = unpacked(lambda count: bytes(self._receive(bytearray(count), deadline)))
        reply = Reply(**head)
        self._answer_s = float(ANSWER_SECONDS)
        if not length:
            return reply, None
        image = np.empty((reply.height, reply.width, 3), np.uint8)
        if length != image.nbytes:
            raise ChildDiedError(f"its process sent {length} bytes for {image.shape}")
        self._receive(image.data.cast("B"), deadline)
        return reply, image

    def _send(self, data: bytes) -> None:
        try:
            os.write(self._process.stdin.fileno(), data)  # type: ignore[union-attr]  # less than a pipe holds
        except OSError:
            raise ChildDiedError(self._end_of()) from None

    def _receive(self, room: bytearray | memoryview, deadline: float) -> bytearray | memoryview:
        """Fill `room`, and return it."""
        pipe, rest = self._process.stdout.fileno(), memoryview(room)  # type: ignore[union-attr]
        while rest:
            if not _ready(pipe, deadline - time.monotonic()):
                raise ChildDiedError("its process does not answer")
            count = os.readv(pipe, [rest])
            if count == 0:
                raise ChildDiedError(self._end_of())
            rest = rest[count:]
        return room

    def _end_of(self) -> str:
        code = self._process.wait()
        return "it hangs" if code == HUNG else f"its process ended ({code})"

    def end(self) -> None:
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # a process inside a driver's call may not end at all
            self._process.wait(timeout=1)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class Supervised:
    """A source's capture process, and the next one when it dies. Frames are numbered on."""

    def __init__(self, source: Source, options: LiveOptions) -> None:
        self._source, self._options = source, options
        self._child: CaptureChild | None = None
        self._last = Reply(-1)
        self._backoff = Backoff(LONGEST_RESTART_S)
        self._next_s = 0.0  # monotonic clock: not before

    def newest(self, after: int, wait_s: float) -> tuple[Reply, Image | None]:
        """A frame newer than number `after`, when one comes within `wait_s`; else what is known."""
        if self._child is None:
            pause_s = self._next_s - time.monotonic()
            if pause_s > wait_s:
                time.sleep(wait_s)
                return self._last, None
            time.sleep(max(0.0, pause_s))
        try:
            if self._child is None:
                self._child = CaptureChild(self._source, self._options, self._last.index + 1)
            self._last, image = self._child.newest(Request(after, wait_s))
        except (ChildDiedError, OSError) as error:
            why = str(error) if isinstance(error, ChildDiedError) else f"its process does not start: {error.strerror}"
            self._replace(why)
            return self._last, None
        return self._last, image

    def _replace(self, why: str) -> None:
        if self._child and time.monotonic() - self._child.started_s > SETTLED_S:
            self._backoff.reset()
        self.end()
        self._next_s = time.monotonic() + self._backoff.seconds()
        self._last = Reply(self._last.index, arrived_s=self._last.arrived_s, why=f"{self._source.name}: {why}")

    def end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def _ready(pipe: int, wait_s: float) -> bool:
    """Whether something can be read. Windows cannot tell it of a pipe: there a process that hangs is waited for."""
    return sys.platform == "win32" or bool(select.select([pipe], [], [], max(0.0, wait_s))[0])


def _widen(pipe: int) -> None:
    if sys.platform.startswith("linux"):
        import fcntl

        with contextlib.suppress(OSError):  # a limit of the system, for speed alone
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
