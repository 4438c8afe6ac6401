"""How steady and how right it is what a person sees of a film, counted against the truth.

A true digit is matched, in each frame, with the shown digit whose box overlaps its own most (IoU ≥ scoring.OVERLAP, one to one),
whatever it says. While a hand hides it, it is not looked at, and neither is what is shown in its place.

Flicker: per true digit, a *change* is a frame in which another name is shown than when it was last shown, a *vanishing* a frame
in which none is shown after one in which it was. The first change to what somebody really wrote there is none; the digits of
another sheet are others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Self

from benchmarks import scoring
from benchmarks.tracking.film import Shot
from edgeproof.page.geometry import Box


@dataclass(frozen=True)
class Shown:
    """What a person sees of a frame: texts and boxes, frame pixels, of digits and of numbers, these in reading order."""

    digits: tuple[tuple[str, Box], ...]
    numbers: tuple[tuple[str, Box], ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for text, _ in self.numbers)


@dataclass(frozen=True)
class Steadiness:
    """Counts, which add up over films.

    seconds: of film. digit_s: seconds that true digits were to be seen, all together. changes, vanishings: of them.
    labelled, shown, right: digits in all frames. numbers, numbers_shown, numbers_right: texts in all frames; a number of which a
    digit is hidden does not count. flips: frames in which other texts are shown than before, but for what was really changed
    and for what is shown, rightly, for the first time; frames in which something is hidden do not count.
    first_s: seconds until each true number was first shown, None for never. change_s: seconds from when each digit was really
    changed until the number that it is part of was first shown with it, None for never; only of numbers that were shown right
    just before.
    """

    seconds: float = 0.0
    digit_s: float = 0.0
    changes: int = 0
    vanishings: int = 0
    labelled: int = 0
    shown: int = 0
    right: int = 0
    numbers: int = 0
    numbers_shown: int = 0
    numbers_right: int = 0
    flips: int = 0
    first_s: tuple[float | None, ...] = ()
    change_s: tuple[float | None, ...] = ()

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def flicker(self) -> float:
        """Changes and vanishings per second of a digit."""
        return (self.changes + self.vanishings) / self.digit_s if self.digit_s else 0.0


@dataclass
class _Watched:
    """One true digit over time. true: what is written there. last: as what it was last shown, None for not yet.

    there: whether it was shown in the frame before. due: whether what is written there now is yet to be shown.
    """

    true: str
    last: str | None = None
    there: bool = False
    due: bool = False

    def see(self, true: str, name: str | None) -> tuple[int, int]:
        """Changes and vanishings by a frame in which `name` is shown, None for nothing, for what is `true`."""
        self.due |= true != self.true
        changed = name is not None and self.last is not None and name != self.last
        if self.due and name == true:
            self.due = changed = False
        vanished = name is None and self.there
        self.true, self.there, self.last = true, name is not None, name or self.last
        return int(changed), int(vanished)


def count(shots: Sequence[Shot], seen: Sequence[Shown], fps: float) -> Steadiness:
    """Everything about one film, of which `seen` is what was shown of each shot."""
    watched: list[_Watched] = []
    sheet = -1
    total = Steadiness(
        seconds=len(shots) / fps, flips=_flips(shots, seen), change_s=tuple(_change_delays(shots, seen)),
        first_s=tuple(_delay(shots, seen, text) for text in shots[0].scene.numbers),
    )  # fmt: skip
    for shot, one in zip(shots, seen, strict=True):
        if shot.sheet != sheet:
            sheet, watched = shot.sheet, [_Watched(mark.text, due=True) for mark in shot.scene.digits]
        total += _digits(shot, one, watched, fps) + _numbers(shot, one)
    return total


def _digits(shot: Shot, seen: Shown, watched: Sequence[_Watched], fps: float) -> Steadiness:
    marks = shot.scene.digits
    named = {
        i: seen.digits[j][0] for i, j in scoring.pairs([mark.box for mark in marks], [box for _, box in seen.digits])
    }
    places = [place for place in range(len(marks)) if place not in shot.hidden]
    for place in shot.hidden:
        watched[place].there = False
    flicker = [watched[place].see(marks[place].text, named.get(place)) for place in places]
    return Steadiness(
        digit_s=len(places) / fps,
        changes=sum(changes for changes, _ in flicker),
        vanishings=sum(vanishings for _, vanishings in flicker),
        labelled=len(places),
        shown=len(seen.digits) - sum(place in shot.hidden for place in named),
        right=sum(named.get(place) == marks[place].text for place in places),
    )


def _numbers(shot: Shot, seen: Shown) -> Steadiness:
    marks = shot.scene.digits
    partly = {marks[place].number for place in shot.hidden}
    unclear = [mark.box for mark in marks if mark.number in partly]
    texts = [text for number, text in enumerate(shot.scene.numbers) if number not in partly]
    shown = [text for text, box in seen.numbers if not any(_holds(box, other) for other in unclear)]
    right = (Counter(texts) & Counter(shown)).total()
    return Steadiness(numbers=len(texts), numbers_shown=len(shown), numbers_right=right)


def _holds(box: Box, other: Box) -> bool:
    """Whether the middle of `other` is in `box`."""
    x, y = other[0] + other[2] / 2, other[1] + other[3] / 2
    return box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3]


def _flips(shots: Sequence[Shot], seen: Sequence[Shown]) -> int:
    flips, before = 0, seen[0].texts
    known = set(before)
    due: list[tuple[str, str]] = []
    true = shots[0].scene.numbers
    for shot, one in zip(shots, seen, strict=True):
        due += [pair for pair in zip(true, shot.scene.numbers, strict=True) if pair[0] != pair[1]]
        true = shot.scene.numbers
        if shot.hidden or one.texts == before:
            continue
        gone, new = Counter(before) - Counter(one.texts), Counter(one.texts) - Counter(before)
        change = next(iter(gone), ""), next(iter(new), "")
        if gone.total() == new.total() == 1 and change in due:
            due.remove(change)
        elif gone or any(text in known or text not in true for text in new):
            flips += 1
        known.update(new)
        before = one.texts
    return flips


def _delay(shots: Sequence[Shot], seen: Sequence[Shown], text: str, start_s: float = 0.0) -> float | None:
    """Seconds from `start_s` until `text` is shown; None when it is not, as long as it is true."""
    for shot, one in zip(shots, seen, strict=True):
        if shot.time_s >= start_s:
            if text in one.texts:
                return shot.time_s - start_s
            if text not in shot.scene.numbers:
                return None
    return None


def _change_delays(shots: Sequence[Shot], seen: Sequence[Shown]) -> Iterator[float | None]:
    for before, after, shown in zip(shots, shots[1:], seen, strict=False):
        for old, new in zip(before.scene.numbers, after.scene.numbers, strict=True):
            if old != new and old in shown.texts:
                yield _delay(shots, seen, new, after.time_s)
