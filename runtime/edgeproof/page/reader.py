"""Read a frame: candidates, glyphs, scores, digits, numbers. All candidates of a frame go through the model together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from edgeproof import resize, scores
from edgeproof.bundle import load_bundle
from edgeproof.classifier import AUTO, Classifier, Facts, check_array, open_classifier
from edgeproof.errors import UsageError
from edgeproof.page import segment
from edgeproof.page.context import rescore
from edgeproof.page.context.features import Page
from edgeproof.page.geometry import Box
from edgeproof.page.looking import Looking, best_paths
from edgeproof.page.numbers import Mark, Number
from edgeproof.page.pieces import oversegment
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.segment import Segmentation
from edgeproof.page.table import Table, read_table
from edgeproof.page.views import AS_IT_LIES, Look, candidate_glyphs


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
    rejected: candidates that were not accepted. left_off: blobs beyond the cap, never looked at.
    glyphs: uint8 (len(digits), 28, 28), what the model saw of each digit.
    ms: milliseconds per stage: segment, classify (glyphs and model), total.
    turn: degrees, clockwise, by which the frame was turned to be read: 0, 90, 180 or 270. All order is that of the turned frame.
    table: rows of the texts in a table's cells; None where there is no table.
    """

    digits: tuple[Digit, ...]
    numbers: tuple[Number, ...]
    rejected: int
    left_off: int
    glyphs: NDArray[np.uint8]
    ms: Mapping[str, float]
    turn: int = 0
    table: Table | None = None


@dataclass(frozen=True)
class Examination:
    """A reading with everything that led to it, for whoever asks why.

    segmentation: what was found; its page and mask are those of the frame turned by `reading.turn`. candidates: those on the best
    path through each blob, in the segmentation's order. glyphs: uint8 (len(candidates), 28, 28). verdicts: the answer to each.
    judged: what they were judged by; None for a whole picture.
    """

    reading: Reading
    segmentation: Segmentation
    candidates: tuple[Candidate, ...]
    glyphs: NDArray[np.uint8]
    verdicts: rescore.Verdicts
    judged: Page | None


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
        self._looking = Looking(self._probabilities, rejects=taught)

    @property
    def facts(self) -> Facts:
        return self._classifier.facts

    @property
    def classes(self) -> tuple[str, ...]:
        return self._manifest.classes

    def warm_up(self) -> None:
        """Let the model meet every batch size, so that the first frames take no longer than the others."""
        self._classifier.warm_up()

    def read(self, frame: NDArray[np.uint8]) -> Reading:
        """Everything read in a frame, uint8 BGR (H, W, 3).

        Raises UsageError for an array of another kind, naming what was expected; and after `close`.
        """
        return self.examine(frame).reading

    def examine(self, frame: NDArray[np.uint8]) -> Examination:
        """`read`, with the candidates and the reason for each that was refused.

        The model of a bundle that is not for ink gets the whole picture as its one candidate.
        """
        check_array(frame, "frame", ("H", "W", 3))  # blue, green, red
        if frame.size == 0:
            raise UsageError(f"frame: expected one pixel or more, found {frame.shape}")
        start = time.perf_counter()
        if not self._manifest.input.ink:
            judged = None
            look, verdicts = self._judge_picture(frame)
        else:
            look, judged = self._found(self._looking.best(frame), frame.shape)
            scorer = self._classifier.bundle.scorer
            verdicts = rescore.judge(judged, self.classes, threshold=self._threshold, conf=self._conf, scorer=scorer)
        classified = time.perf_counter()
        digits, numbers, table = self._read(look, verdicts, frame.shape)
        end = time.perf_counter()
        ms = {"segment": look.segment_s, "classify": classified - start - look.segment_s, "total": end - start}
        reading = Reading(
            digits,
            numbers,
            rejected=len(look.seen.candidates) - len(digits),
            left_off=look.found.left_off,
            glyphs=look.seen.glyphs[verdicts.labels != scores.REJECTED],
            ms={stage: 1000 * seconds for stage, seconds in ms.items()},
            turn=look.view.turn,
            table=table,
        )
        found = look.view.found_in_frame(look.found, frame.shape)
        candidates = look.view.candidates_in_frame(look.seen.candidates, frame.shape)
        return Examination(reading, found, candidates, look.seen.glyphs, verdicts, judged)

    def _judge_picture(self, frame: NDArray[np.uint8]) -> tuple[Look, rescore.Verdicts]:
        """The answer to a whole picture."""
        start = time.perf_counter()
        picture = resize.make_input(frame, self._manifest.input)
        found = Segmentation((Candidate((0, 0, frame.shape[1], frame.shape[0]), picture),))
        made = time.perf_counter() - start
        seen = self._looking.see(found.candidates, picture[None])
        labels, best = scores.decide_probabilities(seen.probabilities, self.classes, max(self._threshold, self._conf))
        return Look(AS_IT_LIES, found, seen, None, 0, made), rescore.Verdicts(labels, best, lambda: ("",))

    def _found(self, look: Look, shape: tuple[int, ...]) -> tuple[Look, Page]:
        """A look at a frame of `shape`, with what may be several digits in parts, as far as there is room; and all that is known
        of what was found."""
        seen = look.seen
        marked, parts = oversegment.parts(seen.candidates, seen.digit, look.room, look.found.pixels)
        if parts:
            found = self._looking.see(parts, candidate_glyphs(parts, look.skew))
            seen = best_paths(replace(seen, candidates=marked) + found)
        boxes = [candidate.box for candidate in seen.candidates]
        cut = np.array([not candidate.whole for candidate in seen.candidates], np.bool_)
        size = (shape[0], shape[1]) if look.view.turn % 180 == 0 else (shape[1], shape[0])
        return replace(look, seen=seen), Page(boxes, seen.glyphs, seen.probabilities, cut, size, look.skew or 0.0)

    def _probabilities(self, glyphs: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits = self._manifest.page_logits(self._classifier.artifact, self._classifier.logits(glyphs))
        return scores.softmax(logits, self._manifest.temperature)

    def _read(
        self, look: Look, verdicts: rescore.Verdicts, shape: tuple[int, ...]
    ) -> tuple[tuple[Digit, ...], tuple[Number, ...], Table | None]:
        """The digits and numbers of a look, in pixels of the frame, which is of `shape` (H, W, 3)."""
        candidates, in_frame = look.seen.candidates, partial(look.view.in_frame, shape=shape)
        accepted = np.flatnonzero(verdicts.labels != scores.REJECTED).tolist()
        names, labels, best = self._manifest.classes, verdicts.labels, verdicts.scores
        numbers, table = read_table(
            look.found.grid,
            [names[labels[i]] for i in accepted],
            [float(best[i]) for i in accepted],
            [candidates[i].box for i in accepted],
            [candidates[i].box for i in np.flatnonzero(verdicts.labels == scores.REJECTED)],
            _marks(look.found),
        )
        return (
            tuple(
                Digit(int(labels[i]), names[labels[i]], float(best[i]), in_frame(candidates[i].box)) for i in accepted
            ),
            tuple(replace(number, box=in_frame(number.box)) for number in numbers),
            table,
        )

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
    *,
    strict: bool = False,
) -> Reader:
    """A reader with the bundle at `bundle` (default: the one that the wheel carries), its golden answers replayed.

    strict: whether a device that fails later is an error, instead of the CPU's turn. Raises what `load_bundle` and
    `open_classifier` raise.
    """
    classifier = open_classifier(load_bundle(bundle), artifact, backend, device, threads, strict=strict)
    try:
        return Reader(classifier, conf)
    except UsageError:
        classifier.close()
        raise
