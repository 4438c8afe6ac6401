"""Which string names which source: a picture, a video, a camera, a stream, or many of them.

A source string decides what gets opened, so it is parsed, never handed on: FFmpeg alone would accept "concat:", "subfile," and
playlists that point anywhere. What is accepted: a camera's number, /dev/videoN, /dev/v4l/by-id/…, `camera:NAME`,
`picamera:N`, an existing file, a folder, a glob pattern, an http(s) or rtsp(s) URL, `watch:FOLDER`, `replay:FILE`, `-` for
standard input, and `env:NAME`, which is what the environment variable NAME says: a URL with a password that is in no list of
processes.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from edgeproof.errors import SourceError, UsageError
from edgeproof.sources import cameras
from edgeproof.sources.redact import is_host, redacted
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
MAX_MATCHES = 100_000  # names that a pattern may fit: "/**" fits every file of the machine
SCHEMES = {"http", "https", "rtsp", "rtsps"}
_CAMERA = re.compile(r"\d{1,3}|/dev/video\d{1,3}|/dev/v4l/by-(id|path)/[\w.:-]+|picamera:\d", re.ASCII)
_VARIABLE = re.compile(r"env:([A-Za-z_]\w*)", re.ASCII)
_ACCEPTED = "expected a picture, video, folder, glob pattern, camera number or http(s)/rtsp URL"
_PREFIX = re.compile(r"(camera|watch|replay):(.+)", re.DOTALL)


def parse(text: str) -> list[Source]:
    """The sources that one string names, in a stable order; a folder or a pattern names many.

    Raises UsageError for a string that is no source at all, SourceError when what it names is not there.
    """
    text = resolved(text, "source", "a source")
    # A file may have any name; in what is none, a control character is a mistake or an attack.
    if not text or (
        any(ord(character) < 32 or ord(character) == 127 for character in text) and not os.path.lexists(text)
    ):
        found = "control characters" if text else "an empty string"
        raise UsageError(f"source {redacted(text)!r}: {_ACCEPTED}, found {found}")
    if text == "-":
        return [Source("stdin", text, text)]
    if _CAMERA.fullmatch(text):
        return [Source("camera", text, text)]
    if (prefixed := _PREFIX.fullmatch(text)) and not os.path.lexists(text):
        return [_OF_PREFIX[prefixed[1]](prefixed[2])]
    if text.split("://", 1)[0].lower() in SCHEMES and "://" in text:
        return [Source("stream", _checked_url(text), redacted(text))]
    try:
        return _files(text)
    except OSError as error:  # a name too long for the file system is no file, and some folders may not be looked into
        raise SourceError(f"source {redacted(text)[:60]!r}: {error.strerror}: check the path") from None


def resolved(text: str, what: str, expected: str) -> str:
    """`text`, or what the environment variable NAME says when it is `env:NAME`.

    what, expected: words of the message. Raises UsageError when there is no such variable, or nothing in it.
    """
    if not (variable := _VARIABLE.fullmatch(text)):
        return text
    name = variable[1]
    if not os.environ.get(name):
        raise UsageError(
            f"{what} env:{name}: expected {expected} in the environment variable {name}, found none: set it"
        )
    return os.environ[name]


def _files(text: str) -> list[Source]:
    """What a path or a pattern names."""
    path = Path(text)
    if path.is_dir():
        return _folder(path)
    if path.exists():
        return [_file(path, text)]
    shown = redacted(text)
    if glob.has_magic(text):
        matches = list(islice(glob.iglob(text, recursive=True), MAX_MATCHES + 1))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if len(matches) > MAX_MATCHES:
            raise UsageError(f"source {shown}: the pattern fits more than {MAX_MATCHES} names: write a narrower one")
        found = [_file(Path(match), match) for match in sorted(matches) if _known(Path(match))]
        if not found:
            raise SourceError(f"source {shown}: no picture or video fits the pattern: check it, and quote it")
        return found
    if protocol := re.match(r"([a-z][a-z0-9+]+)(:|,,)", text, re.IGNORECASE):
        named = shown.startswith(protocol[0])  # it is not when it may be a user's name
        what = f"the protocol '{protocol[1]}', which is not accepted" if named else "something else"
        raise UsageError(f"source {shown!r}: {_ACCEPTED}, found {what}")
    raise SourceError(f"source {shown}: no such file or folder: check the path")


def parse_all(texts: Sequence[str]) -> Iterator[tuple[str, list[Source] | SourceError]]:
    """Each string with its sources, or with what is wrong with it, so that one bad name does not stop the others.

    The string comes without credentials.

    Raises UsageError at once: a mistyped command must not run half.
    """
    for text in texts:
        try:
            yield redacted(text), parse(text)
        except SourceError as error:
            yield redacted(text), error


def _watched(folder: str) -> Source:
    if not Path(folder).is_dir():
        raise SourceError(
            f"source watch:{redacted(folder)}: expected a folder that pictures arrive in, found none: make it first"
        )
    return Source("watched", folder, folder)


def _replay(file: str) -> Source:
    if not Path(file).is_file():
        raise SourceError(f"source replay:{redacted(file)}: expected a recording of --record, found no such file")
    return Source("replay", file, file)


def _camera(name: str) -> Source:
    return Source("camera", cameras.find(name), f"camera:{name}")


_OF_PREFIX = {"camera": _camera, "watch": _watched, "replay": _replay}


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
    """The URL as FFmpeg takes it, which reads it otherwise than browsers do: so it must leave no room for doubt."""
    shown = redacted(url)
    if not url.isascii() or any(character in url for character in " !|<>\"'\\"):
        raise UsageError(
            f"source {shown}: a URL must not hold letters beyond ASCII, blanks, quotes or any of !|<>\\: percent-encode them"
        )
    try:
        authority = urlsplit(url).netloc
    except ValueError:  # an IPv6 address without its end, for one
        authority = ""
    if not is_host(authority.rpartition("@")[2]):
        raise UsageError(f"source {shown}: expected a host in the URL, as in rtsp://camera:554/path, found none")
    if "@" in url.partition(authority)[2]:
        raise UsageError(f"source {shown}: expected an @ only in front of the host, found one behind: write %40 there")
    return url
