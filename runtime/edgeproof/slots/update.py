"""The verb's side of an update: copy, verify, let a reader try it or try it here, and say what came of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from edgeproof.errors import EdgeproofError, GateError, IntegrityError, UnavailableError, UsageError
from edgeproof.page.reader import Reader
from edgeproof.slots import trial
from edgeproof.slots.folder import Check, Slots, State, line_of
from edgeproof.slots.trial import Trial
from edgeproof.slots.verdict import Counts, judge

Open = Callable[[Path], Reader]  # a reader with the bundle in a folder, its golden answers replayed here
GIVEN_UP = 10  # times as long as a trial looks at frames: that a reader may take for all of it, on a small board too
TAKEN_UP_S = 2.0  # within which a reader that goes on has begun its trial; else it hangs, or its source does
POLL_S = 0.05
_KINDS: dict[int, type[EdgeproofError]] = {kind.exit_code: kind for kind in (IntegrityError, UnavailableError)}


@dataclass(frozen=True)
class Openers:
    """How bundles in the slots are opened, as they rank themselves, without what was tuned here: a new version has none of it.

    check: raises where a bundle's folder is not to be trusted. new: opens what is trusted alone. current: opens what is current,
    to compare a new one with it, whoever signed it: it runs here now, and a device goes from unsigned bundles to signed ones.
    """

    check: Check
    new: Open
    current: Open


@dataclass(frozen=True)
class Updated:
    """folder: of the new version. counts: None where there was nothing to compare it with. live: whether a reader tried it."""

    folder: Path
    counts: Counts | None
    live: bool


def update(bundle: Path, slots: Slots, openers: Openers, crops: Path | None = None) -> Updated | None:
    """Put a bundle into the slots. None when it is the current version already.

    crops: folder of labelled crops, one folder per class. Raises GateError or IntegrityError when it was refused, UsageError
    where a folder of crops has none, and what the openers raise; then current is what it was.
    """
    if crops:
        trial.crops_in(crops)
    openers.check(bundle)
    slots.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(slots.alone(".update"))
        except BlockingIOError:
            raise UsageError(f"{slots.folder}: expected no other update, found one at work: wait for it") from None
        slots.tidy()
        stored = slots.store(bundle, openers.check)
        if stored == slots.linked("current"):
            return None
        try:
            return _tried(stored, slots, openers, crops)
        except (EdgeproofError, KeyboardInterrupt) as error:
            why = error if isinstance(error, EdgeproofError) else GateError("interrupted")
            slots.refuse(stored, why)
            slots.tidy()
            raise


def _tried(stored: Path, slots: Slots, openers: Openers, crops: Path | None) -> Updated:
    with ExitStack() as stack:
        new = stack.enter_context(openers.new(stored))
        before, broken = _compared(slots, openers.current)
        if before is None:
            return _replaced(stored, slots, broken, None)
        stack.enter_context(before)
        trial.check_fits(before, new)
        counts = trial.labelled(before, new, crops)
        judge(counts, slots.bounds)
        here = Trial(before, new, slots.bounds, counts)
        if broken:
            return _replaced(stored, slots, broken, here)
        slots.stage(stored)
        state, live = _verdict(stored, slots, here)
    if state.outcome != "committed":
        raise _KINDS.get(state.exit_code, GateError)(state.reason)
    found = state.counts or counts
    told = replace(found, labelled=counts.labelled, lost=counts.lost, gained=counts.gained)
    return Updated(stored, told, live=live)


def _compared(slots: Slots, open_current: Open) -> tuple[Reader | None, list[str]]:
    """The current version, or the previous one where that does not load, or nothing; and why those do not that come before."""
    broken: list[str] = []
    for slot in ("current", "previous"):
        if folder := slots.linked(slot):
            try:
                return open_current(folder), broken
            except IntegrityError as error:
                broken.append(line_of(error))
    return None, broken


def _replaced(stored: Path, slots: Slots, broken: Sequence[str], here: Trial | None) -> Updated:
    """In the place of what does not load, or of nothing, when it is no worse than the previous version, where that one loads.

    Not before: until then the folder is what it was, and a reader may still have current open from before it was damaged.
    """
    counts = here.finish() if here else None
    if counts:
        judge(counts, slots.bounds)
    for why in broken:
        slots.leave_current(why)
    slots.stage(stored)
    slots.commit(stored, counts, running=False)
    return Updated(stored, counts, live=False)


def _verdict(stored: Path, slots: Slots, here: Trial) -> tuple[State, bool]:
    """What the reader that goes on made of what is staged, or what `here` did: where there is none, or none that takes it up; and
    whether it was the reader."""
    live, began = True, time.monotonic()
    while slots.linked("staged") == stored:
        waited = time.monotonic() - began
        died = slots.state.attempts > 0 and not slots.held(
            ".trial"
        )  # the reader, in its trial: it is to be tried live once more
        if not died and (waited > TAKEN_UP_S or not slots.held(".reader")):
            with contextlib.suppress(BlockingIOError), slots.alone(".trial"):
                if slots.linked("staged") == stored:
                    live = False
                    judge(here.finish(), slots.bounds)
                    slots.commit(stored, here.counts, running=False)
                break
        if waited > TAKEN_UP_S + GIVEN_UP * slots.bounds.seconds:
            found = "that it died in the trial" if died else "none: does it hang?"
            raise GateError(f"expected a verdict of the reader within {waited:.0f} s, found {found}")
        time.sleep(POLL_S)
    state = slots.state
    if state.bundle != stored.name:
        raise GateError("expected the verdict on this update, found that on another: run it again")
    return state, live
