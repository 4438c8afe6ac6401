"""Read a frame: candidates, glyphs, scores, digits, numbers. All candidates of a frame go through the model together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from edgeproof import glyph, scores
from edgeproof.bundle import load_bundle
from edgeproof.classifier import AUTO, Classifier, Facts, check_array, open_classifier
from edgeproof.errors import UsageError
from edgeproof.page import segment
from edgeproof.page.context import rescore
from edgeproof.page.context.deskew import deskewed, page_skew
from edgeproof.page.geometry import Box
from edgeproof.page.numbers import Mark, Number, read_numbers
from edgeproof.page.pieces import oversegment
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.segment import Segmentation

# A page without rows, of which most is no digit, is also looked at as if it were turned.
RETRY_SKEW_DEG = 15.0  # to either side: a page that lies less askew is read as it is, and few lie more
MAX_RETRY_CANDIDATES = 64  # of a page: each look costs as much as the first
MIN_RETRY_GAIN = 1.4  # times as many digits make sure that it is turned


@dataclass(frozen=True)
class Digit:
    """label: class index. name: the class's name. score: its probability, 0..1. box: x, y, width, height, frame pixels."""

    label: int
    name: str
    score: float
    box: Box


@dataclass(frozen=True)
class Reading:
    """What was read in one frame.

    digits: by their top edge. numbers: in reading order; their `digits` index into `digits`.
    rejected: candidates that the model did not accept. left_off: blobs beyond the cap, never looked at.
    glyphs: uint8 (len(digits), 28, 28), what the model saw of each digit.
    ms: milliseconds per stage: segment, classify (glyphs and model), total.
    """

    digits: tuple[Digit, ...]
    numbers: tuple[Number, ...]
    rejected: int
    left_off: int
    glyphs: NDArray[np.uint8]
    ms: Mapping[str, float]


@dataclass(frozen=True)
class Examination:
    """A reading with everything that led to it, for whoever asks why.

    segmentation: what was found. candidates: those on the best path through each blob, in the segmentation's order. glyphs: uint8
    (len(candidates), 28, 28). verdicts: the answer to each.
    """

    reading: Reading
    segmentation: Segmentation
    candidates: tuple[Candidate, ...]
    glyphs: NDArray[np.uint8]
    verdicts: rescore.Verdicts


@dataclass(frozen=True)
class _Seen:
    """Candidates, with the glyph uint8 (28, 28) and the model's probabilities of each."""

    candidates: tuple[Candidate, ...]
    glyphs: NDArray[np.uint8]
    probabilities: NDArray[np.float32]

    def __add__(self, other: _Seen) -> _Seen:
        return _Seen(
            self.candidates + other.candidates,
            np.concatenate([self.glyphs, other.glyphs]),
            np.concatenate([self.probabilities, other.probabilities]),
        )


