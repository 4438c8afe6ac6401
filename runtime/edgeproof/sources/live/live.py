"""Cameras and streams: a thread that reads always and keeps only the newest frame, so that reading never lags behind."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeproof.errors import SourceError
from edgeproof.sources.source import Frame, Source
from edgeproof.sources.video import CONTAINERS, bgr, ffmpeg_options
from edgeproof.support.opencv import cv2

TIMEOUT_MS = 5000  # for opening a stream and for each frame of it; OpenCV's own default is 30 s
_OPTIONS = (
    "protocol_whitelist;http,https,httpproxy,tls,tcp,udp,rtp,rtsp,rtsps,crypto|rtsp_transport;tcp|"
    # image2 and jpeg_pipe: a camera's single picture, with .jpg at its end or without.
    f"format_whitelist;rtsp,rtp,flv,image2,jpeg_pipe,{CONTAINERS}"
)


def live_frames(source: Source) -> Iterator[Frame]:
    """The newest frame of a camera or stream, again and again, each at most once.

    Raises SourceError when it does not open, delivers nothing for 5 s, or ends.
    """
    with _Newest(source) as newest:
        taken = -1
        while True:
            frame = newest.after(taken, TIMEOUT_MS / 1000)
            taken = frame.index
            yield frame


class _Newest:
    """The capture thread and the one frame that it holds."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._end: str | None = None
        self._taken = -1
        self._dropped = 0
        self._stop = threading.Event()
        # A daemon: a driver that hangs inside a read must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"capture {source.name}", daemon=True)

    def __enter__(self) -> _Newest:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(timeout=1.0)

    def after(self, index: int, timeout_s: float) -> Frame:
        """Wait for a frame newer than `index`. Raises SourceError when none comes within the timeout, or ever."""
        with self._changed:
            # Opening may itself take the timeout.
            arrived = self._changed.wait_for(
                lambda: self._end is not None or (self._frame is not None and self._frame.index > index),
                timeout_s + (TIMEOUT_MS / 1000 if index < 0 else 0),
            )
            if self._frame is not None and self._frame.index > index:
                self._taken = self._frame.index
                return self._frame
            if not arrived:
                raise SourceError(
                    f"{self._source.name}: no frame for {timeout_s:.0f} s: the camera or the network hangs"
                )
            raise SourceError(self._end or "")

    def _run(self) -> None:
        capture = None
        try:
            capture = _open(self._source)
            if not capture.isOpened():
                self._finish(_why_not(self._source))
                return
            start, index = time.monotonic(), 0
            while not self._stop.is_set():
                before = time.monotonic()
                there, image = capture.read()
                now = time.monotonic()
                if not there:
                    self._finish(f"{self._source.name}: the source was lost after {index} frames")
                    return
                with self._changed:
                    if self._frame is not None and self._frame.index > self._taken:
                        self._dropped += 1
                    self._frame = Frame(
                        self._source.name, index, now - start, bgr(image), 1000 * (now - before), now, self._dropped
                    )
                    self._changed.notify_all()
                index += 1
        except Exception as error:  # a thread must report, or its reader waits for nothing
            why = str(error).splitlines()[0].replace(self._source.location, self._source.name)
            self._finish(f"{self._source.name}: capture failed: {why}")
        finally:
            if capture is not None:
                capture.release()

    def _finish(self, why: str) -> None:
        with self._changed:
            self._end = why
            self._changed.notify_all()


def _open(source: Source) -> Any:
    if source.kind == "camera":
        return cv2.VideoCapture(
            int(source.location) if source.location.isdigit() else source.location, camera_backend()
        )
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
    with ffmpeg_options(_OPTIONS):
        return cv2.VideoCapture(source.location, cv2.CAP_FFMPEG, limits)


def _why_not(source: Source) -> str:
    if source.kind == "stream":
        return (
            f"{source.name}: the stream does not open: check the address, and that the sender runs; "
            "a playlist (HLS, DASH) is not followed, name what it plays"
        )
    devices = sorted(str(path) for path in Path("/dev").glob("video*"))
    found = f"found {', '.join(devices)}" if devices else "found no /dev/video* at all"
    return (
        f"camera {source.name}: does not open ({found}): connect a camera, close the program that uses it, join the group "
        "'video', or name a picture, a video or a stream instead"
    )


def camera_backend() -> int:
    """OpenCV's number of the one capture interface that is right for cameras here: left to itself it tries them all."""
    if sys.platform.startswith("linux"):
        return cv2.CAP_V4L2
    return cv2.CAP_AVFOUNDATION if sys.platform == "darwin" else cv2.CAP_DSHOW
