"""From tracked digits to numbers, each of them told when it appears, when it changes, and when it is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np

from edgeproof.page.geometry import Box
from edgeproof.page.numbers import lines
from edgeproof.tracking.assignment import assign
from edgeproof.tracking.tracks import Track

AWAY_S = 2.0  # what was not seen for so long is gone; a hand before it, or a look away, is mostly shorter
SETTLE_S = 0.1  # the digits of a number become sure one after the other: it is told when it stays the same for so long
EVEN = 0.5  # score from which a digit is likelier than all else

Kind = Literal["appeared", "changed", "gone"]


@dataclass(frozen=True)
class TrackedNumber:
    """A number that was told. id: from 1, the same as long as it is there, whatever becomes of its text.

    score: of its least sure digit, 0..1. box: x, y, width, height around its digits, pixels of the frame. since_s: when it was
    told first, by the source's clock.
    """

    id: int
    text: str
    score: float
    box: Box
    since_s: float


@dataclass(frozen=True)
class Event:
    """Something to tell. id, score, box: of the number. text: what it is; of one that is gone, what it was.

    before: what one that changed was before, else None. time_s: of the frame by which it is told, by the source's clock.
    """

    kind: Kind
    id: int
    text: str
    before: str | None
    score: float
    box: Box
    time_s: float


@dataclass
class _Number:
    """A number, told or not. tracks: of its digits. text: what they say now, since `since_s`. found_s: when they were found last,
    by the tracker's clock.

    told: what a person knows, None for nothing yet; then `id` says nothing. told_s: since when, by the source's clock.
    """

    since_s: float
    found_s: float
    tracks: tuple[int, ...] = ()
    text: str = ""
    score: float = 0.0
    box: Box = (0, 0, 0, 0)
    id: int = 0
    told: str | None = None
    told_s: float = 0.0

    def settled(self, now_s: float) -> bool:
        return self.score >= EVEN and now_s - self.since_s >= SETTLE_S

    def lost(self, now_s: float) -> bool:
        """Whether its digits are gone, or belong to other numbers by now."""
        return now_s - self.found_s > (SETTLE_S if self.told is not None else 0)

    def event(self, kind: Kind, before: str | None, time_s: float) -> Event:
        return Event(kind, self.id, str(self.told), before, self.score, self.box, time_s)


class Numbers:
    """The numbers of one source."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._known: list[_Number] = []

    def update(self, tracks: Sequence[Track], time_s: float, now_s: float) -> tuple[Event, ...]:
        """What is to be told of a frame. tracks: of digits that are shown, or were a short while ago.

        time_s: by the source's clock. now_s: by the tracker's.
        """
        events = []
        for chain, number in self._paired(list(_chains(tracks)), now_s):
            text = "".join(track.before.state[1] + track.name[1] for track in chain)
            if number.text != text:
                number.text, number.since_s = text, now_s
            number.tracks, number.found_s = tuple(track.id for track in chain), now_s
            number.score, number.box = min(track.score for track in chain), _union([track.box for track in chain])
            if number.told != text and number.settled(now_s) and all(track.shown for track in chain):
                events.append(self._tell(number, time_s))
        lost = [number for number in self._known if number.lost(now_s)]
        events += [number.event("gone", None, time_s) for number in lost if number.told is not None]
        self._known = [number for number in self._known if number not in lost]
        return tuple(events)

    def told(self, turn: int) -> tuple[TrackedNumber, ...]:
        """Those that a person knows of, in reading order of the frame turned clockwise by `turn` degrees."""
        told = [number for number in self._known if number.told is not None]
        order = [i for line in lines([_turned(number.box, turn) for number in told]) for i in line]
        return tuple(
            TrackedNumber(number.id, str(number.told), number.score, number.box, number.told_s)
            for number in (told[i] for i in order)
        )

    def _tell(self, number: _Number, time_s: float) -> Event:
        before, number.told = number.told, number.text
        if before is not None:
            return number.event("changed", before, time_s)
        number.id, number.told_s = next(self._ids), time_s
        return number.event("appeared", None, time_s)

    def _paired(self, chains: Sequence[Sequence[Track]], now_s: float) -> list[tuple[Sequence[Track], _Number]]:
        """Each chain with the number that most of its digits were, or a new one; of equals, with the one that was told."""
        shared = np.zeros((len(chains), len(self._known) + len(chains)))  # the columns on the right: to be new
        number_of = {id: j for j, number in enumerate(self._known) for id in number.tracks}
        for i, chain in enumerate(chains):
            for j, same in Counter(number_of[track.id] for track in chain if track.id in number_of).items():
                told = self._known[j].told is not None
                shared[i, j] = (same + EVEN * told) / (len(chain) + len(self._known[j].tracks) - same)
        paired = []
        for i, j in enumerate(assign(-shared).tolist()):
            if shared[i, j] == 0:
                self._known.append(_Number(now_s, now_s))
            paired.append((chains[i], self._known[j if shared[i, j] else -1]))
        return paired


def _chains(tracks: Sequence[Track]) -> Iterator[list[Track]]:
    """The digits of each number, from left to right. Where two claim the same one before them, the surer has it."""
    after: dict[int | None, Track] = {}
    for track in sorted(tracks, key=lambda track: (track.shown, track.score)):
        after[track.before.state[0]] = track
    after.pop(None, None)
    known = {track.id for track in tracks}
    follows = {track.id for left, track in after.items() if left in known}
    for first in tracks:
        if first.id not in follows:
            chain = [first]
            while (following := after.get(chain[-1].id)) is not None:
                chain.append(following)
            yield from _without_those_gone(chain)


def _without_those_gone(chain: Sequence[Track]) -> Iterator[list[Track]]:
    """`chain` in the parts between digits that will not come back.

    One that is missed is held; not so when others of its number have become other digits since: then it is another sheet.
    """
    part: list[Track] = []
    for track in chain:
        if track.shown or all(other.since_s <= track.seen_s for other in chain if other.shown):
            part.append(track)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _union(boxes: Sequence[Box]) -> Box:
    x, y = min(box[0] for box in boxes), min(box[1] for box in boxes)
    return x, y, max(box[0] + box[2] for box in boxes) - x, max(box[1] + box[3] for box in boxes) - y


def _turned(box: Box, turn: int) -> Box:
    """A box in the frame turned clockwise by so many degrees, shifted, which is all the same to the order."""
    x, y, wide, tall = box
    if turn == 90:
        return -y - tall, x, tall, wide
    if turn == 180:
        return -x - wide, -y - tall, wide, tall
    if turn == 270:
        return y, -x - wide, tall, wide
    return box
