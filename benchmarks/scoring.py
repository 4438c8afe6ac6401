"""Digits found against digits labelled: pairs by overlap, and the counts from which every figure is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]
Labelled = tuple[int, Box]  # digit; x, y, width, height in pixels

OVERLAP = 0.3  # intersection over union from which two boxes are about the same digit


@dataclass(frozen=True)
class Tally:
    """Counts over pictures. labelled, predicted: digits. right: pairs with the same digit. perfect: pictures without fault."""

    pictures: int = 0
    labelled: int = 0
    predicted: int = 0
    right: int = 0
    perfect: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.pictures + other.pictures,
            self.labelled + other.labelled,
            self.predicted + other.predicted,
            self.right + other.right,
            self.perfect + other.perfect,
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of the shares of labelled and of predicted digits that are right; 1 when there is neither."""
        both = self.labelled + self.predicted
        return 2 * self.right / both if both else 1.0

    @property
    def false_per_picture(self) -> float:
        return (self.predicted - self.right) / self.pictures if self.pictures else 0.0


def overlap(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    tall = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    return wide * tall / (a[2] * a[3] + b[2] * b[3] - wide * tall)


def pairs(first: Sequence[Box], second: Sequence[Box]) -> list[tuple[int, int]]:
    """Which boxes are about the same digit: one to one, the greatest overlap first."""
    shares = sorted(
        (
            (share, i, j)
            for i, box in enumerate(first)
            for j, other in enumerate(second)
            if (share := overlap(box, other)) >= OVERLAP
        ),
        reverse=True,
    )
    used: set[int] = set()
    taken: set[int] = set()
    found = []
    for _, i, j in shares:
        if i not in used and j not in taken:
            used.add(i)
            taken.add(j)
            found.append((i, j))
    return found


def tally(labelled: Sequence[Labelled], predicted: Sequence[Labelled]) -> Tally:
    """The counts of one picture. Boxes are paired whatever digit they hold."""
    paired = pairs([box for _, box in labelled], [box for _, box in predicted])
    right = sum(labelled[i][0] == predicted[j][0] for i, j in paired)
    perfect = right == len(labelled) == len(predicted)
    return Tally(1, len(labelled), len(predicted), right, int(perfect))


def total(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())
