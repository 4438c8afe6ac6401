"""The answers of a live source whose frames are pictures: a region stays where it is, so it is its own track."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from edgeproof.page.geometry import Box
from edgeproof.page.reading import Digit, Reading, Region
from edgeproof.tracking.numbers import AWAY_S, EVEN, SETTLE_S, Event, Kind, TrackedNumber
from edgeproof.tracking.tracker import GAP_S, SEEN, Spell, Tracked
from edgeproof.tracking.tracks import Track

HISTORY_S = 20.0  # of which a person is shown what a picture was
MOST_SPELLS = 100  # in that time


class RegionTracker:
    """Takes the readings of one source, one after the other. It remembers a few seconds, however long it runs."""

    def __init__(self) -> None:
        self._places: list[_Place] = []
        self._spells: deque[_Spell] = deque(maxlen=MOST_SPELLS)
        self._last_s: float | None = None
        # The tracker's own clocks only go on: since its beginning, and less what is pauses between frames.
        self._now_s = self._looked_s = 0.0

    def update(self, time_s: float, reading: Reading) -> Tracked:
        """What is known after `reading`, of a frame that was taken `time_s` after the start of the source.

        Frames may come at any rate. A time that goes back, as when a source begins anew, counts as none.
        """
        passed = 0.0 if self._last_s is None else max(0.0, time_s - self._last_s)
        self._last_s = time_s
        looked = min(passed, GAP_S)
        self._now_s, self._looked_s = self._now_s + passed, self._looked_s + looked
        missing = range(len(self._places) + 1, len(reading.regions) + 1)
        self._places += [_Place(id) for id in missing]
        pairs = list(zip(self._places, reading.regions, strict=True))
        events = [place.update(region, looked, time_s, self._looked_s) for place, region in pairs]
        digits = tuple(place.shown(region.box) for place, region in pairs)
        return Tracked(
            tuple(place.id for place, region in pairs if region.answer is not None),
            tuple(digit for digit in digits if digit is not None),
            tuple(place.number(region.box) for place, region in pairs if place.told is not None),
            tuple(event for event in events if event is not None),
            self._history(digits),
        )

    def _history(self, digits: Sequence[Digit | None]) -> tuple[Spell, ...]:
        """Of a picture that is one region: of several a person could not follow it."""
        if len(digits) != 1:
            return ()
        text = digits[0].name if digits[0] else ""
        if not self._spells or self._spells[-1].text != text:
            self._spells.append(_Spell(text, self._now_s))
        while len(self._spells) > 1 and self._now_s - self._spells[1].since_s > HISTORY_S:
            self._spells.popleft()
        begun = [max(spell.since_s, self._now_s - HISTORY_S) for spell in self._spells]
        ended = [*begun[1:], self._now_s]
        return tuple(Spell(spell.text, b - a) for spell, a, b in zip(self._spells, begun, ended, strict=True))


@dataclass(frozen=True)
class _Spell:
    """text: what it was, "" for nothing sure. since_s: by the tracker's clock."""

    text: str
    since_s: float


@dataclass
class _Place:
    """A region, told of or not. id: its number, from 1. told: what a person knows, None for nothing; told_s: since when, by the
    source's clock. track: what it holds; None for nothing yet, or nothing any more. score: of `told`, when it was seen last."""

    id: int
    told: str | None = None
    told_s: float = 0.0
    track: Track | None = field(default=None, init=False)
    score: float = field(default=0.0, init=False)

    def update(self, region: Region, passed: float, time_s: float, now_s: float) -> Event | None:
        """Add to what it holds; what is to be told of that."""
        if self.track is not None:
            self.track.holds.pass_time(passed)
        if region.answer is None:
            if self.track is not None:
                self.track.miss(SEEN, passed)
        elif self.track is None:
            self.track = Track.of(self.id, region.answer, now_s)
        else:
            self.track.take(region.answer, passed, now_s)
        if (
            self.track is not None
            and region.answer is not None
            and region.answer.name == self.track.name[1] == self.told
        ):
            self.score = self.track.score
        return self._news(region.box, time_s, now_s)

    def _news(self, box: Box, time_s: float, now_s: float) -> Event | None:
        track, before = self.track, self.told
        if track is None:
            return None
        if not track.remembered(now_s, AWAY_S):
            self.track = self.told = None
            return None if before is None else self._event("gone", before, None, box, time_s)
        settled = track.shown and track.score >= EVEN and now_s - track.since_s >= SETTLE_S
        if not settled or track.name[1] == before:
            return None
        self.told, self.score = track.name[1], track.score
        if before is None:
            self.told_s = time_s
        return self._event("appeared" if before is None else "changed", self.told, before, box, time_s)

    def _event(self, kind: Kind, text: str, before: str | None, box: Box, time_s: float) -> Event:
        return Event(kind, self.id, text, before, self.score, box, time_s)

    def shown(self, box: Box) -> Digit | None:
        track = self.track
        return Digit(*track.name, track.score, box) if track is not None and track.shown else None

    def number(self, box: Box) -> TrackedNumber:
        return TrackedNumber(self.id, str(self.told), self.score, box, self.told_s)
