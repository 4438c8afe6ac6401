"""Pairs of models opened anew in a process of their own, and measured in turns: one instance of what a comparison repeats.

    python -m edgeproof.bench.instances JOB

JOB is a `Job` as JSON. The child opens both models of a pair, b first in every second child, measures them in turns, closes them,
goes on with the next pair, prints one JSON line, a list of `Instance`, and ends. A process each because the same file, loaded
twice, differs in time by where its memory happens to lie, and stays so as long as it is open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeproof.bench import audit, timing
from edgeproof.bench.measure import batches, distinct_inputs
from edgeproof.bench.timing import Subject
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.errors import BenchmarkError, IntegrityError, UnavailableError, first_line
from edgeproof.support import tables

LIMIT_S = 600.0  # of one child: a model that hangs must not hold the parent for ever


@dataclass(frozen=True)
class Model:
    """An artifact of a bundle folder on a backend."""

    bundle: str
    artifact: str
    backend: str

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
    """

    pairs: tuple[Pair, ...]
    seconds: float
    device: str
    threads: int
    batch: int
    seed: int
    audited: bool


@dataclass(frozen=True)
class Instance:
    """One pair in one child. a_ms, b_ms: median time of a call, milliseconds. ratio: of the medians of rounds, b / a.

    skipped: why it does not run here, in words; the figures are 0 then. faults: what an audit found.
    """

    a_ms: float
    b_ms: float
    ratio: float
    skipped: str = ""
    faults: tuple[str, ...] = ()


def launch(job: Job) -> tuple[Instance, ...]:
    """Start a child and return what it measured of each pair. Raises BenchmarkError when it fails."""
    package_root = str(Path(__file__).parents[2])  # the child imports the edgeproof that this process runs
    search = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "edgeproof.bench.instances", json.dumps(tables.to_table(job))]
    environment = {**os.environ, "PYTHONPATH": search}
    try:
        child = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"a child process measured for more than {LIMIT_S:.0f} s: measure fewer pairs") from None
    if child.returncode:
        reason = (child.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BenchmarkError(f"measuring failed in its child process: {reason}")
    found = json.loads(child.stdout)
    return tuple(tables.from_table(Instance, one, "instance", BenchmarkError) for one in found)


def measure(job: Job) -> list[Instance]:
    """What the child does."""
    rng = np.random.default_rng(job.seed)
    found: dict[int, Instance] = {}
    for index in rng.permutation(len(job.pairs)).tolist():
        try:
            found[index] = _measure(job.pairs[index], job, first=(job.seed + index) % 2)
        except UnavailableError as error:
            found[index] = Instance(0, 0, 0, skipped=first_line(error))
    return [found[index] for index in range(len(job.pairs))]


def _measure(pair: Pair, job: Job, first: int) -> Instance:
    """first: which of the two is opened and warmed up first, 0 for a."""
    models = (pair.a, pair.b)
    opened: dict[int, Classifier] = {}
    try:
        for side in (first, 1 - first):
            opened[side] = _open(models[side], job)
        images = {side: _images(models[side].bundle) for side in opened}
        subjects = {
            side: Subject(classifier.logits, cycle(batches(images[side], job.batch)), kept=[])
            for side, classifier in opened.items()
        }
        timing.measure_in_turns(list(subjects.values()), job.seconds, lambda _: None)
        faults = []
        if job.audited:
            for side, classifier in opened.items():
                faults += audit.faults([(models[side].name, classifier, subjects[side])], images[side])
    finally:
        for classifier in opened.values():
            classifier.close()
    a, b = (subjects[side].rounds for side in (0, 1))
    a_ms, b_ms = (float(np.median(timing.round_medians(rounds))) / 1e6 for rounds in (a, b))
    return Instance(a_ms, b_ms, timing.compare(b, a).value, faults=tuple(dict.fromkeys(faults)))


@cache
def _bundle(path: str) -> Bundle:
    return load_bundle(path)


@cache
def _images(path: str) -> NDArray[np.uint8]:
    return distinct_inputs(_bundle(path).golden.images)


def _open(model: Model, job: Job) -> Classifier:
    """Raises UnavailableError too for what answers differently and was never proven on that backend: no claim is broken."""
    bundle = _bundle(model.bundle)
    try:
        return open_classifier(bundle, model.artifact, model.backend, job.device, job.threads)
    except IntegrityError as error:
        if (model.artifact, model.backend) in {(choice.artifact, choice.backend) for choice in bundle.manifest.ranking}:
            raise
        raise UnavailableError(str(error)) from None


if __name__ == "__main__":
    print(json.dumps(tables.to_table(measure(tables.from_table(Job, json.loads(sys.argv[1]), "job", BenchmarkError)))))
