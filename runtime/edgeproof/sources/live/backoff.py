"""How long to wait before the next attempt."""

from __future__ import annotations

import random

FIRST_S = 0.05
LONGEST_S = 0.8  # a source that is back is read within a second, and asking it costs next to nothing


class Backoff:
    """Twice as long after each failure, up to a longest, each shortened by chance so that many devices do not knock at once."""

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._next_s = FIRST_S

    def seconds(self) -> float:
        """How long to wait now."""
        wait = self._next_s * random.uniform(0.5, 1.0)
        self._next_s = min(2 * self._next_s, self._longest_s)
        return wait

    def reset(self) -> None:
        """An attempt went well."""
        self._next_s = FIRST_S
