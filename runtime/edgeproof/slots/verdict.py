"""When a new version is refused: a pure function of what was counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from edgeproof.errors import GateError, IntegrityError
from edgeproof.support.tables import Range

Count = Annotated[int, Range(0, 10**9)]


@dataclass(frozen=True)
class Bounds:
    """What a new version has to keep beside the current one, and how long a trial may take.

    inputs: glyphs or pictures after which a trial is over: frames repeat what they show, and more of them say little more.
    seconds: after which it is over anyhow, 0.1 or more: a camera may look at an empty table.
    slower: how many times as long the same inputs may take, 1 or more. A larger model has room; twice is too much.
    agreement: share of the current version's answers that the new one gives too, 0..1. Only a half: where a sheet lies before a
        camera, a single digit that is read better now may be a third of all inputs.
    chance: the probability of so many more mistakes on labelled inputs by two versions that are equally good, 0..1, at which they
        are no chance any more: 7 mistakes and no improvement, of any number of inputs.
    least, least_pairs: how many inputs agreement is judged from, and how many pairs of calls time is: of fewer nothing is
        said. So few pairs are judged of calls that take long alone, whose times vary less.
    deaths: runs of a version in probation, and trials of one, that may end in a crash: the machine may fail too, but not thrice.
    probation_s: how long a version must run at a stretch to be trusted, seconds: what is wrong with a file shows at once.
    """

    inputs: int = 200
    seconds: float = 3.0
    slower: float = 1.5
    agreement: float = 0.5
    chance: float = 0.01
    least: int = 20
    least_pairs: int = 7
    deaths: int = 3
    probation_s: float = 180.0


@dataclass(frozen=True)
class Counts:
    """What was counted of the current version and a new one, on the same inputs.

    labelled: inputs whose answer is known; lost, gained: of these, what only the current version, or only the new one, has right.
    inputs: those without a label; answered: of these, what the current version does not refuse; agreed: of the answered, what the
    new one answers alike. refused_before, refused: of the inputs, by the current and the new one.
    pairs: calls of both with the same inputs; ratio: median of the new one's time over the current one's, 1 = as fast, 0 = not
    measured. failures: calls that the new version did not answer, or with values that are not finite.
    """

    labelled: Count = 0
    lost: Count = 0
    gained: Count = 0
    inputs: Count = 0
    answered: Count = 0
    agreed: Count = 0
    refused_before: Count = 0
    refused: Count = 0
    pairs: Count = 0
    ratio: Annotated[float, Range(0, 1e9)] = 0.0
    failures: Count = 0

    def __str__(self) -> str:
        """In words, for one line: what was counted."""
        parts = []
        if self.labelled:
            parts.append(f"{self.labelled} labelled inputs: {self.lost} answered worse, {self.gained} better")
        if self.inputs:
            parts.append(
                f"{self.agreed} of {self.answered} answers alike, {self.refused_before} → {self.refused} refused"
            )
        if self.pairs:
            parts.append(f"{self.ratio:.2f} × the time")
        return "; ".join(parts) or "nothing to compare"


def judge(counts: Counts, bounds: Bounds) -> None:
    """Raise IntegrityError or GateError, which name figure and bound, where a new version is to be refused."""
    if counts.failures:
        raise IntegrityError(f"expected answers of finite values, found none for {counts.failures} calls of the trial")
    if (p := by_chance(counts.lost, counts.gained)) < bounds.chance:
        raise GateError(
            f"accuracy: expected no more mistakes than the current version makes, found {counts.lost} more and {counts.gained} "
            f"fewer of {counts.labelled} labelled inputs (p = {p:.2g})"
        )
    if counts.answered >= bounds.least and counts.agreed < bounds.agreement * counts.answered:
        raise GateError(
            f"agreement: expected {100 * bounds.agreement:.0f} % of the current version's answers or more, found "
            f"{counts.agreed} of {counts.answered}"
        )
    if counts.pairs >= bounds.least_pairs and counts.ratio > bounds.slower:
        raise GateError(
            f"latency: expected at most {bounds.slower:g} × the current version's time, found {counts.ratio:.2f} ×"
        )


def by_chance(lost: int, gained: int) -> float:
    """The probability, 0..1, of `lost` or more among lost + gained, were each as likely as the other: the exact sign test."""
    changed = lost + gained
    return float(sum(math.comb(changed, k) for k in range(lost, changed + 1)) / 2**changed)
