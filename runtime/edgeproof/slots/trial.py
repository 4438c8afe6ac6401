"""What is counted of a new version beside the current one: right answers, equal answers, time, failures."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.errors import EdgeproofError, IntegrityError, UsageError, first_line
from edgeproof.page.reader import Reader
from edgeproof.slots.verdict import Bounds, Counts
from edgeproof.support import files
from edgeproof.support.opencv import cv2

MOST_CROPS = 300  # that are read of a folder, spread over all: by two versions that is a second or two
MOST_CROP_BYTES = 16 * 2**20
FEW_TIMES = 3  # as long as otherwise a trial looks at frames that show little
GOLDEN_PAIRS = 60  # calls of each version, where no live inputs measure the time
GOLDEN_AT_ONCE = 8  # inputs per such call, about as many as a frame shows


class CurrentFailedError(EdgeproofError):
    """The current version did not answer: no fault of the new one."""


def check_fits(current: Reader, new: Reader) -> None:
    """Raise IntegrityError unless a new version takes and tells what the current one does."""
    for what, before, found in (
        ("classes", current.classes, new.classes),
        ("input", current.input, new.input),
    ):
        if before != found:
            raise IntegrityError(
                f"{what}: expected {before} as of the current version, found {found}: what has another task takes slots of "
                "its own, --slots DIR"
            )


def labelled(current: Reader, new: Reader, crops: Path | None) -> Counts:
    """Both versions on the golden inputs of the current one, and on the labelled crops in a folder that has one per class.

    Not on those of the new one: what it calls right is its own claim.
    """
    golden = current.bundle.golden
    truth = golden.labels.copy()
    if current.classes[-1] == scores.REJECT:
        truth[truth == len(current.classes) - 1] = scores.REJECTED
    with _blaming_current():
        before = (current.classify(golden.images) == truth).tolist()
    right = list(zip(before, (new.classify(golden.images) == truth).tolist(), strict=True))
    for path in _spread(crops_in(crops)) if crops else ():
        if (crop := _decoded(path)) is not None:
            with _blaming_current():
                before_name = _read(current, crop)
            right.append((before_name == path.parent.name, _read(new, crop) == path.parent.name))
    lost = sum(before and not now for before, now in right)
    gained = sum(now and not before for before, now in right)
    return Counts(labelled=len(right), lost=lost, gained=gained)


@contextlib.contextmanager
def _blaming_current() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the exceptions of a runtime share no base class
        raise CurrentFailedError(f"the current version: {first_line(error)}") from error


def crops_in(folder: Path) -> list[Path]:
    """The files of labelled crops. Raises UsageError where there is none."""
    if found := sorted(folder.glob("[!.]*/[!.]*.png")):
        return found
    raise UsageError(
        f"--crops: expected a folder per class with crops (.png) in {folder}, found none: edgeproof label crops"
    )


def _spread(found: list[Path]) -> list[Path]:
    return found[:: -(-len(found) // MOST_CROPS) or 1]


def _decoded(path: Path) -> Any:
    """uint8 BGR; None for what is no picture, or gone."""
    try:
        return cv2.imdecode(np.frombuffer(files.read_bounded(path, MOST_CROP_BYTES), np.uint8), cv2.IMREAD_COLOR)
    except (IntegrityError, OSError, cv2.error):
        return None


def _read(reader: Reader, crop: NDArray[np.uint8]) -> str:
    """The name of the largest digit in a crop, or of the answer to it; "reject" where there is none."""
    digits = reader.read(crop).digits
    return max(digits, key=lambda digit: digit.box[2] * digit.box[3]).name if digits else scores.REJECT


@dataclass
class Trial:
    """Two versions on the same inputs. counts: so far; its ratio only after `finish`."""

    current: Reader
    new: Reader
    bounds: Bounds
    counts: Counts = field(default_factory=Counts)
    _ratios: list[float] = field(default_factory=list, init=False)
    _turn: int = field(default=0, init=False)

    @property
    def over(self) -> bool:
        """Enough was seen, or the new version fails."""
        return self.counts.inputs >= self.bounds.inputs or self.counts.failures > 0

    @property
    def seconds(self) -> float:
        """How long it is to look at frames: longer where few came, as of a page that rests."""
        few = self.counts.answered < self.bounds.least
        return self.bounds.seconds * (FEW_TIMES if few else 1)

    def compare(self, images: NDArray[np.uint8]) -> None:
        """Show both the live inputs of a frame, uint8 (N, *shape)."""
        answers = self._both(images)
        if answers is None:
            return
        before, now = answers
        taken = before != scores.REJECTED
        self.counts = replace(
            self.counts,
            inputs=self.counts.inputs + len(images),
            answered=self.counts.answered + int(taken.sum()),
            agreed=self.counts.agreed + int((taken & (before == now)).sum()),
            refused_before=self.counts.refused_before + int((~taken).sum()),
            refused=self.counts.refused + int((now == scores.REJECTED).sum()),
        )

    def finish(self) -> Counts:
        """Measure the time on golden inputs where live ones were too few, of slow versions no longer than needed; all counts."""
        golden, began = self.current.bundle.golden.images, time.monotonic()
        at_once = GOLDEN_AT_ONCE if self.current.input.ink else 1
        for start in cycle(range(0, len(golden), at_once)):
            slow = time.monotonic() - began > self.bounds.seconds and len(self._ratios) >= self.bounds.least_pairs
            if slow or len(self._ratios) >= GOLDEN_PAIRS or self._both(golden[start : start + at_once]) is None:
                break
        if self._ratios:
            self.counts = replace(self.counts, pairs=len(self._ratios), ratio=median(self._ratios))
        return self.counts

    def _both(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """The answers of the current version and the new one, each first in every second turn; None where the new one fails."""
        self._turn += 1
        order = (self.current, self.new) if self._turn % 2 else (self.new, self.current)
        answers, seconds = {}, {}
        for reader in order:
            start = time.perf_counter()
            if reader is self.current:
                with _blaming_current():
                    answers[reader] = reader.classify(images)
            else:
                try:
                    answers[reader] = reader.classify(images)
                except Exception:  # as there
                    self.counts = replace(self.counts, failures=self.counts.failures + 1)
                    return None
            seconds[reader] = time.perf_counter() - start
        self._ratios.append(seconds[self.new] / seconds[self.current])
        return answers[self.current], answers[self.new]
