"""The frames of a camera or stream, and what has become of it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import SourceError
from edgeproof.sources.live.capture_child import Supervised
from edgeproof.sources.live.messages import Reply
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.source import Frame, Health, Source, State

HEARTBEAT_S = 0.25  # how often a source that gives nothing is told of
FROZEN_AFTER_S = 5.0  # of frames that are equal bit by bit: no sensor is that quiet


def live_frames(source: Source, options: LiveOptions | None = None) -> Iterator[Frame | Health]:
    """The newest frame of a camera or stream, again and again, each at most once; and its health, whenever that changes and
    every quarter of a second while nothing comes.

    Raises SourceError when it is lost, or does not come back in time, as `options` say.
    """
    watch = _Watch(source, options or LiveOptions())
    capture = Supervised(source, watch.options)
    try:
        while not watch.ended:
            reply, image = capture.newest(watch.taken, HEARTBEAT_S)
            before = watch.health
            watch.judge(reply, came=image is not None)
            if watch.health is not before or image is None:
                yield watch.health
            if image is not None:
                yield watch.frame(reply, image)
    finally:
        capture.end()


class _Watch:
    """What is known of a source. taken: number of the newest frame that was handed on. read: how many were."""

    def __init__(self, source: Source, options: LiveOptions) -> None:
        self.options = options
        self._name = source.name
        self.taken, self.read, self.ended = -1, 0, False
        self._first_s = self._time_s = 0.0  # monotonic clock of the first frame; of the newest, since then
        self._last_s = float("nan")  # of the newest frame, or the first answer: a process has to begin first
        self.health = Health(source.name, "live", "", time.monotonic())

    def judge(self, reply: Reply, *, came: bool) -> None:
        """Raises SourceError when there is nothing left to wait for."""
        if came:
            self._first_s = self._first_s if self.read else reply.taken_s
            self.taken, self._last_s, self.read = reply.index, time.monotonic(), self.read + 1
            frozen = reply.same_s > FROZEN_AFTER_S
            self._set("frozen" if frozen else "live", f"the same picture for {FROZEN_AFTER_S:.0f} s" if frozen else "")
            return
        self.ended = reply.ended
        if math.isnan(self._last_s):
            self._last_s = time.monotonic()
        if not reply.why:  # what came while the last frame was read counts
            self._last_s = max(self._last_s, reply.arrived_s)
        silent_s = time.monotonic() - self._last_s
        self._refuse(reply, silent_s)
        if silent_s > self._patience_s(reply):
            self._set("stalled", reply.why or f"{self._name}: no frame for {silent_s:.0f} s")

    def _patience_s(self, reply: Reply) -> float:
        """Seconds of silence that are none: of one that is being opened, and has not failed yet, also those of its opening."""
        opening = not (self.read or reply.lost)
        return self.options.silence_s + (self.options.open_timeout_s if opening else 0.0)

    def _refuse(self, reply: Reply, silent_s: float) -> None:
        options = self.options
        waits = options.on_loss == "retry" or (options.on_loss == "auto" and self.read > 0)
        if not waits:
            if reply.lost:
                raise SourceError(f"{reply.why} (after {self.taken + 1} frames)" if self.read else reply.why)
            if silent_s > self._patience_s(reply):
                raise SourceError(f"{self._name}: no frame for {silent_s:.0f} s: the camera or the network hangs")
        elif options.give_up_s is not None and silent_s > options.give_up_s:
            raise SourceError(
                f"{self._name}: expected it back within {options.give_up_s:g} s, found it still gone: "
                f"{reply.why or 'nothing comes'}"
            )

    def frame(self, reply: Reply, image: NDArray[np.uint8]) -> Frame:
        self._time_s = max(self._time_s, reply.taken_s - self._first_s)  # a correction of the clocks turns no time back
        dropped = reply.index + 1 - self.read
        return Frame(self._name, reply.index, self._time_s, image, reply.decode_ms, reply.taken_s, dropped)

    def _set(self, state: State, reason: str) -> None:
        if (state, reason) != (self.health.state, self.health.reason):
            since_s = self.health.since_s if state == self.health.state else time.monotonic()
            self.health = Health(self._name, state, reason, since_s)
