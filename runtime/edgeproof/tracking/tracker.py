"""The digits and numbers of a live source, from the readings of its frames: steady where those flicker.

Each digit of a reading is given to one track, a place on the sheet. What stands there is a belief that every frame adds to: so a
digit that is missed or misread now and then stays what it is, and one that was rewritten changes within a fraction of a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from edgeproof.page.reading import Digit, Reading
from edgeproof.tracking import tracks
from edgeproof.tracking.belief import Belief
from edgeproof.tracking.motion import Digits, common_motion
from edgeproof.tracking.numbers import AWAY_S, Event, Numbers, TrackedNumber
from edgeproof.tracking.tracks import LINK_REPEAT_S, TRUST, Before, Track

SEEN = 0.9  # share of the frames in which a digit is found, where as many are found as there are
GAP_S = 1.0  # that a pause between two frames counts at most: what nobody looked at was not seen to go
SWAY_S = 0.2  # a hand keeps its speed for about so long


@dataclass(frozen=True)
class Spell:
    """What a picture was for some time. text: "" for nothing sure. seconds: how long, to the next or to now."""

    text: str
    seconds: float


@dataclass(frozen=True)
class Tracked:
    """What a source shows now.

    digit_tracks: the track of each of the reading's digits, a number that stays the same as long as that digit is there.
    digits: what to show to a person, by their top edge; boxes in pixels of the frame, scores 0..1: how sure they are by now.
    numbers: those that were told, in reading order; of pictures, the answers. events: what is to be told of this frame.
    history: what a picture was of late, the oldest first; empty for pages, and for pictures in several regions.
    """

    digit_tracks: tuple[int, ...]
    digits: tuple[Digit, ...]
    numbers: tuple[TrackedNumber, ...]
    events: tuple[Event, ...]
    history: tuple[Spell, ...] = ()


class Tracker:
    """Takes the readings of one source, one after the other. It remembers a few seconds, however long it runs."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._tracks: list[Track] = []
        self._numbers = Numbers()
        self._turn: Belief[int] = Belief(0, LINK_REPEAT_S)
        self._last_s: float | None = None
        self._now_s = 0.0  # the tracker's own clock: it only goes on, and stands still in pauses
        self._speed = 0j  # of the sheet, pixels per second
        # Pixels by which the sheet was moved since digits told it last, and seconds.
        self._shift, self._blind_s = 0j, 0.0

    def update(self, time_s: float, reading: Reading) -> Tracked:
        """What is known after `reading`, of a frame that was taken `time_s` after the start of the source.

        Frames may come at any rate, also one a minute. A time that goes back, as when a source begins anew, counts as none.
        """
        passed = 0.0 if self._last_s is None else min(max(0.0, time_s - self._last_s), GAP_S)
        self._last_s = time_s
        self._now_s += passed
        self._tracks = [track for track in self._tracks if track.remembered(self._now_s, AWAY_S)]
        self._follow(reading.digits, passed)
        found = self._believe(reading.digits, passed)
        self._turn.pass_time(passed)
        self._turn.see(reading.turn, TRUST, passed)
        self._link(befores(reading, [track.id for track in found]), found, passed)
        shown = [track for track in self._tracks if track.shown]
        digits = [Digit(*track.name, track.score, track.box) for track in shown]
        held = [track for track in self._tracks if track.was_shown]
        events = self._numbers.update(held, time_s, self._now_s)
        return Tracked(
            tuple(track.id for track in found),
            tuple(sorted(digits, key=lambda digit: (digit.box[1], digit.box[0]))),
            self._numbers.told(self._turn.state),
            events,
        )

    def _follow(self, digits: Sequence[Digit], passed: float) -> None:
        """Move all tracks as the sheet moved."""
        before = Digits(
            np.array([track.centre for track in self._tracks], np.complex128),
            np.array([track.size[1] for track in self._tracks], np.float64),
            [track.name for track in self._tracks],
        )
        now = Digits(
            np.array([tracks.centre(digit.box) for digit in digits], np.complex128),
            np.array([digit.box[3] for digit in digits], np.float64),
            [tracks.name_of(digit) for digit in digits],
        )
        ahead_s = -SWAY_S * math.expm1(-passed / SWAY_S)  # for which its speed of now would bring it as far
        motion = common_motion(before, now, self._speed * ahead_s, passed)
        for track in self._tracks:
            track.move(motion)
        self._shift, self._blind_s = self._shift + motion.shift, self._blind_s + passed
        if motion.seen:
            self._speed = self._shift / self._blind_s if self._blind_s else 0j
            self._shift, self._blind_s = 0j, 0.0
        self._speed *= math.exp(-passed / SWAY_S)

    def _believe(self, digits: Sequence[Digit], passed: float) -> list[Track]:
        """Add to what each track holds; returns the track of each digit."""
        paired = tracks.pair(self._tracks, digits, self._now_s)
        read = {track.id for track in paired if track is not None}
        # Where few are found of those there are, as when the sheet moves fast, that one is missing says little.
        seen = SEEN * min(1.0, (len(digits) + 0.5) / (sum(track.shown for track in self._tracks) + 1))
        for track in self._tracks:
            track.holds.pass_time(passed)
            if track.id not in read:
                track.miss(seen, passed)
        found = []
        for known, digit in zip(paired, digits, strict=True):
            if known is None:
                found.append(Track.of(next(self._ids), digit, self._now_s))
            else:
                known.take(digit, passed, self._now_s)
                found.append(known)
        self._tracks += [track for track in found if track.id not in read]
        return found

    def _link(self, read: Mapping[int, Before], found: Sequence[Track], passed: float) -> None:
        """Add to what is known of who stands before whom. read: what is read before a track, by its number."""
        appeared = {track.id for track in found if track.first_s == self._now_s}
        for track in found:
            if (before := read.get(track.id)) is not None:
                track.follow(before, passed, anew=track.since_s == self._now_s or before[0] in appeared)


def befores(reading: Reading, ids: Sequence[int]) -> dict[int, Before]:
    """What stands before each digit in its number, by the digit's track. ids: the tracks of the reading's digits."""
    found: dict[int, Before] = {}
    for number in reading.numbers:
        at, left = 0, None
        for i in number.digits:
            name = reading.digits[i].name
            start = max(at, number.text.find(name, at))
            found[ids[i]] = left, number.text[at:start]
            at, left = start + len(name), ids[i]
    return found
