"""From tracked digits to numbers that are told once: when they appear, when they change, when they are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np

from edgeproof.page.geometry import Box
from edgeproof.page.numbers import lines
from edgeproof.page.reader import Reading
from edgeproof.tracking.assignment import assign

AWAY_S = 1.5  # after which what is not seen any more is gone; a hand before it, or a look away, is mostly shorter
SETTLE_S = 0.1  # in which the digits of a number become sure one after the other: it is told when nothing changes any more

Before = tuple[int | None, str]  # the track of the digit before in the number, None for none; what is written between them


@dataclass(frozen=True)
class Place:
    """A tracked digit. track: its number. name: of its class. score: 0..1. box: x, y, width, height, pixels of the frame.

    shown: whether it is there; else it was a short while ago. before: what stands before it in its number. seen_s: when it was
    read last, since_s: when it became what it is, by the tracker's clock.
    """

    track: int
    name: str
    score: float
    box: Box
    shown: bool
    before: Before
    seen_s: float
    since_s: float


@dataclass(frozen=True)
class TrackedNumber:
    """A number that was told. id: stays the same as long as it is there, whatever becomes of its text.

    score: of its least sure digit, 0..1. box: x, y, width, height in the frame, pixels. since_s: when it was first told, in the
    source's time.
    """

    id: int
    text: str
    score: float
    box: Box
    since_s: float


@dataclass(frozen=True)
class Event:
    """Something to tell. text: of the number; when it is gone, what it was. before: what a changed one was before, else None.

    score: 0..1. box: x, y, width, height, pixels of the frame, where it was seen last. time_s: of the frame in which it is told.
    """

    kind: Literal["appeared", "changed", "gone"]
    id: int
    text: str
    before: str | None
    score: float
    box: Box
    time_s: float


@dataclass
class _Number:
    """A number that was seen, told or not. places: the tracks of its digits. next: what they say now, since `since_s`.

    found_s: when its digits were found last. told: what a person knows, None so far; first at told_s, in the source's time. All
    other times are the tracker's own.
    """

    id: int
    since_s: float
    found_s: float
    places: tuple[int, ...] = ()
    next: str = ""
    score: float = 0.0
    box: Box = (0, 0, 0, 0)
    told: str | None = None
    told_s: float = 0.0


class Numbers:
    """The numbers of a source."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._known: list[_Number] = []

    def update(
        self, places: Sequence[Place], time_s: float, now_s: float, turn: int
    ) -> tuple[tuple[Event, ...], tuple[TrackedNumber, ...]]:
        """What to tell, and what was told so far, in reading order. time_s: the source's time; now_s: the tracker's.

        turn: degrees, clockwise, by which the frame has to be turned to be read.
        """
        events = []
        for chain, number in self._pair(_chains(places), now_s):
            text = _text(chain)
            if number.next != text:
                number.next, number.since_s = text, now_s
            number.places, number.found_s = tuple(place.track for place in chain), now_s
            number.score, number.box = min(place.score for place in chain), _union([place.box for place in chain])
            settled = now_s - number.since_s >= SETTLE_S and number.score >= 0.5 and all(place.shown for place in chain)
            if settled and number.told != text:
                events.append(_tell(number, time_s))
        for number in self._known:
            if number.told is not None and now_s - number.found_s > SETTLE_S:
                events.append(Event("gone", number.id, number.told, None, number.score, number.box, time_s))
        self._known = [
            number for number in self._known
            if now_s - number.found_s <= (SETTLE_S if number.told is not None else 0)
        ]  # fmt: skip
        return tuple(events), self._told(turn)

    def _pair(self, chains: Sequence[Sequence[Place]], now_s: float) -> list[tuple[Sequence[Place], _Number]]:
        """Each chain with the number that has most of its digits, or a new one."""
        gains = np.zeros((len(chains), len(self._known) + len(chains)))
        for i, chain in enumerate(chains):
            tracks = {place.track for place in chain}
            for j, number in enumerate(self._known):
                shared = len(tracks.intersection(number.places))
                # Of equals that which was told: its name stays.
                gains[i, j] = shared * (1.01 if number.told is not None else 1) / len(tracks.union(number.places))
        paired = []
        for i, j in enumerate(assign(-gains).tolist()):
            if gains[i, j] == 0:
                self._known.append(_Number(next(self._ids), now_s, now_s))
                j = -1
            paired.append((chains[i], self._known[j]))
        return paired

    def _told(self, turn: int) -> tuple[TrackedNumber, ...]:
        told = [number for number in self._known if number.told is not None]
        order = [i for line in lines([_turned(number.box, turn) for number in told]) for i in line]
        return tuple(
            TrackedNumber(number.id, str(number.told), number.score, number.box, number.told_s)
            for number in (told[i] for i in order)
        )


def befores(reading: Reading, tracks: Sequence[int]) -> Mapping[int, Before]:
    """What stands before each digit of a reading in its number; the keys are the digits' places in the reading.

    tracks: of each of the reading's digits.
    """
    found: dict[int, Before] = {}
    for number in reading.numbers:
        at, left = 0, None
        for i in number.digits:
            name = reading.digits[i].name
            start = max(at, number.text.find(name, at))
            found[i] = left, number.text[at:start]
            at, left = start + len(name), tracks[i]
    return found


def _tell(number: _Number, time_s: float) -> Event:
    before, number.told = number.told, number.next
    if before is None:
        number.told_s = time_s
    kind: Literal["appeared", "changed"] = "appeared" if before is None else "changed"
    return Event(kind, number.id, number.told, before, number.score, number.box, time_s)


def _chains(places: Sequence[Place]) -> list[list[Place]]:
    """Digits from left to right, number by number. Where two claim to follow the same one, the surer is taken."""
    after: dict[int, Place] = {}
    for place in sorted(places, key=lambda place: (place.shown, place.score)):
        if place.before[0] is not None:
            after[place.before[0]] = place
    following = {place.track for place in after.values()}
    known = {place.track for place in places}
    chains = []
    for first in places:
        if first.before[0] not in known or first.track not in following:
            chain = [first]
            while (place := after.get(chain[-1].track)) is not None:
                chain.append(place)
            chains += _without_those_gone(chain)
    return chains


def _without_those_gone(chain: Sequence[Place]) -> list[list[Place]]:
    parts: list[list[Place]] = [[]]
    for place in chain:
        if place.shown or _only_missed(place, chain):
            parts[-1].append(place)
        else:
            parts.append([])
    return [part for part in parts if part]


def _only_missed(place: Place, chain: Sequence[Place]) -> bool:
    """Whether a digit that is not there may come back: nothing else of its number has become another since it was seen."""
    return all(other.since_s <= place.seen_s for other in chain if other.shown)


def _text(chain: Sequence[Place]) -> str:
    return "".join(place.before[1] + place.name for place in chain)


def _union(boxes: Sequence[Box]) -> Box:
    x, y = min(box[0] for box in boxes), min(box[1] for box in boxes)
    return x, y, max(box[0] + box[2] for box in boxes) - x, max(box[1] + box[3] for box in boxes) - y


def _turned(box: Box, turn: int) -> Box:
    """A box of a frame, in the frame turned clockwise by so many degrees; moved, which is all the same to the order."""
    x, y, wide, tall = box
    if turn == 90:
        return -y - tall, x, tall, wide
    if turn == 180:
        return -x - wide, -y - tall, wide, tall
    if turn == 270:
        return y, -x - wide, tall, wide
    return box
