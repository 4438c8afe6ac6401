"""A frame with what was read in it: what every sink takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeproof.classifier import Facts
from edgeproof.output import answers
from edgeproof.output.draw import status_line
from edgeproof.page.geometry import Box
from edgeproof.page.numbers import Number
from edgeproof.page.reading import Digit, Examination, Reading
from edgeproof.sources.source import Frame, Source
from edgeproof.tracking.tracker import Tracked


@dataclass(frozen=True)
class Shot:
    """One frame, what was read in it, what ran, and the median time of recent frames in milliseconds.

    examination: what led to the reading; None where nobody writes it down. tracked: what the source shows by now; None for a
    picture, which has no before. track_ms: milliseconds that this took.
    """

    source: Source
    frame: Frame
    reading: Reading
    facts: Facts
    p50_ms: float
    examination: Examination | None = None
    tracked: Tracked | None = None
    track_ms: float = 0.0

    @property
    def shown(self) -> Reading:
        """What a person is shown: the reading, of a moving source steadied by what was read before."""
        if self.tracked is None:
            return self.reading
        digits = self.tracked.digits
        if self.reading.regions:
            steady = {digit.box: digit for digit in digits}
            regions = tuple(replace(region, answer=steady.get(region.box)) for region in self.reading.regions)
            return replace(self.reading, digits=digits, regions=regions)
        numbers = tuple(
            Number(number.text, number.score, number.box, _inside(number.box, digits))
            for number in self.tracked.numbers
        )
        return replace(self.reading, digits=digits, numbers=numbers)

    def annotated(self) -> Any:
        return self.drawn(status_line(self.reading, self.facts, self.p50_ms))

    def drawn(self, status: str) -> Any:
        """The frame with what is shown in it, and `status` below."""
        return answers.drawn(self.frame.image, self.shown, status, self.tracked.history if self.tracked else ())


def _inside(box: Box, digits: Sequence[Digit]) -> tuple[int, ...]:
    """Which digits have their centre in a box, from left to right."""
    x, y, width, height = box
    centres = [(i, digit.box[0] + digit.box[2] / 2, digit.box[1] + digit.box[3] / 2) for i, digit in enumerate(digits)]
    within = [(across, i) for i, across, down in centres if x <= across <= x + width and y <= down <= y + height]
    return tuple(i for _, i in sorted(within))


def stage_ms(shot: Shot) -> dict[str, float]:
    """Milliseconds per stage, with the capture in the total unless a thread of its own did it."""
    capture, ms = shot.frame.capture_ms, shot.reading.ms
    waited = 0.0 if shot.source.live else capture
    total = waited + ms["total"] + shot.track_ms
    return {
        "capture": capture,
        "segment": ms["segment"],
        "classify": ms["classify"],
        "track": shot.track_ms,
        "total": total,
    }