class Reader:
    """An opened classifier with the page reading around it. Use as a context manager, or call `close`.

    It may be shared by threads: they find digits side by side and take turns at the model.
    """

    def __init__(self, classifier: Classifier, conf: float | None = None) -> None:
        """`conf`: the lowest score of an accepted digit, 0..1, whatever stands around it; by default the threshold that the
        bundle states for the artifact, which a glyph has to reach by itself, less among digits and more among other things.

        Raises UsageError when `conf` is no probability.
        """
        if conf is not None and not 0 <= conf <= 1:
            raise UsageError(f"--conf: expected a number from 0 to 1, found {conf:g}")
        manifest = classifier.bundle.manifest
        # A model without a "reject" class has nothing but its score to say that something is no digit.
        taught = manifest.classes[-1] == scores.REJECT
        stated = manifest.threshold_of(classifier.artifact) or (0.0 if taught else scores.EVEN)
        self._threshold, self._conf = (stated, min(stated, scores.EVEN)) if conf is None else (0.0, conf)
        self._classifier = classifier
        self._manifest = manifest

    @property
    def facts(self) -> Facts:
        return self._classifier.facts

    @property
    def classes(self) -> tuple[str, ...]:
        return self._manifest.classes

    def read(self, frame: NDArray[np.uint8]) -> Reading:
        """Everything read in a frame, uint8 BGR (H, W, 3).

        Raises UsageError for an array of another kind, naming what was expected; and after `close`.
        """
        return self.examine(frame).reading

    def examine(self, frame: NDArray[np.uint8]) -> Examination:
        """`read`, with the candidates and the reason for each that was refused.

        A bundle whose glyph convention is "none" gets the whole picture as its one candidate.
        """
        check_array(frame, "frame", ("H", "W", 3))  # blue, green, red
        if frame.size == 0:
            raise UsageError(f"frame: expected one pixel or more, found {frame.shape}")
        start = time.perf_counter()
        whole = self._manifest.glyph == "none"
        if whole:
            picture = glyph.whole_picture(frame)
            found = Segmentation((Candidate((0, 0, frame.shape[1], frame.shape[0]), picture),))
        else:
            found = segment.segment(frame)
        segmented = time.perf_counter()
        if whole:
            candidates, glyphs, verdicts = self._judge_picture(found.candidates, picture[None])
        else:
            candidates, glyphs, verdicts = self._judge(found.candidates, found.room)
        classified = time.perf_counter()
        digits, numbers = self._read(candidates, verdicts, found)
        end = time.perf_counter()
        ms = {"segment": segmented - start, "classify": classified - segmented, "total": end - start}
        reading = Reading(
            digits,
            numbers,
            rejected=len(candidates) - len(digits),
            left_off=found.left_off,
            glyphs=glyphs[verdicts.labels != scores.REJECTED],
            ms={stage: 1000 * seconds for stage, seconds in ms.items()},
        )
        return Examination(reading, found, candidates, glyphs, verdicts)

    def _judge_picture(
        self, candidates: tuple[Candidate, ...], glyphs: NDArray[np.uint8]
    ) -> tuple[tuple[Candidate, ...], NDArray[np.uint8], rescore.Verdicts]:
        """The answer to a whole picture."""
        labels, best = scores.decide_probabilities(
            self._probabilities(glyphs), self.classes, max(self._threshold, self._conf)
        )
        return candidates, glyphs, rescore.Verdicts(labels, best, ("",) * len(candidates))

    def _judge(
        self, candidates: tuple[Candidate, ...], room: int
    ) -> tuple[tuple[Candidate, ...], NDArray[np.uint8], rescore.Verdicts]:
        """The best path through each blob of ink, and the answer to each of its parts. One look at all of them; others where
        the page may be turned and has no rows to tell, and where ink that is no digit may be several, as far as there is
        `room` for their parts."""
        skew, seen = self._deskewed(candidates)
        marked, parts = oversegment.parts_of_doubtful(seen.candidates, self._digit_probability(seen), room)
        if parts:
            seen = self._best_paths(replace(seen, candidates=marked) + self._look(parts, skew))
        verdicts = rescore.judge(
            [candidate.box for candidate in seen.candidates],
            seen.glyphs,
            seen.probabilities,
            self.classes,
            threshold=self._threshold,
            conf=self._conf,
        )
        return seen.candidates, seen.glyphs, verdicts

    def _deskewed(self, candidates: tuple[Candidate, ...]) -> tuple[float, _Seen]:
        """Degrees by which the page is skewed, and the best path through each blob on it. Where no rows tell it is level, unless
        it shows many more digits when turned to one side."""
        skew = page_skew([candidate.box for candidate in candidates if candidate.whole])
        seen = self._best_paths(self._look(candidates, skew or 0.0))
        if skew is None and self._may_be_skewed(candidates, seen):
            skewed = {
                side: self._best_paths(self._look(candidates, side)) for side in (-RETRY_SKEW_DEG, RETRY_SKEW_DEG)
            }
            best = max(skewed, key=lambda side: self._digits_expected(skewed[side]))
            if self._digits_expected(skewed[best]) >= MIN_RETRY_GAIN * self._digits_expected(seen):
                return best, skewed[best]
        return skew or 0.0, seen

    def _may_be_skewed(self, candidates: tuple[Candidate, ...], seen: _Seen) -> bool:
        """Of a page without rows, `seen` as if it were level: whether some blob is surely a digit, but most are none."""
        return (
            len(candidates) <= MAX_RETRY_CANDIDATES
            and max(self._digit_probability(seen), default=0) >= oversegment.MIN_SURE_PROBABILITY
            and 2 * self._digits_expected(seen) <= sum(candidate.whole for candidate in candidates)
        )

    def _digits_expected(self, seen: _Seen) -> float:
        """How many blobs hold a digit, as far as the model can tell: the parts of one count as one."""
        probability: dict[int, float] = {}
        for part, own in zip(seen.candidates, self._digit_probability(seen).tolist(), strict=True):
            probability[part.blob] = min(own, probability.get(part.blob, 1.0))
        return sum(probability.values())

    def _look(self, candidates: tuple[Candidate, ...], skew: float) -> _Seen:
        """What the model sees of candidates on a page that is turned by `skew` degrees, and says to it."""
        glyphs = glyph.make_glyphs(
            [deskewed(candidate.ink, skew) if skew else candidate.ink for candidate in candidates]
        )
        return _Seen(candidates, glyphs, self._probabilities(glyphs))

    def _best_paths(self, seen: _Seen) -> _Seen:
        """Of each blob, the candidates on the best path alone."""
        chosen = oversegment.best_paths(seen.candidates, self._digit_probability(seen))
        if len(chosen) == len(seen.candidates):
            return seen
        return _Seen(tuple(seen.candidates[i] for i in chosen), seen.glyphs[chosen], seen.probabilities[chosen])

    def _probabilities(self, glyphs: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits = self._manifest.page_logits(self._classifier.artifact, self._classifier.logits(glyphs))
        return scores.softmax(logits, self._manifest.temperature)

    def _digit_probability(self, seen: _Seen) -> NDArray[np.float32]:
        """Of each candidate (N,), 0..1: that of the digit which it most likely is."""
        known = seen.probabilities[:, :-1] if self.classes[-1] == scores.REJECT else seen.probabilities
        best: NDArray[np.float32] = known.max(axis=1, initial=0.0)
        return best

    def _read(
        self, candidates: tuple[Candidate, ...], verdicts: rescore.Verdicts, found: Segmentation
    ) -> tuple[tuple[Digit, ...], tuple[Number, ...]]:
        accepted = np.flatnonzero(verdicts.labels != scores.REJECTED).tolist()
        names, labels, best = self._manifest.classes, verdicts.labels, verdicts.scores
        digits = tuple(Digit(int(labels[i]), names[labels[i]], float(best[i]), candidates[i].box) for i in accepted)
        numbers = read_numbers(
            [digit.name for digit in digits],
            [digit.score for digit in digits],
            [digit.box for digit in digits],
            [candidates[i].box for i in np.flatnonzero(verdicts.labels == scores.REJECTED)],
            _marks(found),
        )
        return digits, numbers

    def close(self) -> None:
        self._classifier.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _marks(found: Segmentation) -> list[tuple[Mark, Box]]:
    """What may be a decimal point or a minus sign among what was never a candidate."""
    marks: dict[segment.Kind, Mark] = {"speck": "point", "low": "point", "flat": "minus"}
    return [(marks[dropped.kind], dropped.box) for dropped in found.dropped if dropped.kind in marks]


def open_reader(  # noqa: PLR0917 (one name per command-line flag, in the same order)
    bundle: Path | str | None = None,
    artifact: str = AUTO,
    backend: str = AUTO,
    device: str = AUTO,
    threads: int = 1,
    conf: float | None = None,
) -> Reader:
    """A reader with the bundle at `bundle` (default: the one that the wheel carries), its golden answers replayed.

    Raises what `load_bundle` and `open_classifier` raise.
    """
    classifier = open_classifier(load_bundle(bundle), artifact, backend, device, threads)
    try:
        return Reader(classifier, conf)
    except UsageError:
        classifier.close()
        raise
