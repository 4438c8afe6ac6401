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
SURE = 0.95  # probability from which another state is taken to be so


class Belief(Generic[State]):
    """The probability of each state. state: what is taken to be so; it changes when another is sure.

    Never more than STATES states are kept: what is least likely makes room.
    """

    def __init__(self, state: State, repeat_s: float) -> None:
        """repeat_s: how long a mistake lasts, seconds: frames that follow each other sooner repeat each other."""
        self.state = state
        self._repeat_s = repeat_s
        self._known: dict[State, float] = {state: 0.5}

    def probability(self, state: State) -> float:
        """0..1; of a state that was never seen, its share of what is left."""
        if state in self._known:
            return self._known[state]
        return max(0.0, 1 - sum(self._known.values())) / max(1, STATES - len(self._known))

    def pass_time(self, seconds: float) -> None:
        """Time in which anything may have become something else."""
        changed = -math.expm1(-CHANGES_PER_S * seconds)
        self._known = {state: (1 - changed) * share + changed / STATES for state, share in self._known.items()}

    def see(self, reading: State, sure: float, seconds: float = math.inf) -> None:
        """Add a reading that is right with the probability `sure`, 1 / STATES or more, `seconds` after the one before."""
        news = min(1.0, seconds / self._repeat_s)
        wrong = ((1 - sure) / (STATES - 1)) ** news
        known = {state: self.probability(state) for state in [*self._known, reading]}
        rest = max(0.0, 1 - sum(known.values())) * wrong
        known = {state: share * (sure**news if state == reading else wrong) for state, share in known.items()}
        if len(known) > STATES:
            rest += known.pop(min(known, key=lambda one: (one == self.state, known[one])))
        whole = sum(known.values()) + rest
        self._known = {state: share / whole for state, share in known.items()}
        best = max(self._known, key=lambda one: self._known[one])
        if self._known[best] >= SURE:
            self.state = best
