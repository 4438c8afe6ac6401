"""Cameras and network streams, read by OpenCV."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeproof.errors import SourceError
from edgeproof.sources.live.child.grab import Grab
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.source import Source
from edgeproof.sources.video import CONTAINERS, bgr, ffmpeg_options
from edgeproof.support.opencv import cv2

_OPTIONS = (
    "protocol_whitelist;http,https,httpproxy,tls,tcp,udp,rtp,rtsp,rtsps,crypto|rtsp_transport;tcp|"
    "fflags;nobuffer|fpsprobesize;0|"  # no rate is estimated from the first 20 frames: they would be late
    # image2 and jpeg_pipe: a camera's single picture, with .jpg at its end or without.
    f"format_whitelist;rtsp,rtp,flv,image2,jpeg_pipe,{CONTAINERS}"
)


def opencv_grabs(source: Source, options: LiveOptions) -> Iterator[Grab]:
    """Every frame of a camera or stream. Ends where a file on a server ends; raises SourceError when it is lost, or does not
    open within `options.open_timeout_s`, or gives nothing for `options.read_timeout_s`.
    """
    capture = _camera(source, options) if source.kind == "camera" else _stream(source, options)
    try:
        if not capture.isOpened():
            raise SourceError(_why_not(source))
        # Stamps are the sender's clock only here: elsewhere FFmpeg may count frames and call that time.
        stamped = source.kind == "camera" or source.location.lower().startswith("rtsp")
        finite = source.kind == "stream" and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0
        while capture.grab():
            arrived_s = time.monotonic()
            there, image = capture.retrieve()
            if not there:
                continue
            stamp_ms = capture.get(cv2.CAP_PROP_POS_MSEC) if stamped else 0.0
            pixels = bgr(image)
            yield Grab(arrived_s, stamp_ms / 1000 if stamp_ms > 0 else None, pixels, lambda pixels=pixels: pixels)  # type: ignore[misc]
        if not finite:
            raise SourceError(f"{source.name}: the source was lost")
    finally:
        capture.release()


def _camera(source: Source, options: LiveOptions) -> Any:
    place = int(source.location) if source.location.isdigit() else source.location
    capture = cv2.VideoCapture(place, camera_backend())
    # The pixel format first: sizes and rates depend on it.
    if options.pixel_format:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*options.pixel_format))
    wanted = {
        cv2.CAP_PROP_FRAME_WIDTH: options.width,
        cv2.CAP_PROP_FRAME_HEIGHT: options.height,
        cv2.CAP_PROP_FPS: options.fps,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    for key, value in wanted.items():
        if value is not None:
            capture.set(key, value)
    return capture


def _stream(source: Source, options: LiveOptions) -> Any:
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * options.open_timeout_s),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * options.read_timeout_s),
    ]  # fmt: skip
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
