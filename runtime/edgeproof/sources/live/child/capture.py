"""The thread that reads a source and opens it again, and the newest frame that it holds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

from edgeproof.errors import SourceError, first_line
from edgeproof.sources.live.backoff import Backoff
from edgeproof.sources.live.child.clock import SourceClock
from edgeproof.sources.live.child.grab import Grab, Image, same
from edgeproof.sources.live.child.http_capture import http_grabs
from edgeproof.sources.live.child.opencv_capture import opencv_grabs
from edgeproof.sources.live.child.stillness import LOOK_S, Stillness
from edgeproof.sources.live.messages import Reply, Request
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.source import Source

MOST_LAG_S = 2.0  # by which frames may come late, by their source's own clock, before it is opened again at the newest
HUNG_AFTER_S = 2.0  # beyond its own time-outs a call into a library does not come back


class Capture:
    """One source, read for ever."""

    def __init__(self, source: Source, options: LiveOptions, first_index: int = 0) -> None:
        """first_index: number of the first frame: another process may have read the ones before."""
        self._source, self._options = source, options
        self._changed = threading.Condition()
        self._grab: Grab | None = None
        self._state = Reply(first_index - 1)
        self._ended = False
        # Since when the picture is the same; when something happened last.
        self._moving_s = self._alive_s = time.monotonic()
        self._patience_s = options.open_timeout_s
        self._stillness = Stillness(options.still_s)
        self._before = first_index - 1  # number of the last frame of the opening before, which is handed over no more
        # A daemon: a driver that hangs inside a call must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def newest(self, request: Request) -> tuple[Reply, Image | None]:
        """The newest frame, when there is one that the parent does not have; else what is known."""
        after, until_s, why = request.after, time.monotonic() + request.wait_s, ""
        while True:
            after = max(after, self._before)
            state, grab = self._newer(after, until_s - time.monotonic())
            if grab is None or state.index <= after:
                return replace(state, why=state.why or why), None
            if self._stillness.rests(grab):
                after = state.index
                time.sleep(max(0.0, min(LOOK_S, until_s - time.monotonic())))
                continue
            start = time.perf_counter()
            try:
                image = grab.image()
            except SourceError as error:  # a damaged picture is never shown to the model: the next one may be whole
                after, why = state.index, str(error)
                continue
            return replace(state, decode_ms=1000 * (time.perf_counter() - start)), image

    def _newer(self, after: int, wait_s: float) -> tuple[Reply, Grab | None]:
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._state.index > after, wait_s)
            return self._state, self._grab

    @property
    def hangs(self) -> bool:
        """Whether the thread is inside a call that does not come back."""
        return self._thread.is_alive() and time.monotonic() - self._alive_s > self._patience_s + HUNG_AFTER_S

    def _run(self) -> None:
        backoff = Backoff()
        while True:
            clock = SourceClock()
            # The first frame after a loss is news, whatever it shows.
            self._stillness, self._before = Stillness(self._options.still_s), self._state.index
            self._patience_s = self._options.open_timeout_s
            self._alive_s = time.monotonic()
            try:
                for grab in _grabs(self._source, self._options):
                    backoff.reset()
                    self._patience_s = self._options.read_timeout_s + grab.pause_s
                    self._take(grab, 0.0 if grab.stamp_s is None else clock.lag_s(grab.stamp_s, grab.arrived_s))
                self._tell("", ended=True)
                return
            except SourceError as error:
                self._tell(str(error))
            except Exception as error:  # a thread must report, or its reader waits for nothing
                why = first_line(error).replace(self._source.location, self._source.name)
                self._tell(f"{self._source.name}: capture failed: {why}")
            if self._options.on_loss == "end":  # what comes back at once was lost all the same
                return
            time.sleep(backoff.seconds())

    def _take(self, grab: Grab, lag_s: float) -> None:
        if self._grab is None or not same(self._grab, grab):
            self._moving_s = grab.arrived_s
        with self._changed:
            self._grab = grab
            self._alive_s = time.monotonic()
            self._state = Reply(
                self._state.index + 1, taken_s=grab.arrived_s - lag_s, arrived_s=grab.arrived_s,
                same_s=grab.arrived_s - self._moving_s,
            )  # fmt: skip
            self._changed.notify_all()
        if lag_s > MOST_LAG_S:
            raise SourceError(
                f"{self._source.name}: frames come {lag_s:.1f} s late: it is opened again at the newest; "
                "send smaller frames, or fewer"
            )

    def _tell(self, why: str, *, ended: bool = False) -> None:
        with self._changed:
            self._alive_s = time.monotonic()
            self._state, self._ended = replace(self._state, why=why, lost=not ended, ended=ended), ended
            self._changed.notify_all()


def _grabs(source: Source, options: LiveOptions) -> Iterator[Grab]:
    if source.location.startswith("picamera:"):
        from edgeproof.sources.live.child.picamera_capture import picamera_grabs

        grabs: Iterator[Grab] = picamera_grabs(source, options)
        return grabs
    if source.location.lower().startswith("http") and (pictures := http_grabs(source, options)) is not None:
        return pictures
    return opencv_grabs(source, options)
