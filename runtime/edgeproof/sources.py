"""Where frames come from: pictures, folders, globs, videos, cameras and streams, each named by one strict string.

A source string decides what gets opened, so it is parsed, never handed on: FFmpeg alone would accept "concat:", "subfile," and
playlists that point anywhere. What is accepted: a camera's number, /dev/videoN, an existing file, a folder, a glob
pattern, an http(s) or rtsp(s) URL.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import SourceError, UsageError

MAX_PIXELS = 100_000_000  # decoded, 0.3 GB; a 109-kilobyte PNG can claim 900 megapixels and would take 5 GB
MAX_FILE_BYTES = 256 * 2**20  # of a picture file
TIMEOUT_MS = 5000  # for opening a stream and for each frame of it; OpenCV's own default is 30 s

# OpenCV reads these once, when it is loaded: this module must come before the first `import cv2`.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

PICTURES = {
    ".bmp",
    ".gif",
    ".jp2",
    ".jpe",
    ".jpeg",
    ".jpg",
    ".pbm",
    ".pgm",
    ".png",
    ".pnm",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
}
VIDEOS = {".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv"}
SCHEMES = {"http", "https", "rtsp", "rtsps"}
_CAMERA = re.compile(r"\d{1,3}|/dev/video\d{1,3}|/dev/v4l/by-(id|path)/[\w.:-]+")
_ACCEPTED = "expected a picture, video, folder, glob pattern, camera number or http(s)/rtsp URL"

Kind = Literal["picture", "video", "camera", "stream"]


@dataclass(frozen=True)
class Source:
    """One thing to read.

    kind: what it is. location: path, device or URL as OpenCV takes it. name: for people and records, without credentials.
    """

    kind: Kind
    location: str
    name: str

    @property
    def live(self) -> bool:
        return self.kind in ("camera", "stream")


@dataclass(frozen=True)
class Frame:
    """One picture of a source.

    source: its name. index: 0, 1, 2, … within the source; skipped frames of a live source count.
    time_s: seconds since the start of the source. image: uint8 BGR (H, W, 3), upright.
    capture_ms: time spent on fetching and decoding it. taken_s: monotonic clock when it arrived, live sources only.
    dropped: frames of a live source that were replaced by a newer one before anyone took them, so far.
    """

    source: str
    index: int
    time_s: float
    image: NDArray[np.uint8]
    capture_ms: float
    taken_s: float | None = None
    dropped: int = 0

    @property
    def age_ms(self) -> float | None:
        """How long ago a live frame arrived, milliseconds."""
        return None if self.taken_s is None else 1000 * (time.monotonic() - self.taken_s)


def parse(text: str) -> list[Source]:
    """The sources that one string names, in a stable order; a folder or a pattern names many.

    Raises UsageError for a string that is no source at all, SourceError when what it names is not there.
    """
    if not text or any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise UsageError(f"source {text!r}: {_ACCEPTED}, found {'control characters' if text else 'an empty string'}")
    if _CAMERA.fullmatch(text):
        return [Source("camera", text, text)]
    path = Path(text)
    try:
        if path.is_dir():
            return _folder(path)
        if path.exists():
            return [_file(path, text)]
    except OSError as error:  # a name too long for the file system is no file
        raise SourceError(f"source {text[:60]!r}: {error.strerror}: check the path") from None
    scheme = text.split(":", 1)[0].lower()
    if "://" in text and scheme in SCHEMES:
        return [Source("stream", _checked_url(text), redacted(text))]
    if glob.has_magic(text):
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        found = [_file(Path(match), match) for match in matches if _known(Path(match))]
        if not found:
            raise SourceError(f"source {text}: no picture or video fits the pattern: check it, and quote it")
        return found
    if protocol := re.match(r"([a-z][a-z0-9+]+)(:|,,)", text, re.IGNORECASE):
        raise UsageError(f"source {text!r}: {_ACCEPTED}, found the protocol '{protocol[1]}', which is not accepted")
    raise SourceError(f"source {text}: no such file or folder: check the path")


def frames(source: Source) -> Generator[Frame]:
    """The frames of one source: one of a picture, all of a video file, the newest ones of a camera or stream.

    Raises SourceError when the source is missing, cannot be decoded, or is lost.
    """
    if source.kind == "picture":
        yield _picture(source)
    elif source.kind == "video":
        yield from _video(source)
    else:
        from edgeproof.live import live_frames

        yield from live_frames(source)


def redacted(url: str) -> str:
    """A URL without user name and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def decode(data: bytes, name: str) -> NDArray[np.uint8]:
    """A picture file's content as uint8 BGR (H, W, 3), turned upright; transparent parts become white paper.

    16 bits are reduced to 8, grey becomes BGR. Raises SourceError naming `name` when it is no picture, is damaged, or has
    more than 100 megapixels.
    """
    import cv2

    if not data:
        raise SourceError(f"{name}: expected a picture, found an empty file: copy it again")
    encoded = np.frombuffer(data, np.uint8)
    try:
        image: Any = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    except cv2.error as error:
        if "pixels" in str(error).lower():
            raise SourceError(
                f"{name}: expected at most {MAX_PIXELS / 1e6:.0f} megapixels, found more: reduce the picture"
            ) from None
        image = None
    if image is None:
        raise SourceError(
            f"{name}: expected a picture, found a file that does not decode: it is damaged or something else"
        )
    if _may_be_transparent(data):
        raw: Any = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
        if raw is not None and raw.ndim == 3 and raw.shape[2] == 4 and raw.shape[:2] == image.shape[:2]:
            full = np.float32(np.iinfo(raw.dtype).max) if raw.dtype.kind == "u" else np.float32(1)
            opaque = raw[..., 3:].astype(np.float32) / full
            image = (image * opaque + 255 * (1 - opaque) + 0.5).astype(np.uint8)
    return image  # type: ignore[no-any-return]


