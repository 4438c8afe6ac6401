"""Which of a bundle's artifacts on which backend, with how many threads, is fastest on this very machine: `edgeproof tune`.

A bundle is ranked on the machine that converts it. Which kernels a runtime has for a precision hangs on the CPU, so the order
elsewhere may be another one: int8 may be slower than fp32. What is measured is what the reader does: of a page it sends all
candidates of a frame in one call, some ten of them, which the classifier splits into 8 and 2; of pictures one. A call of one
glyph would rank by what a call itself costs, and threads by nothing.

Only what the bundle ranks is measured: it passed its proof on that very runtime. The bundle's own choice, with one thread, stays
unless another is faster; where several are and cannot be told apart, the bundle's order decides, and then fewer threads, for the
other cores have pictures to fetch and to draw.

Faster means that the whole interval of the ratio, round by round, lies below 0.95. The same file opened twice may be some
percent apart, and a gain as small is no reason for another choice. Without that margin one of twenty equal rows would be called
faster than the first in 13 % of all runs (normal noise, 20,000 draws); with it in 1 % where rounds differ by 10 %.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from typing import Literal

from edgeproof.bench import measure, timing
from edgeproof.bench.opened import Wanted, open_all
from edgeproof.bench.timing import Ratio, Subject, Timing
from edgeproof.bundle import Bundle
from edgeproof.classifier import Classifier
from edgeproof.support import machine
from edgeproof.support.machine import Environment
from edgeproof.tuned import cache
from edgeproof.tuned.cache import Ranked, Tuned, described
from edgeproof.tuned.fingerprint import Fingerprint, fingerprint_of

SCHEMA = 1
GLYPHS = 10  # of a call: what a frame of a page holds
GAIN = 0.95  # of the time: what is not below that is not faster

Rounds = Sequence[Sequence[int]]


@dataclass(frozen=True, order=True)
class Candidate:
    """What may be chosen. threads: on the CPU, ≥ 1."""

    artifact: str
    backend: str
    threads: int

    @property
    def name(self) -> str:
        return described((self.artifact, self.backend), self.threads)


@dataclass(frozen=True)
class TuneRow:
    """One candidate and its times, of calls with `images` images.

    warm: whether warm-up reached a steady state. to_default: time relative to the bundle's own choice, 0.5 = half of it.
    among_fastest: whether none is faster.
    """

    artifact: str
    backend: str
    threads: int
    provider: str
    version: str
    warm: bool
    timing: Timing
    to_default: Ratio
    among_fastest: bool


@dataclass(frozen=True)
class TuneReport:
    """What was measured and chosen.

    images: per call. default: what `auto` takes here without this. rows: best first, the choice in front. reason: for it.
    problems: why the verdict is INVALID; then nothing was chosen, and choice is null. skipped: what is not here, and why.
    written: the file in the cache; null where nothing was written.
    """

    schema: int
    type: Literal["tune"]
    time: str
    bundle: str
    images: int
    duration_s: float
    verdict: Literal["valid", "INVALID"]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    skipped: tuple[str, ...]
    default: str
    choice: str | None
    reason: str
    rows: tuple[TuneRow, ...]
    fingerprint: Fingerprint
    environment: Environment
    written: str | None = None


def tune(bundle: Bundle, duration_s: float, progress: Callable[[str], None] = lambda _: None) -> TuneReport:
    """Measure what `bundle` ranks, `duration_s` seconds each, and rank it anew. Nothing is written.

    Raises UnavailableError when nothing of it works here, UsageError for a duration that is none, IntegrityError when something
    answers differently from when it was proven. A report with verdict "INVALID" is returned.
    """
    timing.check_duration(duration_s)
    environment, fingerprint = machine.environment(), fingerprint_of(bundle)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    images = GLYPHS if bundle.manifest.input.ink else 1
    inputs = measure.batches(measure.distinct_inputs(bundle.golden.images), images)
    skipped: list[str] = []
    with contextlib.ExitStack() as stack:
        found = open_all(bundle, _wanted(bundle), skipped)
        opened = {Candidate(*one): stack.enter_context(classifier) for one, classifier in found}
        subjects = {each: Subject(classifier.logits, cycle(inputs)) for each, classifier in opened.items()}
        timing.measure_in_turns(list(subjects.values()), duration_s, progress)
    order = ranked({each: subject.rounds for each, subject in subjects.items()}, list(subjects))
    default = next(iter(subjects))
    rows = _rows(order, subjects, opened, default)
    problems = measure.drifts({each.name: row.timing for each, row in zip(order, rows, strict=True)})
    return TuneReport(
        schema=SCHEMA,
        type="tune",
        time=when,
        bundle=bundle.manifest.name,
        images=images,
        duration_s=duration_s,
        verdict="INVALID" if problems else "valid",
        problems=problems,
        warnings=measure.warnings_of(environment, [subject.warm for subject in subjects.values()]),
        skipped=tuple(skipped),
        default=default.name,
        choice=None if problems else order[0].name,
        reason="" if problems else reason(rows, default),
        rows=rows,
        fingerprint=fingerprint,
        environment=environment,
    )


def ranked(rounds: Mapping[Candidate, Rounds], order: Sequence[Candidate]) -> list[Candidate]:
    """The candidates of `order`, best first, by their times, nanoseconds per round.

    The best is the first of `order`; or, where some are faster than that one, the best of those. Then the same among what is
    left.
    """
    faster = _faster(rounds)
    left, found = list(order), []
    while left:
        best, better = left[0], left
        while better := [each for each in better if each in faster[best]]:
            best = better[0]
        left.remove(best)
        found.append(best)
    return found


def _faster(rounds: Mapping[Candidate, Rounds]) -> dict[Candidate, set[Candidate]]:
    """Of each, who is faster."""
    pace = {each: [[round(median)] for median in timing.round_medians(taken)] for each, taken in rounds.items()}
    return {one: {other for other in pace if timing.compare(pace[other], pace[one]).high < GAIN} for one in pace}


def reason(rows: Sequence[TuneRow], default: Candidate) -> str:
    """Why the first of the ranked rows is the choice, in words."""
    best = rows[0]
    if Candidate(best.artifact, best.backend, best.threads) != default:
        return f"{share(best.to_default)} × the time of the bundle's own choice, {default.name}"
    if any(row.among_fastest for row in rows[1:]):
        return "no difference: the bundle's own choice stays"
    return "the bundle's own choice, here the fastest too"


def share(ratio: Ratio) -> str:
    """A ratio with its interval, in words."""
    return f"{ratio.value:.2f} [{ratio.low:.2f}–{ratio.high:.2f}]"


def entry_of(report: TuneReport) -> Tuned:
    """What of a valid report goes into the cache: for each artifact on each backend the best number of threads."""
    best: dict[tuple[str, str], Ranked] = {}
    for row in report.rows:
        p50_us = round(1000 * row.timing.p50_ms, 2)
        best.setdefault((row.artifact, row.backend), Ranked(row.artifact, row.backend, row.threads, p50_us))
    return Tuned(cache.SCHEMA, report.time, report.fingerprint, report.reason, tuple(best.values()))


def _wanted(bundle: Bundle) -> Iterator[Wanted]:
    """In the bundle's order, and with fewer threads first."""
    for choice in bundle.manifest.ranking:
        for threads in dict.fromkeys((1, machine.physical_cores())):
            yield choice.artifact, choice.backend, threads


def _rows(
    order: Sequence[Candidate],
    subjects: Mapping[Candidate, Subject],
    opened: Mapping[Candidate, Classifier],
    default: Candidate,
) -> tuple[TuneRow, ...]:
    faster = _faster({each: subject.rounds for each, subject in subjects.items()})
    rows = []
    for each in order:
        rounds, facts = subjects[each].rounds, opened[each].facts
        rows.append(
            TuneRow(
                *(each.artifact, each.backend, each.threads),
                provider=facts.provider,
                version=facts.version,
                warm=subjects[each].warm,
                timing=timing.summarize(rounds),
                to_default=timing.compare(rounds, subjects[default].rounds),
                among_fastest=not faster[each],
            )
        )
    return tuple(rows)
