"""All sources through a reader into sinks. What fails is reported, in its record and its line, and the rest goes on."""

from __future__ import annotations

import contextlib
import math
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Protocol

from edgeproof.errors import SourceError, UnavailableError, UsageError
from edgeproof.output.records import error_record, state_record
from edgeproof.output.shot import Shot
from edgeproof.output.sinks import JsonLines, Listener, Sink, Table
from edgeproof.output.window import Window
from edgeproof.page.reader import Reader
from edgeproof.sources.frames import frames_and_health
from edgeproof.sources.live.options import LiveOptions
from edgeproof.sources.source import Frame, Health, Source, State
from edgeproof.sources.watched import watched_pictures
from edgeproof.support import command
from edgeproof.support.notify import Watchdog
from edgeproof.support.terminal import printable
from edgeproof.tracking.regions import RegionTracker
from edgeproof.tracking.tracker import Tracker

if TYPE_CHECKING:
    from edgeproof.slots.follow import Follower

PROGRAM = "edgeproof"
RECENT_FRAMES = 100  # for the running median in the status line
RETRY_S = 5.0  # of a live source: when what could not be written is tried again, for a full disk may have room again
HOPELESS = 10  # frames in a row that could not be read: the next one will not be either, and a camera never ends

Plan = Sequence[tuple[str, list[Source] | SourceError]]


class User(Protocol):
    """What goes on beside the reading, and reads too."""

    def alive(self) -> None:
        """Told in every turn of the loop that reads."""

    def use(self, reader: Reader) -> None:
        """Told of the reader that takes the place of the one before."""


