"""How fast each artifact is on each runtime here, measured as a device would call it: one image, one thread, by turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from convert.proof.evidence import runtimes
from edgeproof.backends import BACKENDS
from edgeproof.bench import timing
from edgeproof.bench.timing import Subject, Timing
from edgeproof.bundle import Bundle
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.errors import IntegrityError, UnavailableError
from edgeproof.manifest import Artifact, Proof

SECONDS = 0.5  # of measuring each, over all rounds
INPUTS = 1_000  # different glyphs, so that no cache answers for the model


@dataclass(frozen=True, eq=False)
class TimedArtifact:
    """An artifact on a runtime, proven and timed.

    rounds: nanoseconds per call, int64 (calls,) per round; round i of all of them was measured at about the same time.
    """

    row: Artifact
    proof: Proof
    rounds: tuple[NDArray[np.int64], ...]

    @property
    def name(self) -> str:
        return f"{self.row.name} on {self.proof.backend}"

    @property
    def accuracy(self) -> float:
        return self.proof.correct / self.proof.images

    @cached_property
    def timing(self) -> Timing:
        return timing.summarize(self.rounds)  # type: ignore[arg-type]


def measure(
    bundle: Bundle,
    proofs: Iterable[Proof],
    glyphs: NDArray[np.uint8],
    *,
    seconds: float = SECONDS,
    progress: Callable[[str], None] = lambda _: None,
    probe: bool = True,
) -> tuple[TimedArtifact, ...]:
    """Time every usable pair of `proofs` that works here; proof-only backends are not timed. images: uint8 (n, …).
    probe: as `open_classifier` takes it."""
    with ExitStack() as stack:
        opened: list[tuple[Proof, Subject]] = []
        for proof in proofs:
            if proof.backend not in BACKENDS:
                continue
            classifier = _opened(bundle, proof, stack, probe)
            if classifier is not None:
                singles = [glyphs[i % len(glyphs)][None] for i in range(INPUTS)]
                opened.append((proof, Subject(classifier.logits, cycle(singles))))
        timing.measure_in_turns([subject for _, subject in opened], seconds, progress)
    return tuple(
        TimedArtifact(bundle.manifest.artifact(proof.artifact), proof, tuple(map(np.array, subject.rounds)))
        for proof, subject in opened
    )


def stated_proofs(bundle: Bundle) -> tuple[Proof, ...]:
    """The proofs of the usable artifacts; from the rows of a bundle that was made before there were proofs."""
    manifest = bundle.manifest
    usable = {row.name: row for row in manifest.usable}
    if manifest.proofs:
        return tuple(proof for proof in manifest.proofs if proof.artifact in usable)
    return tuple(
        Proof(
            artifact=row.name,
            backend=runtimes(row)[0],
            version="",
            correct=row.correct,
            images=row.images,
            accuracy_low=row.accuracy_low,
            accuracy_high=row.accuracy_high,
            lost=0,
            gained=0,
            drop_limit=0.0,
            p=1.0,
            agreement=row.agreement,
            max_probability_difference=row.max_probability_difference,
            mean_probability_difference=0.0,
            recall={},
            calibration_error=0.0,
        )
        for row in usable.values()
    )


def _opened(bundle: Bundle, proof: Proof, stack: ExitStack, probe: bool) -> Classifier | None:
    try:
        classifier = open_classifier(bundle, proof.artifact, proof.backend, "cpu", threads=1, probe=probe)
    except (UnavailableError, IntegrityError):  # not installed here, or answers differently from when it was proven
        return None
    return stack.enter_context(classifier)
