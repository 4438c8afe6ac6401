"""What something is, by all that was seen of it: a hidden Markov filter over states that need not be known beforehand.

What a digit is, which digit stands before it, how the page lies: each is read in every frame, now and then wrongly, and changes
seldom. The probability of each state follows from both.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)

STATES = 12  # among which belief is shared: ten digits, nothing, something else
CHANGES_PER_S = 0.1  # how often somebody writes something else
MEMORY_S = 10.0  # over which readings are remembered that contradict
SURE = 0.95  # probability from which another state is taken to be so


class Belief(Generic[State]):
    """The probability of each state. state: what is taken to be so; it changes when another is sure.

    A reading that came now and then before, beside that of the state, says less when it comes again: here the one is obviously
    taken for the other. Never more than STATES states are kept: what is least likely makes room.
    """

    def __init__(self, state: State, repeat_s: float) -> None:
        """repeat_s: how long a mistake lasts, seconds: frames that follow each other sooner repeat each other."""
        self.state = state
        self._repeat_s = repeat_s
        self._known: dict[State, float] = {state: 0.5}
        self._read: dict[State, float] = {}  # share of the time of late that each was read

    def probability(self, state: State) -> float:
        """0..1; of a state that was never seen, its share of what is left."""
        if state in self._known:
            return self._known[state]
        return max(0.0, 1 - sum(self._known.values())) / max(1, STATES - len(self._known))

    def pass_time(self, seconds: float) -> None:
        """Time in which anything may have become something else."""
        changed, kept = -math.expm1(-CHANGES_PER_S * seconds), math.exp(-seconds / MEMORY_S)
        self._known = {state: (1 - changed) * share + changed / STATES for state, share in self._known.items()}
        self._read = {state: share * kept for state, share in self._read.items()}

    def see(self, reading: State, sure: float, seconds: float = math.inf) -> None:
        """Add a reading that is right with the probability `sure`, 1 / STATES or more, `seconds` after the one before."""
        news = min(1.0, seconds / self._repeat_s)
        wrong = (1 - sure) / (STATES - 1)
        known = {state: self.probability(state) for state in [*self._known, reading]}
        rest = max(0.0, 1 - sum(known.values())) * wrong**news
        known = {state: share * self._likelihood(reading, state, sure, wrong) ** news for state, share in known.items()}
        if len(known) > STATES:
            rest += known.pop(min(known, key=lambda one: (one == self.state, known[one])))
        whole = sum(known.values()) + rest
        self._known = {state: share / whole for state, share in known.items()}
        self._read[reading] = self._read.get(reading, 0.0) + news * self._repeat_s / MEMORY_S
        self._read = {state: share for state, share in self._read.items() if state in known}
        best = max(self._known, key=lambda one: self._known[one])
        if self._known[best] >= SURE:
            self.state = best

    def _likelihood(self, reading: State, state: State, sure: float, wrong: float) -> float:
        """Of `reading` where it is `state`. wrong: of one mistake among all."""
        if state == reading:
            return sure
        if self.state not in (state, reading) or None in (state, reading):  # nothing is not taken for something else
            return wrong
        return min(sure, max(wrong, self._read.get(state if reading == self.state else reading, 0.0)))
