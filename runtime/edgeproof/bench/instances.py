"""Pairs of models opened anew in a process of their own, and measured in turns: one instance of what a comparison repeats.

    python -m edgeproof.bench.instances JOB

JOB is a `Job` as JSON. The child opens both models of a pair, b first in every second child, measures them in turns, closes them,
goes on with the next pair, and gives a list of `Instance`. A process each because the same file, loaded twice, differs in time by
where its memory happens to lie, and stays so as long as it is open.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from edgeproof.bench import audit, child, timing
from edgeproof.bench.measure import batches, distinct_inputs
from edgeproof.bench.opened import open_one
from edgeproof.bench.timing import Subject
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.classifier import Classifier
from edgeproof.errors import BenchmarkError, UnavailableError, first_line
from edgeproof.support import tables

MOST_SLOW_S = 1800.0  # of one model of a pair: what takes longer than that is taken to hang
PAIR_S = 60.0  # to open, warm up and close a pair of slow models


@dataclass(frozen=True)
class Model:
    """An artifact of a bundle folder on a backend. manifest_sha256: of the bundle's manifest, where the parent found it to be
    trusted; empty where the child is to find out."""

    bundle: str
    artifact: str
    backend: str
    manifest_sha256: str = ""

    @property
    def name(self) -> str:
        return f"{self.artifact} on {self.backend}"


@dataclass(frozen=True)
class Pair:
    """What is compared: the time of b relative to that of a."""

    a: Model
    b: Model


@dataclass(frozen=True)
class Job:
    """What one child does. seconds: measuring time of each model. device: "cpu", "cuda", …; threads: of the CPU. batch: images
    per call. seed: of the order of the pairs; an odd one exchanges the two of each. audited: whether answers are looked at too.
    places: of the pairs among all that were asked for, so that each is exchanged in every second child, whatever was left out.
    """

    pairs: tuple[Pair, ...]
    places: tuple[int, ...]
    seconds: float
    device: str
    threads: int
    batch: int
    seed: int
    audited: bool


@dataclass(frozen=True)
class Instance:
    """One pair in one child. a_ms, b_ms: median time of a call, milliseconds. ratio: of the medians of rounds, b / a.

    skipped: why it does not run here, in words; the figures are 0 then. faults: a device that failed meanwhile, or what an audit
    found.
    """

    a_ms: float
    b_ms: float
    ratio: float
    skipped: str = ""
    faults: tuple[str, ...] = ()


def launch(job: Job) -> tuple[Instance, ...]:
    """Start a child and return what it measured of each pair. Raises what `edgeproof.bench.child.ask` does."""
    words = [json.dumps(tables.to_table(job))]
    found = child.ask("edgeproof.bench.instances", words, "measuring", limit_s(job))
    return tuple(tables.from_table(Instance, one, "instance", BenchmarkError) for one in found)


def limit_s(job: Job) -> float:
    """When a child is given up: twice what its pairs take, each of two models; of slow ones, what their fewest calls do, at a
    second per image."""
    fewest_s = min(MOST_SLOW_S, (2 * timing.ROUNDS + 1) * timing.MIN_CALLS * job.batch)
    return PAIR_S + len(job.pairs) * (PAIR_S + 2 * max(2 * job.seconds, fewest_s))


def measure(job: Job) -> list[Instance]:
    """What the child does."""
    rng = np.random.default_rng(job.seed)
    found: dict[int, Instance] = {}
    for index in rng.permutation(len(job.pairs)).tolist():
        try:
            found[index] = _measure(job.pairs[index], job, first=(job.seed + job.places[index]) % 2)
        except UnavailableError as error:
            found[index] = Instance(0, 0, 0, skipped=first_line(error))
    return [found[index] for index in range(len(job.pairs))]


def _measure(pair: Pair, job: Job, first: int) -> Instance:
    """first: which of the two is opened and warmed up first, 0 for a."""
    models = (pair.a, pair.b)
    opened: dict[int, Classifier] = {}
    try:
        for side in (first, 1 - first):
            one = models[side]
            opened[side] = open_one(
                _bundle(one.bundle, one.manifest_sha256), (one.artifact, one.backend, job.threads), job.device
            )
        images = {side: _images(models[side].bundle, models[side].manifest_sha256) for side in opened}
        subjects = {
            side: Subject(classifier.logits, cycle(batches(images[side], job.batch)), kept=[])
            for side, classifier in opened.items()
        }
        timing.measure_in_turns(list(subjects.values()), job.seconds, lambda _: None)
        faults = []
        for side, classifier in opened.items():
            if classifier.facts.degraded:
                faults.append(f"{models[side].name}: {classifier.facts.degraded}")
            if job.audited:
                faults += audit.faults([(models[side].name, classifier, subjects[side])], images[side])
    finally:
        for classifier in opened.values():
            classifier.close()
    a, b = (subjects[side].rounds for side in (0, 1))
    a_ms, b_ms = (float(np.median(timing.round_medians(rounds))) / 1e6 for rounds in (a, b))
    return Instance(a_ms, b_ms, timing.compare(b, a).value, faults=tuple(dict.fromkeys(faults)))


@cache
def _bundle(path: str, manifest_sha256: str) -> Bundle:
    return load_bundle(path, checked=manifest_sha256)


@cache
def _images(path: str, manifest_sha256: str) -> NDArray[np.uint8]:
    return distinct_inputs(_bundle(path, manifest_sha256).golden.images)


if __name__ == "__main__":
    asked = tables.from_table(Job, json.loads(sys.argv[1]), "job", BenchmarkError)
    child.answer(lambda: tables.to_table(measure(asked)))
