"""The side of a reader that goes on: it tries what is staged in the background, and changes over between two frames."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import EdgeproofError, GateError, IntegrityError, UsageError
from edgeproof.page.reader import Reader
from edgeproof.slots.folder import Slots, line_of
from edgeproof.slots.trial import CurrentFailedError, Trial, check_fits
from edgeproof.slots.update import Open, Openers
from edgeproof.slots.verdict import Counts, judge

LOOK_S = 0.2  # between two looks at the links
WAITING = 4  # frames' inputs that may wait for the trial; more are dropped, for no frame shall wait
LOCK_S = 1.0  # to become the reader that is in charge: who only asks for the lock has it for a moment
_HARMLESS = (KeyboardInterrupt, SystemExit, OSError)  # ends of a run of which no model is the cause

Event = Literal["updated", "refused", "rolled_back"]


@dataclass(frozen=True)
class News:
    """event: what happened. reason: one line. reader: to go on with, None where it is the one that is at work. said: whether
    people were told already."""

    event: Event
    reason: str
    reader: Reader | None = None
    said: bool = False


class Follower:
    """A reader's part in updates. Use as a context manager; `see` and `news` are called between frames and return at once.

    reader: to begin with. model_failed: set it when a frame was not answered, for then the end of the run counts as a death.
    Of several readers with one folder the first is in charge: it judges what is staged, and its deaths count; the others follow,
    and one of them is in charge when it ends.
    """

    def __init__(self, slots: Slots, open_reader: Open, openers: Openers, say: Callable[[str], None]) -> None:
        """open_reader: as frames are read, with what was tuned here. openers: for trials. say: takes a line for people, about a
        start that went back, and about what cannot be done now and will be tried again.
        """
        self._slots, self._open, self._openers, self._say = slots, open_reader, openers, say
        self.model_failed = False
        self._said = ""
        self._inputs: queue.Queue[NDArray[np.uint8]] = queue.Queue(WAITING)
        self._news: queue.Queue[News] = queue.Queue()
        self._trying = False
        self._stop = threading.Event()
        self._stack = ExitStack()
        self._charge = ExitStack()
        self._in_charge = self._trusted = False
        self._running: Path | None = None
        self._thread = threading.Thread(target=self._run, name="slots", daemon=True)

    def __enter__(self) -> Follower:
        """Open current, or previous where current does not load, or its runs died, and that one does.

        Raises UsageError where there is no current version, and what `open_reader` raises of current; nothing has changed then.
        """
        with ExitStack() as undo:
            self._slots.required()
            self._charge = undo.enter_context(ExitStack())
            self._take_charge()
            try:
                self.reader, self._running = self._begun()
            except (EdgeproofError, *_HARMLESS):
                self._ended(None)  # what was to be blamed on current was gone back from
                raise
            self._stack = undo.pop_all()
        self._began_s = time.monotonic()
        self._thread.start()
        return self

    def _begun(self) -> tuple[Reader, Path]:
        """The reader, and the folder of its bundle."""
        if self._in_charge:
            with contextlib.suppress(BlockingIOError), self._slots.alone(".update"):
                self._slots.tidy()
            before = self._slots.linked("current")
            if told := self._slots.begin(self._openers.check):
                self._say(told) if self._slots.linked("current") == before else self._went_back(told)
        running = self._running = self._slots.required()
        try:
            return self._open(running), running
        except (IntegrityError, UsageError, OSError) as error:  # a usage error: it has not what this reader asks for
            previous = self._slots.linked("previous")
            if not self._in_charge or previous in (None, running):
                raise
            reader = self._opened_instead(previous)
            if reader is None:
                raise
            why = line_of(error)
            self._slots.roll_back(why, self._openers.check)
            self._went_back(f"{running.name}: {why}")
            return reader, previous

    def _opened_instead(self, previous: Path) -> Reader | None:
        """None where it does not open either: then what is wrong may be no fault of current, and nothing is dropped for it."""
        try:
            return self._open(previous)
        except (EdgeproofError, OSError):
            return None

    def _went_back(self, why: str) -> None:
        """Told at once, for what follows may fail before the first frame."""
        told = f"now with {self._slots.required().name}, the previous version: {why}"
        self._say(f"rolled back: {told}")
        self._news.put(News("rolled_back", told, said=True))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(2.0)  # in the midst of a call it goes with the process, as any that is killed
        self._ended(error)
        self.reader.close()
        self._stack.close()

    def _ended(self, error: BaseException | None) -> None:
        """A run that ends so, which is no death for anything but a model's failure."""
        own = isinstance(error, EdgeproofError) and not isinstance(error, IntegrityError)
        well = not self.model_failed and (error is None or own or isinstance(error, _HARMLESS))
        if well and self._in_charge and self._running:
            with contextlib.suppress(OSError, EdgeproofError):
                self._slots.ended_well(self._running)

    def see(self, images: NDArray[np.uint8]) -> None:
        """What the model was shown of a frame, uint8 (N, *shape); kept where a trial goes on and has room for it."""
        if self._trying and len(images):
            with contextlib.suppress(queue.Full):
                self._inputs.put_nowait(images)

    def news(self) -> News | None:
        """What happened since the last frame, or nothing."""
        try:
            return self._news.get_nowait()
        except queue.Empty:
            return None

    def _take_charge(self, patience_s: float = LOCK_S) -> bool:
        """Become the reader that is in charge, where no other is, until `_charge` is closed."""
        end = time.monotonic() + patience_s
        while not self._in_charge:
            try:
                self._charge.enter_context(self._slots.alone(".reader"))
                self._in_charge = True
            except BlockingIOError:
                if time.monotonic() >= end:
                    return False
                time.sleep(0.02)
        return True

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self._look()
            except Exception as error:  # a disk that is full, a version that does not load: it is looked at again
                if line_of(error) != self._said:
                    self._said = line_of(error)
                    self._say(f"{self._slots.folder}: {self._said}")
                self._stop.wait(1.0)

    def _look(self) -> None:
        if not self._in_charge and self._take_charge(0.0):  # the one that was ended
            self._slots.begin(self._openers.check)
        current, staged = self._slots.linked("current"), self._slots.linked("staged")
        if current is not None and current != self._running:
            self._change(current, _warm(self._open(current)))
        elif staged is not None and staged != current and self._in_charge:
            with contextlib.suppress(BlockingIOError), self._slots.alone(".trial"):
                if self._slots.linked("staged") == staged:
                    self._try(staged)
        elif self._in_charge and not (self._trusted or self.model_failed) and current is not None and self._ran_long():
            self._slots.trust(current)
            self._trusted = True

    def _ran_long(self) -> bool:
        return time.monotonic() - self._began_s >= self._slots.bounds.probation_s

    def _change(self, folder: Path, reader: Reader) -> None:
        """To a version that another process made current."""
        if self._in_charge:
            self._slots.begin(self._openers.check)
        event: Event = "rolled_back" if self._slots.state.outcome == "rolled back" else "updated"
        self._go_on_with(folder, News(event, f"now with {folder.name}", reader))

    def _go_on_with(self, folder: Path, news: News) -> None:
        self._running, self._began_s, self._trusted = folder, time.monotonic(), False
        self._news.put(news)

    def _try(self, staged: Path) -> None:
        """Commit, and go on with it, or refuse. Raises what keeps current from being opened a second time, or from answering: no
        fault of what is staged, which `edgeproof update` then tries itself."""
        with _warm(self._openers.current(self._slots.required())) as current:
            counts: Counts | None = None
            try:
                attempts = self._slots.count_attempt(staged)
                if attempts > self._slots.bounds.deaths:
                    raise GateError(f"expected a trial that ends, found {attempts - 1} in which this process died")
                new = _warm(self._openers.new(staged))
                counts = self._counted(current, new)
                if counts is None:
                    self._slots.count_attempt(staged, -1)
                    return
                judge(counts, self._slots.bounds)
            except CurrentFailedError:
                self._slots.count_attempt(staged, -1)
                raise
            except Exception as error:  # whatever a runtime calls it, it is about what was staged
                self._slots.refuse(staged, error, counts)
                self._news.put(News("refused", f"{staged.name} was refused: {line_of(error)}"))
                return
        if self._slots.commit(staged, counts, running=True):
            self._go_on_with(staged, News("updated", f"now with {staged.name}: {counts}", new))

    def _counted(self, current: Reader, new: Reader) -> Counts | None:
        """Of a trial beside a second instance of current, so that the one at work waits for nothing; None when the run ends
        first."""
        check_fits(current, new)
        with self._shown():
            trial = Trial(current, new, self._slots.bounds)
            began = time.monotonic()
            while not trial.over and time.monotonic() - began < trial.seconds:
                if self._stop.is_set():
                    return None
                with contextlib.suppress(queue.Empty):
                    images = self._inputs.get(timeout=0.1)
                    asked = time.monotonic()
                    trial.compare(images)
                    self._stop.wait(time.monotonic() - asked)  # half of a core at most: frames come first
            return trial.finish()

    @contextlib.contextmanager
    def _shown(self) -> Iterator[None]:
        """While the block lasts, `see` keeps what it is shown."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._inputs.get_nowait()
        self._trying = True
        try:
            yield
        finally:
            self._trying = False


def _warm(reader: Reader) -> Reader:
    reader.warm_up()
    return reader
