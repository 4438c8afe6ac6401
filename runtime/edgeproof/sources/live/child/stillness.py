"""Whether a picture differs from the one that was read last by more than its noise: what rests need not be read again."""

from __future__ import annotations

import numpy as np

from edgeproof.sources.live.child.grab import Grab, Image
from edgeproof.support.opencv import cv2

CELL = 8  # pixels of a side: the mean of so many has little noise, and a stroke of a pen still moves it
# For so long after a change, and so many, every frame counts: several make it sure what is there, and what is gone.
SETTLE_S, SETTLE_FRAMES = 2.5, 4
LOOK_S = 0.1  # between two looks at a picture that rests
_LEAST = 6.0  # levels by which a cell differs that changed; two pixels of pale pencil in it make 12
_NOISES = 8.0  # times the usual difference of a cell: five thousand cells of noise alone do not get there


class Stillness:
    """The picture that was read last. After `again_s` seconds it is read again in any case; 0: always."""

    def __init__(self, again_s: float) -> None:
        self._again_s = again_s
        self._read: Image | None = None
        self._read_s = self._changed_s = float("-inf")  # monotonic clock
        self._since = 0  # frames that were read since it changed

    def rests(self, grab: Grab) -> bool:
        """Whether there is nothing in it to read. What is no picture does not rest: it has to be told."""
        if self._again_s <= 0:
            return False
        small = _small(grab)
        if small is None or self._read is None or small.shape != self._read.shape or _differ(small, self._read):
            self._changed_s, self._since = grab.arrived_s, 0
        settled = grab.arrived_s - self._changed_s >= SETTLE_S and self._since >= SETTLE_FRAMES
        if settled and grab.arrived_s - self._read_s < self._again_s:
            return True
        self._read, self._read_s, self._since = small, grab.arrived_s, self._since + 1
        return False


def _small(grab: Grab) -> Image | None:
    """The mean of each cell, uint8 BGR; of an encoded picture decoded no further than that."""
    if isinstance(grab.content, bytes):
        try:
            return cv2.imdecode(np.frombuffer(grab.content, np.uint8), cv2.IMREAD_REDUCED_COLOR_8)  # type: ignore[return-value]
        except cv2.error:  # no bytes at all, or more pixels than permitted
            return None
    height, width = grab.content.shape[:2]
    size = max(1, width // CELL), max(1, height // CELL)
    return cv2.resize(grab.content, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _differ(one: Image, other: Image) -> bool:
    by = cv2.absdiff(one, other)
    return float(by.max()) > max(_LEAST, _NOISES * float(np.median(by)))
