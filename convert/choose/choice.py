"""Which artifact on which runtime to deploy: limits first, then a goal, and no difference that was not shown.

Times are compared round by round, accuracies by the images on which the answers differ; what lies within the interval is a
tie ("≈") and the next criterion decides. Nothing is assumed of a precision: 8 bits are faster where they were measured to
be, and for nets this small ONNX Runtime is often slower with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from convert.choose.latency import TimedArtifact
from convert.statistics import SIGNIFICANT, mcnemar
from edgeproof.bench import timing
from edgeproof.bench.timing import Ratio
from edgeproof.errors import GateError
from edgeproof.manifest import Choice

Goal = Literal["latency", "size", "accuracy"]
#: 1 when the first was shown to be better in one respect, −1 when worse, 0 when they cannot be told apart.
Criterion = Callable[[TimedArtifact, TimedArtifact], int]
SAME_BYTES = 1.02  # files whose sizes differ by less are as good as the same: headers, not weights


@dataclass(frozen=True)
class Wishes:
    """What the device can bear. null = any. max_bytes: of the file; max_ms: median time of one glyph, by the upper end of
    its interval; min_accuracy: on the test images, 0..1; backend: the only runtime there; goal: what decides among the rest.

    Raises ValueError that names the wish which no file could fulfil, or none could fail.
    """

    max_bytes: int | None = None
    max_ms: float | None = None
    min_accuracy: float | None = None
    backend: str | None = None
    goal: Goal = "latency"

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_ms"):
            most = getattr(self, name)
            if most is not None and not 0 < most < math.inf:
                raise ValueError(f"{name}: expected a positive number, found {most}")
        if self.min_accuracy is not None and not 0 <= self.min_accuracy <= 1:
            raise ValueError(f"min_accuracy: expected a share in 0..1, found {self.min_accuracy}")


@dataclass(frozen=True)
class Verdict:
    """artifact, and in words why it is the default or why not; front: nothing is better in one respect and worse in none."""

    artifact: TimedArtifact
    reason: str
    front: bool
    fits: bool
    to_float: Ratio | None

    @property
    def choice(self) -> Choice:
        proof = self.artifact.proof
        p50_ms = round(self.artifact.timing.p50_ms, 5)
        return Choice(proof.artifact, proof.backend, p50_ms, self.reason)  # type: ignore[arg-type]


def choose_default(artifacts: Sequence[TimedArtifact], wishes: Wishes) -> tuple[Verdict, ...]:
    """A verdict on each: first the default, then what else fits the wishes, best first, then what does not.

    Raises GateError when nothing fits.
    """
    refused = {id(artifact): _refusal(artifact, wishes) for artifact in artifacts}
    fitting = [artifact for artifact in artifacts if not refused[id(artifact)]]
    if not fitting:
        reasons = "; ".join(f"{artifact.name}: {refused[id(artifact)]}" for artifact in artifacts)
        raise GateError(f"no artifact fits: {reasons or 'none works here'}")
    order = _ordered(fitting, wishes.goal)
    best = order[0]
    verdicts = []
    for artifact in [*order, *(artifact for artifact in artifacts if refused[id(artifact)])]:
        others = [other for other in artifacts if other is not artifact]
        reason = refused[id(artifact)]
        if not reason:
            reason = _praise(best, order, wishes.goal) if artifact is best else _why_not(artifact, best, wishes.goal)
        verdicts.append(
            Verdict(
                artifact=artifact,
                reason=reason,
                front=not any(_dominates(other, artifact) for other in others),
                fits=not refused[id(artifact)],
                to_float=_to_float(artifact, artifacts),
            )
        )
    return tuple(verdicts)


def times(one: TimedArtifact, other: TimedArtifact) -> Ratio:
    """The time of `one` relative to that of `other`."""
    return timing.compare(one.rounds, other.rounds)  # type: ignore[arg-type]


def faster(one: TimedArtifact, other: TimedArtifact) -> int:
    """1 when `one` was shown to be faster, −1 when slower, 0 when they cannot be told apart."""
    ratio = times(one, other)
    return 0 if not ratio.distinguishable else 1 if ratio.value < 1 else -1


def smaller(one: TimedArtifact, other: TimedArtifact) -> int:
    """The same for the file's size."""
    return int(one.row.bytes * SAME_BYTES < other.row.bytes) - int(other.row.bytes * SAME_BYTES < one.row.bytes)


