"""A video whose every frame plays as soon as it is written: Motion JPEG in Matroska.

OpenCV's own writer tells no error, not that of a full disk either, and a kill leaves nothing of its .mp4 that plays: the
table of contents comes last. Matroska needs none, a JPEG needs no other frame, and both are written here in plain sight.
The elements are named as RFC 9559 names them.
"""

from __future__ import annotations

import struct

from edgeproof.output.files.append_file import AppendFile

SUFFIX = ".mkv"
LAST_FRAME_MS = 40  # how long the last one is shown

_UNKNOWN_SIZE = b"\x01" + 7 * b"\xff"  # of the segment: its end is the end of the file
_HEAD, _SEGMENT, _INFO, _TRACKS, _TRACK, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0x1F43B675
_DURATION = 0x4489


class VideoFile:
    """Frames of one size, each shown from its time on."""

    def __init__(self, file: AppendFile, width: int, height: int) -> None:
        """width, height: of every frame, pixels."""
        self._file = file
        self._last_ms = -1
        before, after = _front(width, height)
        self._duration_at = len(before)
        self._front = before + _void(len(_duration(0))) + after  # to be written with the first frame

    @property
    def empty(self) -> bool:
        return self._last_ms < 0

    def add(self, jpeg: bytes, time_s: float) -> None:
        """The next frame. Raises OSError when it does not fit; the file then ends with the frame before."""
        time_ms = max(
            self._last_ms + 1, round(1000 * time_s)
        )  # players drop what is not later than the frame before it
        block = b"\x81" + struct.pack(">hB", 0, 0x80) + jpeg  # track 1, at the cluster's time, a key frame
        cluster = _element(_CLUSTER, _number(0xE7, time_ms), _element(0xA3, block))
        self._file.append(self._front + cluster if self.empty else cluster)
        self._last_ms = time_ms

    def close(self) -> None:
        """Raises OSError when the file did not reach the disk."""
        try:
            if not self.empty:
                self._file.replace(self._duration_at, _duration(self._last_ms + LAST_FRAME_MS))
        finally:
            self._file.close()


def _front(width: int, height: int) -> tuple[bytes, bytes]:
    """Everything before the first frame, in two parts: the duration comes between them."""
    head = _element(
        _HEAD,
        _number(0x4286, 1), _number(0x42F7, 1), _number(0x42F2, 4), _number(0x42F3, 8),  # EBML's versions and lengths
        _element(0x4282, b"matroska"), _number(0x4287, 4), _number(0x4285, 2),
    )  # fmt: skip
    apps = _element(0x4D80, b"edgeproof") + _element(0x5741, b"edgeproof")
    scale = _number(0x2AD7B1, 1_000_000)  # times in milliseconds
    video = _element(0xE0, _number(0xB0, width), _number(0xBA, height))
    track = _element(
        _TRACK,
        _number(0xD7, 1), _number(0x73C5, 1), _number(0x83, 1), _number(0x9C, 0), _element(0x86, b"V_MJPEG"), video,
    )  # fmt: skip
    info = apps + scale
    size = _size(len(info) + len(_duration(0)))
    before = head + _id(_SEGMENT) + _UNKNOWN_SIZE + _id(_INFO) + size + info
    return before, _element(_TRACKS, track)


def _duration(ms: int) -> bytes:
    return _element(_DURATION, struct.pack(">d", ms))


def _void(length: int) -> bytes:
    """What readers pass over, as a place for `length` bytes that are known later."""
    return _element(0xEC, bytes(length - 9))


def _element(number: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return _id(number) + _size(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def _id(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _size(length: int) -> bytes:
    return (1 << 56 | length).to_bytes(8)
