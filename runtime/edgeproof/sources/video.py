"""Video files, frame by frame."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import SourceError
from edgeproof.sources.container import missing_bytes
from edgeproof.sources.source import Frame, Source
from edgeproof.support.opencv import MAX_PIXELS, cv2

#: What FFmpeg may take a file or stream for. No playlist (ffconcat, HLS, DASH, SDP): it names other files and hosts.
CONTAINERS = "mov,avi,matroska,mpegts,mpeg,mpegvideo,m4v,mjpeg,mpjpeg,asf,h264,hevc"
_OPTIONS = f"protocol_whitelist;file|format_whitelist;{CONTAINERS}"


def video_frames(source: Source) -> Iterator[Frame]:
    """Every frame of a video file.

    Raises SourceError when it does not open, holds none, or has more than 100 megapixels per frame; and at its end when
    the file is shorter than it states.
    """
    path = Path(source.location)
    try:
        missing = missing_bytes(path)
        with _openable(path) as safe, ffmpeg_options(_OPTIONS):
            capture = cv2.VideoCapture(safe, cv2.CAP_FFMPEG)
    except OSError as error:
        raise SourceError(f"{source.name}: cannot be read: {error.strerror}") from None
    cut = f"{missing:,} bytes are missing that the file states: copy it again"
    try:
        if not capture.isOpened():
            why = cut if missing else "it is empty, damaged or a playlist"
            raise SourceError(f"{source.name}: expected a video, found a file that does not open: {why}")
        count = 0
        for frame in _decoded(capture, source.name):
            yield frame
            count += 1
    finally:
        capture.release()
    if missing:
        raise SourceError(f"{source.name}: expected a whole video, found its end after {count} frames: {cut}")
    if count == 0:
        raise SourceError(f"{source.name}: expected a video, found no frame in it: it is truncated or damaged")


@contextlib.contextmanager
def _openable(path: Path) -> Iterator[str]:
    """A name of the file that OpenCV can take: a name that is no UTF-8 ends the process there."""
    name = str(path.resolve())
    try:
        name.encode()
    except UnicodeEncodeError:
        with path.open("rb") as file:
            yield f"/dev/fd/{file.fileno()}"
    else:
        yield name


def _decoded(capture: Any, name: str) -> Iterator[Frame]:
    rate = capture.get(cv2.CAP_PROP_FPS)
    rate = rate if 0 < rate <= 1000 else 25.0  # raw streams state none, or nonsense
    _check_size(capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT), name)
    index = 0
    while True:
        start = time.perf_counter()
        there, image = capture.read()
        if not there:
            return
        _check_size(image.shape[1], image.shape[0], name)
        # The container's own time, because frames need not come at equal distances.
        time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not 0 <= time_s < 1e9:  # a raw stream has none: OpenCV 4 computes with the mark for that
            time_s = index / rate
        yield Frame(name, index, time_s, bgr(image), 1000 * (time.perf_counter() - start))
        index += 1


def _check_size(width: float, height: float, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise SourceError(
            f"{name}: expected frames of at most {MAX_PIXELS / 1e6:.0f} megapixels, found {width:.0f}×{height:.0f}: "
            "reduce the video"
        )


@contextlib.contextmanager
def ffmpeg_options(options: str) -> Iterator[None]:
    """OpenCV hands these to FFmpeg for what is opened within the block; the environment is its only way to take them."""
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    before = os.environ.get(name)
    os.environ[name] = options
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def bgr(image: Any) -> NDArray[np.uint8]:
    """A camera's or decoder's frame as uint8 BGR: some cameras deliver grey."""
    if image.ndim == 2 or image.shape[2] == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return image  # type: ignore[no-any-return]
