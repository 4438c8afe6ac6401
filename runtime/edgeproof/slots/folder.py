"""The slots folder: which bundle is `current`, `previous` or `staged`, and what has become of the last update.

    SLOTS/   current  previous  staged   links to   bundle-<hash of its content>/
             state.json   .update  .trial  .reader  locks of those who update, judge and read

A link is replaced in one rename, and flushed; an update changes `previous`, then `current`, then takes `staged` away. Killed in
between, it leaves `current` on the one version or the other, both whole, and whoever comes next finishes what was decided.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from edgeproof.errors import EdgeproofError, IntegrityError, UnavailableError, UsageError
from edgeproof.manifest_file import parsed
from edgeproof.slots.verdict import Bounds, Count, Counts
from edgeproof.support import command, files, tables
from edgeproof.support.tables import Pattern, Text

Slot = Literal["current", "previous", "staged"]
Lock = Literal[".update", ".trial", ".reader"]
Outcome = Literal["none", "staged", "committed", "refused", "rolled back"]
Check = Callable[[Path], object]  # raises where a bundle's folder is damaged, or not to be trusted

STATE = "state.json"
MAX_STATE_BYTES = 2**16
MAX_REASON = 2000
LOCKED_S = 30.0  # that another process may change the folder: hashes of large models on a slow card are the most
_NAME = r"bundle-[0-9a-f]{16}"


@dataclass(frozen=True)
class State:
    """What the links do not say.

    bundle: folder that the outcome is about, empty for "none". reason: one line, empty where there is nothing to say. exit_code:
    0, or that of the reason. counts: of the trial. attempts: trials that were begun of what is staged.
    probation: folder of the version that is not trusted yet, or empty. unfinished: runs of it that began and have not ended well.
    """

    bundle: Annotated[str, Pattern(rf"({_NAME})?", "a bundle's folder")] = ""
    outcome: Outcome = "none"
    reason: Annotated[str, Text(MAX_REASON, least=0)] = ""
    exit_code: Annotated[int, tables.Range(0, 7)] = 0
    counts: Counts | None = None
    attempts: Count = 0
    probation: Annotated[str, Pattern(rf"({_NAME})?", "a bundle's folder")] = ""
    unfinished: Count = 0


def default_folder() -> Path:
    """`edgeproof/slots` under XDG_STATE_HOME, or else under ~/.local/state."""
    stated = os.environ.get("XDG_STATE_HOME", "")
    try:
        state = Path(stated) if Path(stated).is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError:
        raise UsageError("--slots: expected a home folder, found none: say --slots DIR") from None
    return state / "edgeproof" / "slots"


class Slots:
    """One slots folder. Each method leaves it whole, whenever the process is killed."""

    def __init__(self, folder: Path | None = None, bounds: Bounds | None = None) -> None:
        self.folder = (folder or default_folder()).absolute()
        self.bounds = bounds or Bounds()

    def linked(self, slot: Slot) -> Path | None:
        """The bundle folder in a slot, None where there is none."""
        try:
            name = str((self.folder / slot).readlink())
        except OSError:
            return None
        path = self.folder / name
        return path if re.fullmatch(_NAME, name) and path.is_dir() else None

    def required(self) -> Path:
        """The bundle folder in `current`. Raises UsageError where there is none."""
        current = self.linked("current")
        if current is None:
            raise UsageError(
                f"{self.folder}: expected a current version, found none: edgeproof update BUNDLE --slots DIR puts one there"
            )
        return current

    @property
    def state(self) -> State:
        """What is written; of a file that is missing or damaged, that nothing is known."""
        path = self.folder / STATE
        try:
            return tables.from_table(State, parsed(files.read_bounded(path, MAX_STATE_BYTES), str(path)), str(path))
        except (IntegrityError, UsageError, OSError):
            return State()

    @contextlib.contextmanager
    def alone(self, lock: Lock) -> Iterator[None]:
        """As the only one that updates, judges or reads for good. Raises BlockingIOError where another does."""
        path = self.folder / lock
        if not path.exists():  # it may be another user's
            path.touch()
        with files.locked(path, wait=False):
            yield

    def held(self, lock: Lock) -> bool:
        """Whether some process has it now."""
        try:
            with self.alone(lock):
                return False
        except BlockingIOError:
            return True

    def store(self, bundle: Path, check: Check) -> Path:
        """A copy of a bundle's folder, named by its content, that `check` let pass: what is checked is what stays."""
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".writing-", ignore_cleanup_errors=True) as name:
            staging = Path(name) / "bundle"
            # Readable for a reader that is another user than who brought it.
            shutil.copytree(bundle.resolve(), staging, copy_function=shutil.copyfile)
            staging.chmod(0o755)
            check(staging)
            content = files.content_hash(staging)
            final = self.folder / f"bundle-{content[:16]}"
            if final.is_dir() and files.content_hash(final) == content:
                return final
            files.sync_tree(staging)
            if final.is_dir():  # it was damaged there
                final.rename(staging.with_name("damaged"))
            staging.rename(final)
            files.sync_directory(self.folder)
        return final

    def stage(self, stored: Path) -> None:
        """Offer it to whoever judges."""
        with self._changing():
            kept = self.state  # current may be in probation, which goes on
            self._write(State(stored.name, "staged", probation=kept.probation, unfinished=_blamed(kept)))
            self._link("staged", stored)

    def count_attempt(self, stored: Path, by: int = 1) -> int:
        """How many trials of what is staged have not ended, this one included: so written before it may crash.

        by: 1 before one, −1 after one that was broken off in good order.
        """
        with self._changing():
            state = self.state
            before = state.attempts if state.bundle == stored.name else 0
            self._write(replace(state, bundle=stored.name, outcome="staged", attempts=max(0, before + by)))
            return before + by

    def commit(self, stored: Path, counts: Counts | None, *, running: bool) -> bool:
        """What is staged becomes current, in probation, and current previous. False where it is not staged any more.

        A current version that is in probation itself goes, if there is a previous one: this stays, for it has passed its own.

        running: whether this very process goes on with it.
        """
        with self._changing():
            if self.linked("staged") != stored:
                return False
            current, previous = self.linked("current"), self.linked("previous")
            unproven = current is not None and self.state.probation == current.name
            if current not in (None, stored) and not (unproven and previous not in (None, stored)):
                self._link("previous", current)
            self._link("current", stored)
            self._committed(stored, counts, int(running))
            return True

    def _committed(self, stored: Path, counts: Counts | None, unfinished: int) -> None:
        self._write(State(stored.name, "committed", counts=counts, probation=stored.name, unfinished=unfinished))
        self._unlink("staged")

    def refuse(self, stored: Path, error: Exception, counts: Counts | None = None) -> None:
        """What was stored goes, with the reason; current stays."""
        with self._changing():
            if self.linked("staged") not in (None, stored) or self.linked("current") == stored:
                return  # another update, or a reader that was quicker
            kept, code = self.state, command.exit_code(error)
            state = State(
                stored.name, "refused", line_of(error), code, counts, 0, kept.probation, _blamed(kept, going_on=1)
            )
            self._write(state)
            self._unlink("staged")

    def roll_back(self, reason: str, check: Check) -> Path:
        """Previous becomes current again, and there is no previous one any more. Returns its folder.

        Raises UsageError where there is none, and what `check` raises of it; then nothing has changed.
        """
        with self._changing():
            return self._roll_back(reason, check)

    def leave_current(self, reason: str) -> None:
        """Current does not load: previous takes its place as it is, or nothing does."""
        with self._changing():
            if self.linked("previous") in (None, self.linked("current")):
                self._unlink("current")
            else:
                self._roll_back(reason, lambda _previous: None)

    def _roll_back(self, reason: str, check: Check) -> Path:
        self._finish()  # or what is left staged of a commit would be tried again
        current, previous = self.linked("current"), self.linked("previous")
        if previous is None or previous == current:
            raise UsageError(
                f"{self.folder}: expected a previous version to go back to, found none: edgeproof update BUNDLE"
            )
        check(previous)
        self._link("current", previous)
        self._unlink("previous")
        self._write(State(current.name if current else "", "rolled back", reason))
        return previous

    def begin(self, check: Check) -> str:
        """Count a run that begins with current. Returns what is to be told: it was gone back, for runs before this one died; or
        it would have been, but `check` does not let the previous version pass."""
        with self._changing():
            self._finish()
            state, current = self.state, self.linked("current")
            if current is None or state.probation != current.name:
                return ""
            if _blamed(state) >= self.bounds.deaths:
                reason = f"{_blamed(state)} runs of it died within their first {self.bounds.probation_s:.0f} s"
                try:
                    self._roll_back(reason, check)
                except UsageError:  # the first version of all: nothing else is there to run
                    return ""
                except (EdgeproofError, OSError) as error:
                    return f"{current.name}: {reason}; it stays, for the previous version is refused: {line_of(error)}"
                return f"{current.name}: {reason}"
            self._write(replace(state, unfinished=state.unfinished + 1))
        return ""

    def ended_well(self, running: Path) -> None:
        """Take back what `begin` counted."""
        with self._changing():
            state = self.state
            if state.probation == running.name and state.unfinished:
                self._write(replace(state, unfinished=state.unfinished - 1))

    def trust(self, running: Path) -> None:
        """End the probation of the version that this process has run for long enough."""
        with self._changing():
            if self.state.probation == running.name:
                self._write(replace(self.state, probation="", unfinished=0))

    def tidy(self) -> None:
        """Finish what a killed process had decided, and remove what no slot has. Only for who updates, or where nobody does."""
        with self._changing():
            self._finish()
            kept = {self.linked(slot) for slot in ("current", "previous", "staged")}
            for path in self.folder.iterdir():
                if re.fullmatch(rf"{_NAME}|\.writing-.*", path.name) and path not in kept:
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name.startswith(f".{STATE}-"):
                    path.unlink(missing_ok=True)

    def _finish(self) -> None:
        """What a process had decided that was killed before it was done."""
        state, current, staged = self.state, self.linked("current"), self.linked("staged")
        if staged is not None and staged == current:
            self._committed(staged, state.counts, 0)
        elif staged is not None and (state.bundle, state.outcome) == (staged.name, "refused"):
            self._unlink("staged")
        if current is not None and self.linked("previous") == current:
            self._unlink("previous")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Alone. Raises UnavailableError where another process does not let go: it hangs, for each has it for a moment only."""
        with contextlib.ExitStack() as stack:
            end = time.monotonic() + LOCKED_S
            while True:
                try:
                    stack.enter_context(files.locked(self.folder, wait=False))
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise UnavailableError(
                            f"{self.folder}: expected to have it within {LOCKED_S:.0f} s, found that another process holds it: "
                            "does an edgeproof update, rollback or read hang?"
                        ) from None
                    time.sleep(0.01)
            yield

    def _link(self, slot: Slot, stored: Path) -> None:
        link = self.folder / f".{slot}-link"
        link.unlink(missing_ok=True)
        link.symlink_to(stored.name, target_is_directory=True)
        link.replace(self.folder / slot)
        files.sync_directory(self.folder)

    def _unlink(self, slot: Slot) -> None:
        (self.folder / slot).unlink(missing_ok=True)
        files.sync_directory(self.folder)

    def _write(self, state: State) -> None:
        files.write_atomic(self.folder / STATE, json.dumps(tables.to_table(state), indent=1).encode() + b"\n")


def _blamed(state: State, going_on: int = 0) -> int:
    """Runs that current is blamed for: not those that died in a trial of what is staged. going_on: trials that have not ended."""
    return max(0, state.unfinished - max(0, state.attempts - going_on))


def line_of(error: Exception) -> str:
    """A refusal in one line, as a state may hold it."""
    return command.one_line(command.describe(error))[:MAX_REASON]
