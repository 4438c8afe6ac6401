"""The verb's side of an update: copy, verify, let a reader try it or try it here, and say what came of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from edgeproof.errors import EdgeproofError, GateError, IntegrityError, UsageError
from edgeproof.page.reader import Reader
from edgeproof.slots import trial
from edgeproof.slots.folder import Slots, State, line_of
from edgeproof.slots.trial import Trial
from edgeproof.slots.verdict import Counts, judge

Open = Callable[[Path], Reader]  # a reader with the bundle in a folder, its golden answers replayed here
TAKEN_UP_S = 2.0  # within which a reader that goes on has begun its trial; else it hangs, or its source does
POLL_S = 0.05


@dataclass(frozen=True)
class Updated:
    """folder: of the new version. counts: None where there was nothing to compare it with. live: whether a reader tried it."""

    folder: Path
    counts: Counts | None
    live: bool


def update(
    bundle: Path, slots: Slots, open_reader: Open, check: Callable[[Path], object], crops: Path | None = None
) -> Updated | None:
    """Put a bundle into the slots. None when it is the current version already.

    check: raises where a bundle's folder is not to be trusted. crops: folder of labelled crops, one folder per class. Raises
    GateError or IntegrityError when it was refused, and what `check` and `open_reader` raise; then current is what it was.
    """
    slots.folder.mkdir(parents=True, exist_ok=True)
    check(bundle)
    with ExitStack() as stack:
        try:
            stack.enter_context(slots.alone(".update"))
        except BlockingIOError:
            raise UsageError(f"{slots.folder}: expected no other update, found one at work: wait for it") from None
        slots.tidy()
        stored = slots.store(bundle, check)
        if stored == slots.linked("current"):
            return None
        try:
            return _tried(stored, slots, open_reader, crops)
        except (EdgeproofError, KeyboardInterrupt) as error:
            why = error if isinstance(error, EdgeproofError) else GateError("interrupted")
            slots.refuse(stored, why)
            slots.tidy()
            raise


def _tried(stored: Path, slots: Slots, open_reader: Open, crops: Path | None) -> Updated:
    with ExitStack() as stack:
        new = stack.enter_context(open_reader(stored))
        before = _current(slots, open_reader)
        if before is None:
            slots.stage(stored)
            slots.commit(stored, None, running=False)
            return Updated(stored, None, live=False)
        stack.enter_context(before)
        trial.check_fits(before, new)
        counts = trial.labelled(before, new, crops)
        judge(counts, slots.bounds)
        slots.stage(stored)
        here = Trial(before, new, slots.bounds, counts)
        state = _verdict(stored, slots, here)
    if state.outcome != "committed":
        raise (IntegrityError if state.exit_code == IntegrityError.exit_code else GateError)(state.reason)
    found = state.counts or counts
    told = replace(found, labelled=counts.labelled, lost=counts.lost, gained=counts.gained)
    return Updated(stored, told, live=found.inputs > 0)


def _current(slots: Slots, open_reader: Open) -> Reader | None:
    """The current version; the previous one where that does not load, or nothing: a device must not stay with what is broken."""
    while current := slots.linked("current"):
        try:
            return open_reader(current)
        except IntegrityError as error:
            slots.leave_current(line_of(error))
    return None


def _verdict(stored: Path, slots: Slots, here: Trial) -> State:
    """What the reader that goes on made of what is staged, or what `here` did: where there is none, or none that takes it up."""
    began = time.monotonic()
    while slots.linked("staged") == stored:
        waited = time.monotonic() - began
        if waited > TAKEN_UP_S or not slots.held(".reader"):
            with contextlib.suppress(BlockingIOError), slots.alone(".trial"):
                if slots.linked("staged") == stored:
                    judge(here.finish(), slots.bounds)
                    slots.commit(stored, here.counts, running=False)
                break
        if waited > TAKEN_UP_S + 4 * slots.bounds.seconds:
            raise GateError(f"expected a verdict of the reader within {waited:.0f} s, found none: does it hang?")
        time.sleep(POLL_S)
    state = slots.state
    if state.bundle != stored.name:
        raise GateError("expected the verdict on this update, found that on another: run it again")
    return state
