"""What something is, by all that was seen of it: a hidden Markov filter over states that need not be known beforehand.

What a digit is, which digit stands before it, how the page lies: each is read in every frame, now and then wrongly, and changes
seldom. The probability of each state follows from both.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)

STATES = 12  # among which belief is shared: ten digits, nothing, something else
CHANGES_PER_S = 0.05  # how often somebody writes something else
SURE = 0.9  # probability from which another state is taken to be so
REPEAT_S = 0.12  # a mistake lasts about so long: frames that follow each other sooner repeat each other


class Belief(Generic[State]):
    """The probability of each state. state: what is taken to be so; it changes when another is sure.

    Never more than STATES states are kept: what is least likely makes room.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._known: dict[State, float] = {state: 0.5}

    def probability(self, state: State) -> float:
        """0..1; of a state that was never seen, its share of what is left."""
        if state in self._known:
            return self._known[state]
        return (1 - sum(self._known.values())) / max(1, STATES - len(self._known))

    def pass_time(self, seconds: float) -> None:
        """Time in which anything may have become something else."""
        changed = -math.expm1(-CHANGES_PER_S * seconds)
        for state, share in self._known.items():
            self._known[state] = (1 - changed) * share + changed / STATES

    def see(self, likelihood: Mapping[State, float], otherwise: float, weight: float = 1.0) -> None:
        """Weigh each state by how likely it makes what was seen, above 0. otherwise: that of every state not in `likelihood`.

        weight: 0..1, how much of it is news; see `news`.
        """
        known = {state: self.probability(state) for state in [*self._known, *likelihood]}
        rest = max(0.0, 1 - sum(known.values())) * otherwise**weight
        known = {state: share * likelihood.get(state, otherwise) ** weight for state, share in known.items()}
        for state in sorted(known, key=lambda one: (one == self.state, known[one]))[: max(0, len(known) - STATES)]:
            rest += known.pop(state)
        whole = sum(known.values()) + rest
        self._known = {state: share / whole for state, share in known.items()}
        best = max(self._known, key=lambda one: self._known[one])
        if self._known[best] >= SURE:
            self.state = best


def news(seconds: float) -> float:
    """How much of a frame is news that comes so long after the one before, 0..1."""
    return min(1.0, max(0.0, seconds) / REPEAT_S)
