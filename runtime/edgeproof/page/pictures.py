"""Where in a frame the pictures are: all of it, boxes that somebody named, or the cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgeproof import resize, scores
from edgeproof.errors import SourceError
from edgeproof.input_contract import InputContract
from edgeproof.page.context.rescore import Verdicts
from edgeproof.page.geometry import Box
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.reading import Digit, Guess, Region

Image = NDArray[np.uint8]

SHOWN = 5  # classes of each region that a reading tells, whatever is asked for: as many as a person looks at


@dataclass(frozen=True)
class Regions:
    """boxes: x, y, width, height, frame pixels. grid: rows and columns of equal cells, 1 or more, where there are no boxes; 1
    and 1 is the whole frame."""

    boxes: tuple[Box, ...] = ()
    grid: tuple[int, int] = (1, 1)

    @property
    def count(self) -> int:
        return len(self.boxes) or self.grid[0] * self.grid[1]

    def inside(self, height: int, width: int) -> tuple[Box, ...]:
        """The regions of a frame, a grid's row by row. Raises SourceError for a frame in which they have no room."""
        for x, y, wide, tall in self.boxes:
            if x + wide > width or y + tall > height:
                raise SourceError(
                    f"region {x},{y},{wide},{tall}: expected it inside the frame, found one of {width}×{height} pixels: "
                    "give another --region, or larger frames"
                )
        rows, columns = self.grid
        if rows > height or columns > width:
            raise SourceError(
                f"grid {rows}x{columns}: expected a pixel or more for each cell, found a frame of {width}×{height} pixels: "
                "give another --grid, or larger frames"
            )
        return self.boxes or _cells(rows, columns, height, width)


def _cells(rows: int, columns: int, height: int, width: int) -> tuple[Box, ...]:
    """Of sizes that differ by one pixel at most where the frame is no multiple of them."""
    tops = [row * height // rows for row in range(rows + 1)]
    lefts = [column * width // columns for column in range(columns + 1)]
    return tuple(
        (lefts[c], tops[r], lefts[c + 1] - lefts[c], tops[r + 1] - tops[r]) for r in range(rows) for c in range(columns)
    )


WHOLE = Regions()


def candidates_in(frame: Image, boxes: Sequence[Box], contract: InputContract) -> tuple[Candidate, ...]:
    """What the model is shown of each box of a frame, uint8 BGR (H, W, 3)."""
    return tuple(
        Candidate(box, resize.make_input(frame[y : y + tall, x : x + wide], contract))
        for box in boxes
        for x, y, wide, tall in (box,)
    )


def likeliest(probabilities: NDArray[np.float32], classes: Sequence[str], count: int) -> tuple[Guess, ...]:
    """The `count` likeliest of the classes, likeliest first, by their probabilities (classes,)."""
    order = np.argsort(-probabilities, kind="stable")[:count].tolist()
    return tuple(Guess(i, classes[i], float(probabilities[i])) for i in order)


def judge(probabilities: NDArray[np.float32], classes: tuple[str, ...], threshold: float) -> Verdicts:
    """The answer to each picture. probabilities: (N, classes). threshold: what one has to reach, 0..1."""
    labels, best = scores.decide_probabilities(probabilities, classes, threshold)
    return Verdicts(labels, best, partial(_doubts, probabilities, classes, labels, threshold))


def _doubts(
    probabilities: NDArray[np.float32], classes: Sequence[str], labels: NDArray[np.int64], threshold: float
) -> tuple[str, ...]:
    """Why answers are not taken."""
    reasons = [""] * len(labels)
    for i in np.flatnonzero(labels == scores.REJECTED).tolist():
        (guess,) = likeliest(probabilities[i], classes, 1)
        none = f"none of the classes to the model, {guess.score:.3f}"
        reasons[i] = (
            none if guess.name == scores.REJECT else f"{guess.name} at best, {guess.score:.3f} is not {threshold:.3f}"
        )
    return tuple(reasons)


def regions_of(
    candidates: Sequence[Candidate],
    verdicts: Verdicts,
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    top: int,
) -> tuple[Region, ...]:
    """Each candidate with what was said of it. top: how many classes an answer is to tell."""
    found = []
    for candidate, label, row in zip(candidates, verdicts.labels.tolist(), probabilities, strict=True):
        guesses = likeliest(row, classes, max(top, SHOWN))
        first = guesses[0]
        taken = Digit(first.label, first.name, first.score, candidate.box, guesses[:top])
        found.append(Region(candidate.box, guesses, None if label == scores.REJECTED else taken, candidate.ink))
    return tuple(found)