def more_accurate(one: TimedArtifact, other: TimedArtifact) -> int:
    """The same for accuracy, on the safe side.

    It is known in how many answers each differs from Keras. The two differ from each other in at most the sum of both.
    McNemar's test on that many changed answers is conservative: it shows too few differences, never too many.
    """
    difference = one.proof.correct - other.proof.correct
    if one.proof.images != other.proof.images or difference == 0:
        return 0
    changed = one.proof.lost + one.proof.gained + other.proof.lost + other.proof.gained
    changed = max(changed - (changed - difference) % 2, abs(difference))
    if mcnemar((changed + difference) // 2, (changed - difference) // 2) >= SIGNIFICANT:
        return 0
    return 1 if difference > 0 else -1


_CRITERIA: dict[Goal, tuple[Criterion, ...]] = {
    "latency": (faster, more_accurate, smaller),
    "size": (smaller, more_accurate, faster),
    "accuracy": (more_accurate, faster, smaller),
}
#: Where nothing was shown, the order still has to be some order: the measured value's.
_VALUES: dict[Goal, Callable[[TimedArtifact], float]] = {
    "latency": lambda artifact: artifact.timing.p50_ms,
    "size": lambda artifact: artifact.row.bytes,
    "accuracy": lambda artifact: -artifact.proof.correct,
}


def _ordered(artifacts: Sequence[TimedArtifact], goal: Goal) -> list[TimedArtifact]:
    """Best first: the leader by value, then whoever was shown to be better on one criterion after the other, among ties.

    Also on the first: on a busy machine the order of the medians may be another than that of the rounds.
    """
    rest = sorted(artifacts, key=_VALUES[goal])
    order = []
    while rest:
        best, tied = rest[0], rest
        for criterion in _CRITERIA[goal]:
            for other in tied:
                best = other if criterion(other, best) > 0 else best
            tied = [other for other in tied if criterion(best, other) == 0]
        order.append(best)
        rest.remove(best)
    return order


def _dominates(one: TimedArtifact, other: TimedArtifact) -> bool:
    signs = [criterion(one, other) for criterion in (faster, smaller, more_accurate)]
    return min(signs) >= 0 and max(signs) > 0


def _refusal(artifact: TimedArtifact, wishes: Wishes) -> str:
    """Why an artifact does not fit the wishes; empty when it does."""
    time = artifact.timing
    if wishes.backend is not None and artifact.proof.backend != wishes.backend:
        return f"runs on {artifact.proof.backend}, wanted {wishes.backend}"
    if wishes.max_bytes is not None and artifact.row.bytes > wishes.max_bytes:
        return f"{artifact.row.bytes:,} bytes, permitted {wishes.max_bytes:,}"
    if wishes.min_accuracy is not None and artifact.accuracy < wishes.min_accuracy:
        return f"accuracy {artifact.accuracy:.4f}, required {wishes.min_accuracy:g}"
    if wishes.max_ms is not None and time.p50_high_ms > wishes.max_ms:
        return f"{_milliseconds(artifact)}, permitted {wishes.max_ms:g} ms"
    return ""


def _praise(best: TimedArtifact, order: Sequence[TimedArtifact], goal: Goal) -> str:
    word = {"latency": "fastest", "size": "smallest", "accuracy": "most accurate"}[goal]
    equal = [other.name for other in order[1:] if _CRITERIA[goal][0](best, other) == 0]
    facts = f"{word}: {_milliseconds(best)}; {best.row.bytes / 1000:.1f} kB; {best.accuracy:.2%}"
    return facts + (f"; ≈ {', '.join(equal)}" if equal else "")


def _why_not(artifact: TimedArtifact, best: TimedArtifact, goal: Goal) -> str:
    """In the order of the goal's criteria: what was shown to be worse than the default, and what is the same."""
    worse: list[str] = []
    same: list[str] = []
    better: list[str] = []
    for criterion in _CRITERIA[goal]:
        words = _compared(criterion, artifact, best)
        {-1: worse, 0: same, 1: better}[criterion(artifact, best)].append(words)
    parts = worse + ([f"though {' and '.join(better)}"] if better else []) + same
    return f"beside {best.name}: {'; '.join(parts)}"


def _compared(criterion: Criterion, artifact: TimedArtifact, best: TimedArtifact) -> str:
    sign = criterion(artifact, best)
    if criterion is faster:
        return f"{ratio_text(times(artifact, best))} the time" if sign else "≈ as fast"
    if criterion is smaller:
        return f"{artifact.row.bytes / best.row.bytes:.3g} × the bytes" if sign else "≈ the same size"
    points = 100 * abs(artifact.accuracy - best.accuracy)
    word = {-1: "less accurate by", 1: "more accurate by"}
    return f"{word[sign]} {points:.2f} points" if sign else "≈ as accurate"


def ratio_text(ratio: Ratio) -> str:
    """For example "1.42 × [1.38–1.46]", or "≈ 1 × […]" when the interval contains 1."""
    value = f"{ratio.value:.2f} ×" if ratio.distinguishable else "≈ 1 ×"
    return f"{value} [{ratio.low:.2f}–{ratio.high:.2f}]"


def _milliseconds(artifact: TimedArtifact) -> str:
    time = artifact.timing
    return f"{time.p50_ms:.3g} ms [{time.p50_low_ms:.3g}–{time.p50_high_ms:.3g}]"


def _to_float(artifact: TimedArtifact, artifacts: Sequence[TimedArtifact]) -> Ratio | None:
    """Its time relative to float32 of the same format on the same runtime: what a smaller precision has brought here."""
    for other in artifacts:
        same = (other.row.format, other.proof.backend) == (artifact.row.format, artifact.proof.backend)
        if same and other.row.name == f"fp32.{artifact.row.format}" and other is not artifact:
            return times(artifact, other)
    return None
