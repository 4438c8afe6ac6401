"""Read a frame: candidates, glyphs, scores, digits, numbers; or what a picture shows, and each region of it.

All candidates of a frame go through the model together.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.classifier import AUTO, MAX_BATCH, Classifier, Facts, check_array, open_classifier
from edgeproof.errors import UsageError
from edgeproof.input_contract import InputContract
from edgeproof.page import pictures, segment
from edgeproof.page.context import rescore
from edgeproof.page.context.features import Page
from edgeproof.page.geometry import Box
from edgeproof.page.looking import Looking, best_paths
from edgeproof.page.numbers import Mark, Number
from edgeproof.page.pictures import WHOLE, Regions
from edgeproof.page.pieces import oversegment
from edgeproof.page.reading import Digit, Examination, Guess, Reading
from edgeproof.page.segment import Segmentation
from edgeproof.page.table import Table, read_table
from edgeproof.page.views import Look, candidate_glyphs
from edgeproof.trust.trusted import Trust


class Reader:
    """An opened classifier with what finds its inputs in a frame. Use as a context manager, or call `close`.

    A bundle for ink reads pages; any other is given the frame, or regions of it, as pictures.

    It may be shared by threads: they find digits side by side and take turns at the model.
    """

    def __init__(
        self, classifier: Classifier, conf: float | None = None, regions: Regions = WHOLE, top: int = 0
    ) -> None:
        """`conf`: the lowest score of an accepted digit, 0..1, whatever stands around it; by default the threshold that the
        bundle states for the artifact, which a glyph has to reach by itself, less among digits and more among other things.
        regions: of each frame, for a bundle of pictures. top: how many of the likeliest classes each answer tells.

        Raises UsageError when `conf` is no probability, there are not so many classes, or a page is to be read in regions.
        """
        if conf is not None and not 0 <= conf <= 1:
            raise UsageError(f"--conf: expected a number from 0 to 1, found {conf:g}")
        manifest = classifier.bundle.manifest
        if not 0 <= top <= len(manifest.classes):
            raise UsageError(f"--top: expected 1 to {len(manifest.classes)}, the classes of this bundle, found {top}")
        if regions != WHOLE and manifest.input.ink:
            raise UsageError(
                f"--region, --grid: expected a bundle of pictures, found {manifest.name}, which reads whole pages: leave them out"
            )
        self._regions, self._top = regions, top
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

    @property
    def bundle(self) -> Bundle:
        return self._classifier.bundle

    @property
    def input(self) -> InputContract:
        """What the model takes: `input.ink` tells a reader of pages from one of pictures."""
        return self._manifest.input

    def warm_up(self) -> None:
        """Let the model meet every batch size that a frame may bring, so that the first frames take no longer than the others."""
        self._classifier.warm_up(MAX_BATCH if self.input.ink else self._regions.count)

    def read(self, frame: NDArray[np.uint8], turn: int = 0) -> Reading:
        """Everything read in a frame, uint8 BGR (H, W, 3).

        turn: that of the reading of the frame before it in a video, 0, 90, 180 or 270 degrees: where it still fits, as is
        checked, a page on its side or head takes one look; else it is read as a single picture is.

        Raises UsageError for an array of another kind or another turn, naming what was expected; and after `close`.
        """
        return self.examine(frame, turn).reading

    def examine(self, frame: NDArray[np.uint8], turn: int = 0) -> Examination:
        """`read`, with the candidates and the reason for each that was refused.

        Raises SourceError too, for a frame in which a region has no room.
        """
        check_array(frame, "frame", ("H", "W", 3))  # blue, green, red
        if frame.size == 0:
            raise UsageError(f"frame: expected one pixel or more, found {frame.shape}")
        if turn not in {0, 90, 180, 270}:
            raise UsageError(f"turn: expected 0, 90, 180 or 270 degrees, as in a reading, found {turn}")
        return self._examine_page(frame, turn) if self.input.ink else self._examine_picture(frame)

    def _examine_page(self, frame: NDArray[np.uint8], turn: int) -> Examination:
        start = time.perf_counter()
        look, judged = self._found(self._looking.best(frame, turn), frame.shape)
        scorer = self._classifier.bundle.scorer
        verdicts = rescore.judge(judged, self.classes, threshold=self._threshold, conf=self._conf, scorer=scorer)
        classified = time.perf_counter()
        digits, numbers, table = self._read(look, verdicts, frame.shape)
        reading = Reading(
            digits,
            numbers,
            rejected=len(look.seen.candidates) - len(digits),
            left_off=look.found.left_off,
            glyphs=look.seen.glyphs[verdicts.labels != scores.REJECTED],
            ms=_ms(start, start + look.segment_s, classified),
            turn=look.view.turn,
            table=table,
        )
        found = look.view.found_in_frame(look.found, frame.shape)
        candidates = look.view.candidates_in_frame(look.seen.candidates, frame.shape)
        return Examination(reading, found, candidates, look.seen.glyphs, verdicts, judged)

    def _examine_picture(self, frame: NDArray[np.uint8]) -> Examination:
        """Every region is one candidate, and what it shows is one answer."""
        start = time.perf_counter()
        boxes = self._regions.inside(*frame.shape[:2])
        candidates = pictures.candidates_in(frame, boxes, self.input)
        images = np.stack([candidate.ink for candidate in candidates])
        made = time.perf_counter()
        probabilities = self._probabilities(images)
        verdicts = pictures.judge(probabilities, self.classes, max(self._threshold, self._conf))
        classified = time.perf_counter()
        regions = pictures.regions_of(candidates, verdicts, probabilities, self.classes, self._top)
        answers = tuple(region.answer for region in regions if region.answer is not None)
        reading = Reading(
            answers,
            (),
            rejected=len(regions) - len(answers),
            left_off=0,
            glyphs=images[verdicts.labels != scores.REJECTED],
            ms=_ms(start, made, classified),
            regions=regions,
        )
        return Examination(reading, Segmentation(candidates), candidates, images, verdicts, None)

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

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The label of each glyph or picture, uint8 (N, *shape), by itself: int64 (N,), −1 where it is refused.

        Raises what `Classifier.logits` raises.
        """
        return scores.decide_probabilities(self._probabilities(images), self.classes, max(self._threshold, self._conf))[
            0
        ]

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
                Digit(
                    int(labels[i]), names[labels[i]], float(best[i]), in_frame(candidates[i].box), self._top_of(look, i)
                )
                for i in accepted
            ),
            tuple(replace(number, box=in_frame(number.box)) for number in numbers),
            table,
        )

    def _top_of(self, look: Look, i: int) -> tuple[Guess, ...]:
        return pictures.likeliest(look.seen.probabilities[i], self.classes, self._top) if self._top else ()

    def close(self) -> None:
        self._classifier.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ms(start: float, segmented: float, classified: float) -> dict[str, float]:
    """Milliseconds per stage of a frame that is read by now; from clocks in seconds."""
    seconds = {
        "segment": segmented - start,
        "classify": classified - segmented,
        "total": time.perf_counter() - start,
    }
    return {stage: 1000 * each for stage, each in seconds.items()}


