"""Pictures one behind the other on standard input, as `ffmpeg -f image2pipe` writes them."""

from __future__ import annotations

import re
import struct
import sys
import time
from collections.abc import Iterator
from typing import IO, Any

from edgeproof.errors import SourceError
from edgeproof.sources.pictures.picture import MAX_FILE_BYTES, decode
from edgeproof.sources.source import Frame, Source

CHUNK = 2**16  # bytes asked for at a time
_PNG = b"\x89PNG\r\n\x1a\n"
_MARKER = re.compile(rb"\xff+[^\xff\x00\x01\xd0-\xd8]")  # of a JPEG, with a length behind it, or its end


def stdin_frames(source: Source, stream: IO[bytes] | None = None) -> Iterator[Frame]:
    """Every picture of a stream of JPEG and PNG files. stream: standard input unless given.

    Raises SourceError when one is damaged or cut short, or something else comes, or nothing.
    """
    if stream is None and sys.stdin is None:
        raise SourceError(f"{source.name}: expected pictures on standard input, found it closed")
    pictures = _Pictures(stream or sys.stdin.buffer, source.name)
    start_s, index = time.monotonic(), 0
    while content := pictures.next():
        begun = time.perf_counter()
        image = decode(content, f"{source.name}: picture {index}")
        took_ms = 1000 * (time.perf_counter() - begun)
        yield Frame(source.name, index, time.monotonic() - start_s, image, took_ms)
        index += 1
    if index == 0:
        raise SourceError(f"{source.name}: expected JPEG or PNG pictures on standard input, found nothing")


class _Pictures:
    """A stream cut into files."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name = stream, name
        self._bytes = bytearray()

    def next(self) -> bytes:
        """The next file, whole; empty at the end of the stream."""
        if not self._bytes and not self._more():
            return b""
        self._at_least(len(_PNG))
        if self._bytes.startswith(b"\xff\xd8"):
            end = self._jpeg_end()
        elif self._bytes.startswith(_PNG):
            end = self._png_end()
        else:
            raise SourceError(f"{self._name}: expected JPEG or PNG pictures on standard input, found something else")
        content = bytes(self._bytes[:end])
        del self._bytes[:end]
        return content

    def _jpeg_end(self) -> int:
        """Segments have lengths; in what is coded between them no marker appears."""
        place = 2
        while True:
            while not (marker := _MARKER.search(self._bytes, place)):
                place = max(place, len(self._bytes) - 1)
                self._at_least(len(self._bytes) + 1)
            place = marker.end()
            if marker[0][-1] == 0xD9:
                return place
            self._at_least(place + 2)
            place += struct.unpack_from(">H", self._bytes, place)[0]

    def _png_end(self) -> int:
        place, kind = len(_PNG), b""
        while kind != b"IEND":
            self._at_least(place + 8)
            length, kind = struct.unpack_from(">I4s", self._bytes, place)
            place += length + 12
        self._at_least(place)
        return place

    def _at_least(self, count: int) -> None:
        if count > MAX_FILE_BYTES:
            raise SourceError(
                f"{self._name}: expected pictures of at most {MAX_FILE_BYTES >> 20} MB, found a larger one"
            )
        while len(self._bytes) < count:
            if not self._more():
                raise SourceError(f"{self._name}: expected a whole picture, found the end of standard input in it")

    def _more(self) -> bool:
        piece = self._stream.read1(CHUNK)
        self._bytes += piece
        return bool(piece)
