"""Which string names which source: a picture, a video, a camera, a stream, or many of them.

A source string decides what gets opened, so it is parsed, never handed on: FFmpeg alone would accept "concat:", "subfile," and
playlists that point anywhere. What is accepted: a camera's number, /dev/videoN, an existing file, a folder, a glob
pattern, an http(s) or rtsp(s) URL.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from edgeproof.errors import SourceError, UsageError
from edgeproof.sources.source import Source

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


def parse_all(texts: Sequence[str]) -> Iterator[tuple[str, list[Source] | SourceError]]:
    """Each string with its sources, or with what is wrong with it, so that one bad name does not stop the others.

    Raises UsageError at once: a mistyped command must not run half.
    """
    for text in texts:
        try:
            yield text, parse(text)
        except SourceError as error:
            yield text, error


def redacted(url: str) -> str:
    """A URL without user name and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


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
