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
from edgeproof.sources.source import Frame, Source
from edgeproof.support.opencv import cv2


def video_frames(source: Source) -> Iterator[Frame]:
    """Every frame of a video file. Raises SourceError when it does not open or holds none."""
    with ffmpeg_options("protocol_whitelist;file"):  # a file may be a playlist in disguise
        capture = cv2.VideoCapture(str(Path(source.location).resolve()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise SourceError(
                f"{source.name}: expected a video, found a file that does not open: it is empty or damaged"
            )
        rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
        index = 0
        while True:
            start = time.perf_counter()
            there, image = capture.read()
            if not there:
                break
            yield Frame(source.name, index, index / rate, bgr(image), 1000 * (time.perf_counter() - start))
            index += 1
        if index == 0:
            raise SourceError(f"{source.name}: expected a video, found no frame in it: it is truncated or damaged")
    finally:
        capture.release()


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
