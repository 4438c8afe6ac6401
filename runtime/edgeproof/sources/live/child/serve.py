"""The process of one source: it answers its parent's requests until they end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

import numpy as np

from edgeproof.sources.live.child.capture import Capture
from edgeproof.sources.live.messages import HUNG, Request, packed, unpacked
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.source import Source
from edgeproof.support.opencv import cv2


def serve() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    cv2.setNumThreads(1)
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints must not be taken for a reply

    def read(count: int) -> bytes:
        data = requests.read(count)
        if len(data) < count:  # the parent is gone; this thread only: another may hang inside a driver
            os._exit(0)
        return data

    order, _ = unpacked(read)
    capture = Capture(Source(**order["source"]), LiveOptions(**order["options"]), order["first_index"])
    threading.Thread(target=_watch, args=[capture], daemon=True).start()
    while True:
        head, _ = unpacked(read)
        reply, image = capture.newest(Request(**head))
        if image is None:
            _send(replies, packed(reply))
        else:
            pixels = np.ascontiguousarray(image).data.cast("B")
            shape = {"height": image.shape[0], "width": image.shape[1]}
            _send(replies, packed({**reply.__dict__, **shape}, len(pixels)))
            _send(replies, pixels)


def _watch(capture: Capture) -> None:
    while not capture.hangs:
        time.sleep(0.2)
    os._exit(HUNG)


def _send(out: Any, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[out.write(rest) :]
