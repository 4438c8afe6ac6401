"""Pictures whose cost nothing bounds beforehand, decoded in a child process with limits of time and memory.

OpenCV has no limit of either, and its decoders can be made to take minutes and gigabytes by a file of some kilobytes. The
child is started when it is first needed (a fraction of a second) and kept for the pictures that follow. It ends with this
process, however that ends: its stdin ends. A child that dies, hangs or is killed costs one picture; the next one gets a
fresh child.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeproof.sources.pictures.header import look
from edgeproof.sources.pictures.raster import UndecodableError, raster
from edgeproof.support.native_output import keep_quiet
from edgeproof.support.opencv import MAX_PIXELS, cv2

DECODE_SECONDS = 15  # for one picture; the slowest honest ones, of 100 megapixels, take 3 s on a server
START_SECONDS = 60  # for Python, numpy and OpenCV to load, also from a slow SD card
DECODE_BYTES = 1536 * 2**20  # of data memory; 100 megapixels take 0.8 GB as RGBA and 1.2 GB as RGB of 16 bits

_Room = TypeVar("_Room", bytearray, memoryview)
_PROGRAM = "from edgeproof.sources.pictures.decoder_child import serve; serve()"
_REQUEST = struct.Struct("<Q")  # bytes of the file, which follow
_REPLY = struct.Struct("<IIQ")  # height, width, and the bytes that follow: pixels, or with height 0 why there are none


def raster_in_child(data: bytes) -> NDArray[np.uint8]:
    """The pixels of a picture file's content, uint8 BGR (H, W, 3). Raises UndecodableError.

    One picture at a time: other threads wait.
    """
    with _shared.lock:
        if _shared.child is None or not _shared.child.alive:
            _shared.child = _Child()
        return _shared.child.raster(data)


class _Child:
    """The child as its parent sees it."""

    def __init__(self) -> None:
        environment = {
            "OPENCV_IO_MAX_IMAGE_PIXELS": str(MAX_PIXELS),  # here it was read when OpenCV was loaded, perhaps before us
            "OPENCV_LOG_LEVEL": "ERROR",  # raster finds out what was missing
            "OPENBLAS_NUM_THREADS": "1",  # each thread of it would take from the limit of memory
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # -P keeps the folder of the pictures out of it
        }
        if not sys.executable:
            raise UndecodableError("expected a Python to decode it in, found a program without: save it as JPEG or PNG")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _PROGRAM],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | environment,
            )  # fmt: skip
        except OSError as error:
            raise UndecodableError(f"expected a process of its own to decode it, found {error.strerror}") from None
        self._late = False
        with self._exchange(START_SECONDS, "the decoder to start"):
            self._receive(bytearray(1))

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def raster(self, data: bytes) -> NDArray[np.uint8]:
        with self._exchange(DECODE_SECONDS, "a picture that decodes"):
            self._send(_REQUEST.pack(len(data)), data)
            height, width, length = _REPLY.unpack(self._receive(bytearray(_REPLY.size)))
            if height:
                image = np.empty((height, width, 3), np.uint8)
                self._receive(image.data.cast("B"))
                return image
            why = self._receive(bytearray(length)).decode()
        raise UndecodableError(why)

    @contextlib.contextmanager
    def _exchange(self, seconds: float, expected: str) -> Iterator[None]:
        """End the child when the block takes longer, or is left in the middle, whatever the reason."""
        clock = threading.Timer(seconds, self._too_late)
        clock.daemon = True
        clock.start()
        try:
            yield
        except (EOFError, OSError):
            self.end()
            late = f"nothing after {seconds:.0f} s: convert it to JPEG or PNG"
            found = late if self._late else _end_of(self._process.returncode)
            raise UndecodableError(f"expected {expected}, found {found}") from None
        except BaseException:
            self.end()
            raise
        finally:
            clock.cancel()

    def _too_late(self) -> None:
        self._late = True
        self._process.kill()

    def _send(self, *parts: bytes) -> None:
        assert self._process.stdin is not None
        for part in parts:
            self._process.stdin.write(part)
        self._process.stdin.flush()

    def _receive(self, room: _Room) -> _Room:
        """Fill `room`, and return it."""
        assert self._process.stdout is not None
        if self._process.stdout.readinto(room) < len(room):  # type: ignore[attr-defined]  # a BufferedReader has it
            raise EOFError
        return room

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was not yet written has no reader
                if pipe is not None:
                    pipe.close()


class _Shared:
    """The one child of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.child: _Child | None = None

    def end(self) -> None:
        if self.child is not None:
            self.child.end()
            self.child = None


_shared = _Shared()
atexit.register(_shared.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.__init__)  # type: ignore[misc]  # the child of the parent is not ours


def _end_of(code: int) -> str:
    """How a child ended, for the end of a line."""
    if code == -9:  # by the kernel, when the memory of the machine is used up
        return "too little memory: reduce the picture or free memory"
    return f"that it ends its decoder ({code}): it is damaged, or made to do so"


def serve() -> None:
    """The child: answer one request after another until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us by ending our stdin
    cv2.setNumThreads(1)
    keep_quiet()
    _limit_memory()
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not be taken for a reply
    replies.write(b"\n")
    replies.flush()
    while head := requests.read(_REQUEST.size):
        (length,) = _REQUEST.unpack(head)
        data = requests.read(length)
        with _alarm(DECODE_SECONDS + 5):  # the parent's clock, which can say why, comes first
            try:
                image = raster(data, look(data))
                replies.write(_REPLY.pack(*image.shape[:2], image.nbytes))
                replies.write(np.ascontiguousarray(image).data.cast("B"))
            except UndecodableError as error:
                why = str(error).encode()
                replies.write(_REPLY.pack(0, 0, len(why)) + why)
            replies.flush()


@contextlib.contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    """End this process after so long, also inside native code: the parent, which has a clock too, may be gone."""
    if sys.platform == "win32":
        yield
        return
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _limit_memory() -> None:
    """Data memory, and first choice of the kernel where the machine has too little: the reader lives on.

    Windows cannot limit it, and macOS does not count what is mapped; there the cap of pixels is left.
    """
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = DECODE_BYTES if hard == resource.RLIM_INFINITY else min(DECODE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
