"""The robustness report, as it is saved: one row per condition."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.scoring import Tally
from edgeproof.support.machine import Environment

SCHEMA = 1
SIZE_GROUP, EMPTY_GROUP = "size of the digits", "nothing to read"


@dataclass(frozen=True)
class ConditionRow:
    """One condition. numbers, numbers_right: groups of digits, and how many were read as such. same, answers: digits that
    were read again at the same place, of those read with or without the disturbance; null where there is no undisturbed scene.
    """

    group: str
    name: str
    tally: Tally
    numbers: int
    numbers_right: int
    same: int | None = None
    answers: int | None = None


@dataclass(frozen=True)
class RobustnessReport:
    """time: UTC, ISO 8601. seed, scenes: of the generator. artifact, backend: what read. seconds: the whole took."""

    schema: int
    time: str
    bundle: str
    manifest_sha256: str
    artifact: str
    backend: str
    seed: int
    scenes: int
    seconds: float
    environment: Environment
    rows: tuple[ConditionRow, ...]
