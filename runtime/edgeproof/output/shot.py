"""A frame with what was read in it: what every sink takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeproof.classifier import Facts
from edgeproof.output.draw import annotate, status_line
from edgeproof.page.reader import Examination, Reading
from edgeproof.sources.source import Frame, Source


@dataclass(frozen=True)
class Shot:
    """One frame, what was read in it, what ran, and the median time of recent frames in milliseconds.

    examination: what led to the reading; None where nobody writes it down.
    """

    source: Source
    frame: Frame
    reading: Reading
    facts: Facts
    p50_ms: float
    examination: Examination | None = None

    def annotated(self) -> Any:
        return annotate(self.frame.image, self.reading, status_line(self.reading, self.facts, self.p50_ms))


def stage_ms(shot: Shot) -> dict[str, float]:
    """Milliseconds per stage, with the capture in the total unless a thread of its own did it."""
    capture, ms = shot.frame.capture_ms, shot.reading.ms
    waited = 0.0 if shot.source.live else capture
    return {"capture": capture, "segment": ms["segment"], "classify": ms["classify"], "total": waited + ms["total"]}
