"""How many bytes a video file says that it has: what a file that was cut off still tells.

Its count of frames and its duration do not tell it: a phone trims by an edit list and leaves the count, dropped frames
are counted too, and of MPEG and raw streams both are estimates from what is there. Read are MP4 and QuickTime, AVI, Matroska
and WebM, and ASF (wmv); other files state nothing.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

MAX_BOXES = 200_000  # walked, in a second; a recording of a day in fragments of a second has 172,800
_LAID_OUT = {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"uuid", b"sidx", b"mfra"}
_EBML, _SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def missing_bytes(path: Path) -> int:
    """How many bytes a video file states beyond those that are there; 0 where it states none."""
    with path.open("rb") as file:
        there = file.seek(0, os.SEEK_END)
        stated = _stated(file, there)
    return max(0, (stated or 0) - there)


def _stated(file: BinaryIO, there: int) -> int | None:
    head = _at(file, 0, 1024)
    if head[4:8] in _LAID_OUT:
        return _boxes(file, there)
    if head.startswith(b"RIFF"):
        return _riffs(file, there)
    if head.startswith(_EBML):
        return _segment(head)
    if head.startswith(_ASF):
        return _asf(_at(file, 0, 1 << 16))
    return None


def _at(file: BinaryIO, place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)


def _boxes(file: BinaryIO, there: int) -> int | None:
    """The end of the last box of an MP4; what is not known as a box, as some cameras append it, is not judged."""
    place: int = 0
    for _ in range(MAX_BOXES):
        head = _at(file, place, 16)
        if len(head) < 8 or head[4:8] not in _LAID_OUT:
            break
        (length,) = struct.unpack_from(">I", head)
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
        if length < 8:  # 0: up to the end of the file, wherever that is
            break
        place += length
        if place >= there:
            return place
    return None


def _riffs(file: BinaryIO, there: int) -> int | None:
    """The end of the last RIFF of an AVI; beyond a gigabyte there are several."""
    place: int = 0
    for _ in range(MAX_BOXES):
        head = _at(file, place, 8)
        if len(head) < 8 or not head.startswith(b"RIFF"):
            break
        (length,) = struct.unpack_from("<I", head, 4)
        if length in (0, 0xFFFFFFFF):  # a recording that was not finished
            break
        place += 8 + length
        if place >= there:
            return place
    return None


def _segment(head: bytes) -> int | None:
    """The end of the segment of a Matroska file."""
    length, place = _vint(head, 4)
    place += length or 0
    if length is None or head[place : place + 4] != _SEGMENT:
        return None
    length, place = _vint(head, place + 4)
    return None if length is None else place + length


def _vint(data: bytes, place: int) -> tuple[int | None, int]:
    """A number of EBML and the place behind it; none where it stands for "not known"."""
    first = data[place] if place < len(data) else 0
    width = 9 - first.bit_length()
    if width > 8:
        return None, place
    bits = 7 * width
    value = int.from_bytes(data[place : place + width], "big") & ((1 << bits) - 1)
    return (None if value == (1 << bits) - 1 else value), place + width


def _asf(head: bytes) -> int | None:
    """The size that the properties of an ASF file state, unless they say that it was broadcast."""
    place = head.find(_ASF_PROPERTIES)
    if place < 0 or place + 92 > len(head):
        return None
    (size,) = struct.unpack_from("<Q", head, place + 40)
    (flags,) = struct.unpack_from("<I", head, place + 88)
    return None if flags & 1 else int(size)
