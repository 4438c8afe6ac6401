"""What the ways of reading a source give to the thread that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Grab:
    """A frame that has arrived, perhaps still encoded: one that nobody takes is never decoded.

    arrived_s: monotonic clock. stamp_s: when it was taken by the source's own clock, any zero; None where it states none.
    content: what tells it from another, encoded bytes or pixels. image: makes the pixels, uint8 BGR (H, W, 3); raises
    SourceError where they are damaged. pause_s: that its source may take to get the next one, seconds, without being silent.
    """

    arrived_s: float
    stamp_s: float | None
    content: bytes | Image
    image: Callable[[], Image]
    pause_s: float = 0.0


def same(first: Grab, second: Grab) -> bool:
    """Whether two frames are equal, bit by bit."""
    a, b = first.content, second.content
    if isinstance(a, bytes) or isinstance(b, bytes):
        return a is b or (isinstance(a, bytes) and isinstance(b, bytes) and a == b)
    if a.shape != b.shape or not np.array_equal(a[::16, ::16], b[::16, ::16]):  # noise differs nearly everywhere
        return False
    return np.array_equal(a, b)
