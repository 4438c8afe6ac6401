"""A page: what is written and printed on it, and on which paper."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.scenes.layout import Written
from benchmarks.scenes.photograph import camera
from benchmarks.scenes.photograph.camera import Look, Sheet
from benchmarks.scenes.photograph.printing import Printed
from benchmarks.scenes.scene import Scene

Size = tuple[int, int]


@dataclass(frozen=True)
class Page:
    """size: (width, height), pixels of a picture that it fills. digit: height of the writing, pixels of that picture."""

    size: Size
    digit: float
    written: tuple[Written, ...] = ()
    printed: tuple[Printed, ...] = ()
    look: Look = field(default_factory=Look)

    def sheet(self, rng: np.random.Generator) -> Sheet:
        return camera.write_sheet(self.written, self.size, self.digit, self.look, rng, self.printed)


def fills_the_picture(pages: tuple[Page, ...], seed: int) -> Scene:
    """One page, photographed from so near that nothing else is seen."""
    (page,) = pages
    return camera.photograph(page.written, page.size, page.digit, page.look, seed, page.printed)