@dataclass
class Batch:
    """One pass over the sources.

    lines, table: where readings go; a failure of theirs ends the run, for nobody would learn of anything any more. window,
    saved, listeners: these may fail for one source and go on with the next; `saved` are closed after each. max_frames: of each
    source, None for all. live: how cameras and streams are read. follower: of the slots that the reader is from; users: who are
    told of the reader that takes its place. exit_code: that of the first failure, 0 so far.
    """

    reader: Reader
    lines: JsonLines | None = None
    table: Table | None = None
    window: Window | None = None
    saved: Sequence[Sink] = ()
    listeners: Sequence[Listener] = ()
    max_frames: int | None = None
    live: LiveOptions = field(default_factory=LiveOptions)
    show_traceback: bool = False
    follower: Follower | None = None
    users: Sequence[User] = ()
    exit_code: int = field(default=0, init=False)
    _watchdog: Watchdog = field(default_factory=Watchdog, init=False)
    _live: bool = field(default=False, init=False)  # whether a camera or stream is being read
    _health: Health | None = field(default=None, init=False)  # of the source
    _broken: dict[Sink, float] = field(default_factory=dict, init=False)  # what fails, until when (monotonic clock)
    _told: State = field(default="live", init=False)  # to the listeners
    _failure: str = field(default="", init=False)  # the last that was reported
    _degraded: bool = field(default=False, init=False)
    _turn: int = field(default=0, init=False)  # of the last frame of a video
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT_FRAMES), init=False)

    def read_all(self, plan: Plan) -> None:
        """Until the sources end, or the person closed the window."""
        for text, found in plan:
            if isinstance(found, SourceError):
                self._report(text, found)
                continue
            for source in self._each(found):
                try:
                    if not self._read(source):
                        return
                finally:
                    for sink in self.saved:
                        with self._reported(source):
                            sink.close()

    def _each(self, sources: Sequence[Source]) -> Iterator[Source]:
        """The sources, with what appears in a folder that is watched; until the person closes the window meanwhile."""
        for source in sources:
            if source.kind != "watched":
                yield source
                continue
            with self._reported(source):
                for picture in watched_pictures(source):
                    self._alive()
                    if picture:
                        yield picture
                    elif not self._idle(source):
                        return

    def _read(self, source: Source) -> bool:
        """False when the person closed the window."""
        unread = left_off = count = 0
        self._live, self._health, self._told = source.live, None, "live"
        self._broken.clear()
        self._turn, tracker = 0, self._tracker(source)
        with contextlib.closing(frames_and_health(source, self.live)) as given:
            for frame in self._reported_frames(source, given):
                self._alive()
                self._follow(source)
                if isinstance(frame, Health):
                    self._hear(source, frame)
                    if not self._idle(source):
                        return False
                    continue
                shot = self._shot(source, frame, tracker)
                count += 1
                unread = 0 if shot else unread + 1
                if unread == HOPELESS:
                    raised = f"{source.name}: {HOPELESS} frames in a row could not be read: given up"
                    self._report(source.name, SourceError(raised))
                    return True
                if shot:
                    left_off = self._tell_left_off(shot, left_off)
                    if not self._offer(shot):
                        return False
                if count == self.max_frames:
                    break
        return True

    def _alive(self) -> None:
        self._watchdog.alive()
        for user in self.users:
            user.alive()

    def _follow(self, source: Source) -> None:
        """Go on with the version that the slots have now."""
        while self.follower and (news := self.follower.news()):
            if news.reader:
                self.follower.model_failed = False  # it was the other's
                self.reader = news.reader  # the one before ends when nothing reads with it any more
                for user in self.users:
                    user.use(news.reader)
            if not news.said:
                command.complain(f"{news.event.replace('_', ' ')}: {news.reason}", program=PROGRAM)
            self._write(state_record(source.name, news.event, news.reason))

    def _tracker(self, source: Source) -> Tracker | RegionTracker | None:
        if source.kind == "picture":
            return None
        return Tracker() if self.reader.input.ink else RegionTracker()

    def _reported_frames(self, source: Source, given: Iterator[Frame | Health]) -> Iterator[Frame | Health]:
        with self._reported(source):
            yield from given

    def _idle(self, source: Source) -> bool:
        """Nothing new to show. False when the person closed the window."""
        with self._reported(source):
            return self.window is None or self.window.idle()
        return True

    def _hear(self, source: Source, health: Health) -> None:
        """Tell what has become of a source when that changes."""
        before, self._health = self._health, health
        if health.state != (before.state if before else "live"):
            after = f" after {time.monotonic() - before.since_s:.0f} s" if before and health.state == "live" else ""
            reason = health.reason.removeprefix(f"{health.source}: ")
            said = f"{health.state}: {reason}" if reason else f"{health.state} again{after}"
            command.complain(f"{printable(health.source)}: {said}", program=PROGRAM)
            self._write(state_record(health.source, health.state, health.reason))
        self._tell(source)

    def _tell(self, source: Source) -> None:
        """The listeners, when it changes: what has become of the source, and while it is live whether all can be written."""
        health = self._health or Health(source.name, "live", "", time.monotonic())
        if health.state == "live" and self._broken:
            health = Health(source.name, "degraded", self._failure, time.monotonic())
        if health.state != self._told:
            self._told = health.state
            self._announce(health)

    def _announce(self, health: Health) -> None:
        for listener in self.listeners:
            with contextlib.suppress(OSError):  # a full disk is told of where its file is written
                listener.tell(health)

    def _shot(self, source: Source, frame: Frame, tracker: Tracker | RegionTracker | None) -> Shot | None:
        with self._reported(source, frame):
            with self._blamed():
                examination = self.reader.examine(frame.image, self._turn)
            if self.follower:
                self.follower.see(examination.glyphs)
            reading = examination.reading
            self._turn = reading.turn if tracker else 0
            self._tell_degraded(source)
            start = time.perf_counter()
            tracked = tracker.update(frame.time_s, reading) if tracker else None
            track_ms = 1000 * (time.perf_counter() - start)
            self._recent.append(reading.ms["total"] + track_ms)
            facts, p50_ms = self.reader.facts, median(self._recent)
            return Shot(source, frame, reading, facts, p50_ms, examination, tracked, track_ms)
        return None

    @contextlib.contextmanager
    def _blamed(self) -> Iterator[None]:
        """What the block raises is the model's failure: a runtime's own errors too, but not what machine or frame lacks."""
        try:
            yield
        except Exception as error:
            innocent = isinstance(error, (OSError, MemoryError, UnavailableError, UsageError, SourceError))
            if self.follower and not innocent:
                self.follower.model_failed = True
            raise

    def _offer(self, shot: Shot) -> bool:
        """Every sink gets the frame, also when the person has just closed the window: then false."""
        # Of a file or picture, a failure of these ends the run; a camera is read on, and they are tried again.
        must, may = ((self.table,), (self.lines,)) if shot.source.live else ((self.lines, self.table), ())
        for whole in must:
            if whole:
                whole.take(shot)
        goes_on = True
        for sink in (*may, self.window, *self.saved, *self.listeners):
            if sink and time.monotonic() >= self._broken.get(sink, 0.0):
                again = sink in self._broken
                # Until it took the frame. Of a file it would fail for each frame.
                self._broken[sink] = time.monotonic() + RETRY_S if shot.source.live else math.inf
                with contextlib.suppress(OSError) if again else self._reported(shot.source, shot.frame):
                    goes_on = sink.take(shot) and goes_on
                    del self._broken[sink]
                    if again:
                        command.complain(f"{printable(shot.source.name)}: it can be written again", program=PROGRAM)
        if shot.source.live:
            self._tell(shot.source)
        return goes_on

    def _write(self, record: dict[str, Any]) -> None:
        """Beside the frames. Raises OSError as they do; of a camera, what does not fit on the disk is left out."""
        if self.lines:
            with contextlib.suppress(OSError) if self._live else contextlib.nullcontext():
                self.lines.write(record)

    def _tell_degraded(self, source: Source) -> None:
        """Once, when the model no longer runs where it was asked to."""
        reason = self.reader.facts.degraded
        if reason and not self._degraded:
            self._degraded = True
            command.complain(reason, program=PROGRAM)
            self._write(state_record(source.name, "degraded", reason))

    def _tell_left_off(self, shot: Shot, most: int) -> int:
        """Say it when a frame holds more than any before; the most so far."""
        reading = shot.reading
        if reading.left_off > most:
            command.complain(
                f"{printable(shot.source.name)}: frame {shot.frame.index}: {len(reading.digits) + reading.rejected} candidates "
                f"read, {reading.left_off} smaller ones left off",
                program=PROGRAM,
            )
        return max(most, reading.left_off)

    @contextlib.contextmanager
    def _reported(self, source: Source, frame: Frame | None = None) -> Iterator[None]:
        """Whatever the block raises is one item's failure, and no reason to leave the others unread.

        A mistake in the code too: its line says "unexpected", `--traceback` shows where, the exit code is 1.
        """
        try:
            yield
        except (UnavailableError, BrokenPipeError):  # the device is gone, or who read: no other item will fare better
            raise
        except Exception as error:
            self._report(source.name, error, frame if source.kind != "picture" else None)

    def _report(self, name: str, error: Exception, frame: Frame | None = None) -> None:
        self.exit_code = self.exit_code or command.exit_code(error)
        if self.show_traceback:
            traceback.print_exception(error)
        message = command.describe(error)
        if name not in message:
            message = f"{name}: frame {frame.index}: {message}" if frame else f"{name}: {message}"
        message = command.one_line(message.replace(name, printable(name)))
        command.complain(message, program=PROGRAM)
        self._failure = message
        self._write(error_record(name, message, command.exit_code(error)))
