"""Tracks: places on the sheet that hold a digit, what each holds by all that was read there, and which digit is which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.geometry import Box
from edgeproof.page.reading import Digit
from edgeproof.tracking.assignment import assign
from edgeproof.tracking.belief import STATES, SURE, Belief
from edgeproof.tracking.motion import SIZE, Motion

TRUST = 0.95  # a reading is never surer than this, whatever its score: something else may have gone wrong
REPEAT_S = 0.12  # a digit that is misread, or not found, mostly stays so for this long; then the hand has moved on
LINK_REPEAT_S = 0.6  # a gap or a speck between digits that is misread stays so for longer: less of it is to be seen
PLACE_HEIGHTS = 0.2  # of a digit: how well it stands where the sheet's motion puts it (standard deviation)
PLACE_HEIGHTS_PER_S = 0.5  # by how much less well for each second in which it was not seen
SAME_NAT = 5.5  # log odds that a digit where one was expected is that one: a new one may stand anywhere on the sheet

Name = tuple[int, str]  # label and name of a class
Before = tuple[int | None, str]  # the track of the digit before in its number, None for none; what is written between


@dataclass
class Track:
    """A place on the sheet. Times are in seconds by the tracker's own clock.

    id: its number. centre: x + iy, size: width and height, pixels of the frame. name: what it held last; before it is sure of
    anything, what was read first. seen_s: when it was read last. first_s, shown_s: when it was sure to hold something, first and
    last; since_s: since when it is sure of `name`; −inf for never. holds: a class, or None for nothing. before: what stands
    before it; lately: by the last few readings alone.
    """

    id: int
    centre: complex
    size: tuple[float, float]
    name: Name
    seen_s: float
    first_s: float = -math.inf
    shown_s: float = -math.inf
    since_s: float = -math.inf
    holds: Belief[Name | None] = field(default_factory=lambda: Belief(None, REPEAT_S))
    before: Belief[Before] = field(default_factory=lambda: Belief((None, ""), LINK_REPEAT_S))
    lately: Belief[Before] | None = None

    @classmethod
    def of(cls, id: int, digit: Digit, now_s: float) -> Track:
        """A place where `digit` is read for the first time."""
        track = cls(id, centre(digit.box), (digit.box[2], digit.box[3]), name_of(digit), now_s)
        track.take(digit, math.inf, now_s)
        return track

    def take(self, digit: Digit, passed: float, now_s: float) -> None:
        """`digit` is read here, `passed` seconds after the frame before."""
        self.centre, self.size, self.seen_s = centre(digit.box), (digit.box[2], digit.box[3]), now_s
        self.holds.see(name_of(digit), min(max(digit.score, 1 / STATES), TRUST), passed)
        if (name := self.holds.state) is not None:
            if name != self.name or not self.was_shown:
                self.name, self.since_s = name, now_s
                self.first_s = self.first_s if self.was_shown else now_s
            self.shown_s = now_s

    def miss(self, seen: float, passed: float) -> None:
        """Nothing is read here, in a frame that shows a digit with the probability `seen`."""
        self.holds.see(None, max(seen, 1 / STATES), passed)

    def follow(self, before: Before, passed: float, *, anew: bool) -> None:
        """`before` is read before it. anew: whether one of the two has just appeared, or is written anew: then what was known of
        them before says nothing."""
        self.lately = self.lately or Belief(before, REPEAT_S)
        for belief in (self.lately, self.before):
            belief.pass_time(passed)
            belief.see(before, TRUST, passed)
        if anew:
            self.before = Belief(self.lately.state, LINK_REPEAT_S)
            self.before.see(self.lately.state, TRUST)

    def move(self, motion: Motion) -> None:
        zoom = abs(motion.factor)
        self.centre, self.size = complex(motion(self.centre)), (self.size[0] * zoom, self.size[1] * zoom)

    def remembered(self, now_s: float, away_s: float) -> bool:
        """Whether it may come back: seen, and either shown or not yet refuted, at most `away_s` ago."""
        likely = self.holds.probability(None) < SURE
        return now_s - self.seen_s <= away_s and (likely or now_s - self.shown_s <= away_s)

    @property
    def shown(self) -> bool:
        return self.holds.state is not None

    @property
    def was_shown(self) -> bool:
        return self.first_s > -math.inf

    @property
    def score(self) -> float:
        """Probability of `name`, 0..1."""
        return self.holds.probability(self.name)

    @property
    def box(self) -> Box:
        wide, tall = self.size
        left, top = round(self.centre.real - wide / 2), round(self.centre.imag - tall / 2)
        return left, top, max(1, round(wide)), max(1, round(tall))


def pair(tracks: Sequence[Track], digits: Sequence[Digit], now_s: float) -> list[Track | None]:
    """The track of each digit, None for one that stands where none was: together the likeliest."""
    odds = np.zeros((len(digits), len(tracks) + len(digits)))  # the columns on the right: to be new
    if tracks and digits:
        odds[:, : len(tracks)] = np.maximum(_log_odds(tracks, digits, now_s), 0)
    columns = assign(-odds).tolist()
    return [tracks[column] if odds[row, column] > 0 else None for row, column in enumerate(columns)]


def _log_odds(tracks: Sequence[Track], digits: Sequence[Digit], now_s: float) -> NDArray[np.float64]:
    """How much speaks for each digit (rows) being that of each track (columns): by place, size and what is read."""
    there, here = np.array([track.centre for track in tracks]), np.array([centre(digit.box) for digit in digits])
    before, now = np.array([track.size[1] for track in tracks]), np.array([digit.box[3] for digit in digits])
    unseen = now_s - np.array([track.seen_s for track in tracks])
    spread = PLACE_HEIGHTS**2 + (PLACE_HEIGHTS_PER_S * unseen) ** 2
    far = np.abs(here[:, None] - there[None]) / np.maximum(now[:, None], before[None])
    ratio = np.log(now[:, None] / before[None])
    each = {name: [track.holds.probability(name) for track in tracks] for name in set(map(name_of, digits))}
    held = np.array([each[name_of(digit)] for digit in digits])
    read = np.log(STATES * (held + 1 / STATES) / 2)  # it may as well be misread, or another by now
    fit = SAME_NAT - np.log(spread / PLACE_HEIGHTS**2) - far**2 / (2 * spread) - ratio**2 / (2 * SIZE**2) + read
    return np.asarray(fit, np.float64)


def centre(box: Box) -> complex:
    return complex(box[0] + box[2] / 2, box[1] + box[3] / 2)


def name_of(digit: Digit) -> Name:
    return digit.label, digit.name
