"""When a frame was taken, told by the clock of its source."""

from __future__ import annotations

DRIFT = 2e-4  # seconds per second by which two clocks may part: a quartz does a tenth of that


class SourceClock:
    """How much later than usual frames arrive.

    A source stamps its frames with a clock of its own. Arrival minus stamp is some constant and the delay. The least that was
    seen counts as no delay, so what is told is a lower bound: how much the delay grew since the source was opened.
    """

    def __init__(self) -> None:
        self._least_s = self._arrived_s = 0.0
        self._stamp_s = float("inf")  # the first one begins anew

    def lag_s(self, stamp_s: float, arrived_s: float) -> float:
        """Seconds, ≥ 0, by which the frame of this stamp arrived later than the promptest. `arrived_s`: monotonic clock."""
        offset_s = arrived_s - stamp_s
        if stamp_s < self._stamp_s - 1:  # the first, or a clock that was set back
            self._least_s = offset_s
        else:
            self._least_s = min(self._least_s + DRIFT * (arrived_s - self._arrived_s), offset_s)
        self._stamp_s, self._arrived_s = stamp_s, arrived_s
        return offset_s - self._least_s