def _may_be_transparent(data: bytes) -> bool:
    if data.startswith(b"\x89PNG"):
        return data[25:26] in (b"\x04", b"\x06") or b"tRNS" in data[:4096]
    return data[:4] in (b"RIFF", b"II*\0", b"MM\0*", b"GIF8")


def _picture(source: Source) -> Frame:
    start = time.perf_counter()
    path = Path(source.location)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SourceError(
                f"{source.name}: expected a picture of at most {MAX_FILE_BYTES >> 20} MB, found a larger file"
            )
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{source.name}: cannot be read: {error.strerror}") from None
    image = decode(data, source.name)
    return Frame(source.name, 0, 0.0, image, 1000 * (time.perf_counter() - start))


def _video(source: Source) -> Iterator[Frame]:
    import cv2

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
    import cv2

    if image.ndim == 2 or image.shape[2] == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return image  # type: ignore[no-any-return]


def _known(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in PICTURES | VIDEOS


def _folder(path: Path) -> list[Source]:
    found = [_file(file, str(file)) for file in sorted(path.iterdir()) if _known(file)]
    if not found:
        raise SourceError(f"source {path}: expected pictures or videos in this folder, found none")
    return found


def _file(path: Path, name: str) -> Source:
    if not path.is_file():
        raise SourceError(f"source {name}: {_ACCEPTED}, found something else there")
    suffix = path.suffix.lower()
    if suffix in VIDEOS:
        return Source("video", str(path), name)
    if suffix in PICTURES:
        return Source("picture", str(path), name)
    raise SourceError(
        f"source {name}: expected a picture or video, found the unknown suffix '{suffix}': convert or rename it"
    )


def _checked_url(url: str) -> str:
    if any(character in url for character in " !|<>\"'\\"):
        raise UsageError(
            f"source {redacted(url)}: a URL must not hold blanks, quotes or any of !|<>\\: percent-encode them"
        )
    if not urlsplit(url).hostname:
        raise UsageError(f"source {redacted(url)}: expected a host name in the URL, found none")
    return url


def camera_backend() -> int:
    """OpenCV's number of the one capture interface that is right for cameras here: left to itself it tries them all."""
    import cv2

    if sys.platform.startswith("linux"):
        return cv2.CAP_V4L2
    return cv2.CAP_AVFOUNDATION if sys.platform == "darwin" else cv2.CAP_DSHOW


def parse_all(texts: Sequence[str]) -> Iterator[tuple[str, list[Source] | SourceError]]:
    """Each string with its sources, or with what is wrong with it, so that one bad name does not stop the others.

    Raises UsageError at once: a mistyped command must not run half.
    """
    for text in texts:
        try:
            yield text, parse(text)
        except SourceError as error:
            yield text, error
