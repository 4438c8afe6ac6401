"""The digits and numbers of a live source, from the readings of its frames: steady where those flicker.

Each digit of a reading is given to one track, a place on the sheet. What stands at a place is a belief that every frame adds to, so
a digit that is missed or misread now and then stays what it is, and one that was rewritten changes within a fraction of a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.geometry import Box
from edgeproof.page.reader import Digit, Reading
from edgeproof.tracking.assignment import assign
from edgeproof.tracking.belief import STATES, SURE, Belief
from edgeproof.tracking.motion import SIZE, Digits, Motion, common_motion
from edgeproof.tracking.numbers import AWAY_S, Before, Event, Numbers, Place, TrackedNumber, befores

TRUST = 0.95  # a reading is never surer than this, whatever its score: something else may have gone wrong
REPEAT_S = 0.12  # so long a digit that is misread, or not found, mostly stays so: the hand moves on
LINK_REPEAT_S = 0.4  # and a gap or a speck that is misread: little is seen of it, and it is not often written anew
LINK_TRUST = 0.8
SEEN = 0.9  # share of the frames with digits in which a given one is found
PLACE_HEIGHTS = 0.2  # how well a digit stands where the sheet's motion puts it (standard deviation)
PLACE_HEIGHTS_PER_S = 0.5  # by how much less well for each second in which it was not seen
SWAY_S = 0.15  # a hand keeps its speed for about so long
SAME_NAT = 5.5  # how much a digit where one was expected speaks for that one; a new one is as likely anywhere on the sheet

Name = tuple[int, str]  # label and name of a class


@dataclass(frozen=True)
class Tracked:
    """What a source shows now.

    digit_tracks: for each of the reading's digits, the number of its track; it stays the same as long as the digit is there.
    digits: what to show to a person, by their top edge; boxes in pixels of the frame, scores 0..1: how sure it is by now.
    numbers: those that were told, in reading order. events: what is to be told of this frame.
    """

    digit_tracks: tuple[int, ...]
    digits: tuple[Digit, ...]
    numbers: tuple[TrackedNumber, ...]
    events: tuple[Event, ...]


@dataclass
class _Track:
    """A place on the sheet that held a digit. centre: x + iy, size: width, height, pixels of the frame. seen_s: by the tracker's
    own clock. holds: a class, or None for nothing."""

    id: int
    centre: complex
    size: tuple[float, float]
    seen_s: float
    name: Name
    shown_s: float = -math.inf
    since_s: float = -math.inf
    holds: Belief[Name | None] = field(default_factory=lambda: Belief(None, REPEAT_S))
    before: Belief[Before] = field(default_factory=lambda: Belief((None, ""), LINK_REPEAT_S))

    def move(self, motion: Motion) -> None:
        self.centre = complex(motion(self.centre))
        zoom = abs(motion.factor)
        self.size = self.size[0] * zoom, self.size[1] * zoom

    def take(self, digit: Digit, passed: float, now_s: float) -> None:
        self.centre, self.size, self.seen_s = _centre(digit.box), (digit.box[2], digit.box[3]), now_s
        name, sure = (digit.label, digit.name), min(max(digit.score, 1 / STATES), TRUST)
        self.holds.see(name, sure, passed)

    def miss(self, seen: float, passed: float) -> None:
        """Nothing was read here, in a frame that shows a digit with the probability `seen`."""
        self.holds.see(None, seen, passed)

    @property
    def box(self) -> Box:
        wide, tall = self.size
        return (round(self.centre.real - wide / 2), round(self.centre.imag - tall / 2), max(1, round(wide)),
                max(1, round(tall)))  # fmt: skip


class Tracker:
    """Gives each reading of one source to what was read before. Its memory is that of a few seconds, however long it runs."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._tracks: list[_Track] = []
        self._numbers = Numbers()
        self._turn: Belief[int] = Belief(0, REPEAT_S)
        self._last_s: float | None = None
        self._now_s = 0.0  # the tracker's own clock: only goes on
        self._speed = 0j  # of the sheet, pixels per second
        self._shift, self._blind_s = 0j, 0.0  # of the sheet, pixels, and seconds since digits told its motion last

    def update(self, time_s: float, reading: Reading) -> Tracked:
        """What is known after `reading`, of a frame that was taken `time_s` after the source's start.

        Frames may come at any rate. A time before the last one is taken for the same moment: the source began anew.
        """
        passed = 0.0 if self._last_s is None else max(0.0, time_s - self._last_s)
        self._last_s = time_s
        self._now_s += passed
        self._tracks = [track for track in self._tracks if self._remembered(track)]
        self._follow(reading.digits, passed)
        found = self._pair(reading.digits)
        self._believe(reading, found, passed)
        places = [
            Place(track.id, track.name[1], track.holds.probability(track.name), track.box, track.holds.state is not None,
                  track.before.state, track.seen_s, track.since_s)
            for track in self._tracks if track.shown_s > -math.inf
        ]  # fmt: skip
        events, numbers = self._numbers.update(places, time_s, self._now_s, self._turn.state)
        shown = (track for track in self._tracks if track.holds.state is not None)
        digits = [Digit(*track.name, track.holds.probability(track.name), track.box) for track in shown]
        digits.sort(key=lambda digit: (digit.box[1], digit.box[0]))
        return Tracked(tuple(track.id for track in found), tuple(digits), numbers, events)

    def _remembered(self, track: _Track) -> bool:
        shown = self._now_s - track.shown_s <= AWAY_S or track.holds.probability(None) < SURE
        return shown and self._now_s - track.seen_s <= AWAY_S

    def _follow(self, digits: Sequence[Digit], passed: float) -> None:
        """Move all tracks as the sheet moved."""
        if not self._tracks:
            return
        before = Digits(
            np.array([track.centre for track in self._tracks]), np.array([track.size[1] for track in self._tracks]),
            [track.name for track in self._tracks],
        )  # fmt: skip
        now = Digits(
            np.array([_centre(digit.box) for digit in digits]), np.array([float(digit.box[3]) for digit in digits]),
            [(digit.label, digit.name) for digit in digits],
        )  # fmt: skip
        motion = common_motion(before, now, self._speed * passed, passed)
        for track in self._tracks:
            track.move(motion)
        self._shift, self._blind_s = self._shift + motion.shift, self._blind_s + passed
        if motion.seen:
            self._speed = self._shift / self._blind_s if self._blind_s else 0j
            self._shift, self._blind_s = 0j, 0.0
        self._speed *= math.exp(-passed / SWAY_S)

    def _pair(self, digits: Sequence[Digit]) -> list[_Track]:
        """The track of each digit; new ones for those that stand where none was."""
        known = len(self._tracks)
        gains = np.zeros((len(digits), known + len(digits)))  # the columns on the right: to be new
        if known and digits:
            gains[:, :known] = self._likeness(digits)
        columns = assign(-np.maximum(gains, 0)).tolist()
        found = []
        for i, (digit, column) in enumerate(zip(digits, columns, strict=True)):
            if column < known and gains[i, column] > 0:
                found.append(self._tracks[column])
                continue
            size = digit.box[2], digit.box[3]
            found.append(_Track(next(self._ids), _centre(digit.box), size, self._now_s, (digit.label, digit.name)))
        return found

    def _likeness(self, digits: Sequence[Digit]) -> NDArray[np.float64]:
        """How much speaks for each digit (rows) being that of each track, natural logarithm of the odds."""
        tracks = self._tracks
        there, tall = np.array([track.centre for track in tracks]), np.array([track.size[1] for track in tracks])
        here, high = np.array([_centre(digit.box) for digit in digits]), np.array([digit.box[3] for digit in digits])
        unseen = self._now_s - np.array([track.seen_s for track in tracks])
        spread = PLACE_HEIGHTS**2 + (PLACE_HEIGHTS_PER_S * unseen) ** 2
        far = np.abs(here[:, None] - there[None]) / np.maximum(high[:, None], tall[None])
        ratio = np.log(high[:, None] / tall[None])
        names = [[track.holds.probability((digit.label, digit.name)) for track in tracks] for digit in digits]
        read = np.log(0.5 * np.array(names) + 0.5 / STATES) - np.log(1 / STATES)
        fit = SAME_NAT - np.log(spread / PLACE_HEIGHTS**2) - far**2 / (2 * spread) - ratio**2 / (2 * SIZE**2) + read
        return np.asarray(fit, np.float64)

    def _believe(self, reading: Reading, found: Sequence[_Track], passed: float) -> None:
        """Add what was read to what is known."""
        taken = {track.id for track in found}
        shown = sum(track.holds.state is not None for track in self._tracks)
        # In a frame with fewer digits than before, as when the sheet moves fast, that one is missing says little.
        seen = SEEN * min(1.0, (len(found) + 0.5) / (shown + 1))
        for track in self._tracks:
            track.holds.pass_time(passed)
            track.before.pass_time(passed)
            if track.id not in taken:
                track.miss(seen, passed)
        missed = {track.id: track for track in self._tracks if track.id not in taken}
        known = {track.id for track in self._tracks}
        for track, digit in zip(found, reading.digits, strict=True):
            track.take(digit, passed if track.id in known else math.inf, self._now_s)
        self._tracks += [track for track in found if track.id not in known]
        renewed: list[int] = []
        for track in found:
            name = track.holds.state
            if name is not None:
                if name != track.name or track.since_s < 0:
                    renewed += [track.id]
                    track.since_s = self._now_s
                track.name, track.shown_s = name, self._now_s
        self._turn.pass_time(passed)
        self._turn.see(reading.turn, TRUST, passed)
        for place, before in befores(reading, [track.id for track in found]).items():
            track = found[place]
            if track.id not in known or track.id in renewed or before[0] in renewed:  # what is written anew is read anew
                track.before = Belief(before, LINK_REPEAT_S)
            neighbour = missed.get(track.before.state[0] or 0)
            # Where the one before was only missed, its place is empty or taken by the one before that: this is no news.
            if neighbour is None or before[0] not in (None, neighbour.before.state[0]):
                track.before.see(before, LINK_TRUST, passed)


def _centre(box: Box) -> complex:
    return complex(box[0] + box[2] / 2, box[1] + box[3] / 2)
