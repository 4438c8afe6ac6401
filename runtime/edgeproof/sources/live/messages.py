"""What a capture's process and its parent say to each other: a head of JSON, and the pixels of a frame behind it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

HUNG = 3  # exit code of the process: the source hangs inside a call, which ends with its process alone

_LENGTHS = struct.Struct("<IQ")  # bytes of the head, bytes of the pixels


@dataclass(frozen=True)
class Request:
    """The parent wants a frame newer than number `after`, and waits for it so many seconds."""

    after: int
    wait_s: float


@dataclass(frozen=True)
class Reply:
    """What there is.

    index: number of the newest frame, counted from 0 over all openings; −1 before the first.
    height, width: of the pixels (uint8 BGR) that follow; 0 where there is no frame newer than asked for.
    taken_s: monotonic clock when the newest frame was taken, as far as can be told; arrived_s: when it arrived.
    same_s: seconds since which each frame is equal to the one before, bit by bit. decode_ms: what decoding took.
    why: what is wrong, one line; empty while frames come. lost: whether the source has to be opened again.
    ended: whether it ended as it should, as a file does.
    """

    index: int
    height: int = 0
    width: int = 0
    taken_s: float = 0.0
    arrived_s: float = 0.0
    same_s: float = 0.0
    decode_ms: float = 0.0
    why: str = ""
    lost: bool = False
    ended: bool = False


def packed(head: dict[str, Any] | Request | Reply, pixels: int = 0) -> bytes:
    """A head as bytes, with `pixels` bytes to follow."""
    text = json.dumps(head if isinstance(head, dict) else asdict(head)).encode()
    return _LENGTHS.pack(len(text), pixels) + text


def unpacked(read: Callable[[int], bytes]) -> tuple[dict[str, Any], int]:
    """The next head, and how many bytes of pixels follow. `read(n)` gives n bytes, or raises EOFError."""
    length, pixels = _LENGTHS.unpack(read(_LENGTHS.size))
    return json.loads(read(length)), pixels