def _marks(found: Segmentation) -> list[tuple[Mark, Box]]:
    """What may be a decimal point or a minus sign among what was never a candidate."""
    marks: dict[segment.Kind, Mark] = {"speck": "point", "low": "point", "flat": "minus"}
    return [(marks[dropped.kind], dropped.box) for dropped in found.dropped if dropped.kind in marks]


def open_reader(  # noqa: PLR0917 (one name per command-line flag, in the same order)
    bundle: Path | str | None = None,
    artifact: str = AUTO,
    backend: str = AUTO,
    device: str = AUTO,
    threads: int | None = None,
    conf: float | None = None,
    *,
    strict: bool = False,
    tuned: bool = False,
    regions: Regions = WHOLE,
    top: int = 0,
    trust: Trust | None = None,
) -> Reader:
    """A reader with the bundle at `bundle` (default: the one that the wheel carries), its golden answers replayed.

    `threads`, `strict` and `tuned` are as `open_classifier` takes them, `conf`, `regions` and `top` as `Reader` does, `trust` as
    `load_bundle`. Raises what `load_bundle`, `open_classifier` and `Reader` raise.
    """
    loaded = load_bundle(bundle, trust)
    classifier = open_classifier(loaded, artifact, backend, device, threads, strict=strict, tuned=tuned)
    try:
        return Reader(classifier, conf, regions, top)
    except UsageError:
        classifier.close()
        raise
