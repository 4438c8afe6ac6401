"""`edgeproof bench --compare A B`: is B faster or slower than A, or was no difference shown?

Each pair is opened anew and measured in turns in INSTANCES child processes, one after the other, and each gives one ratio. The
interval of the ratio is made from those (Wilcoxon's signed ranks of their logarithms, which assume no distribution but that b is
opened before a as often as after), so that it holds what another run would give.

Why so: the same file, opened twice in one process, keeps the difference that its memory happened to get. Measured with ten
artifacts against themselves, on two busy cores: the interval over 10 rounds of one process (`timing.compare`) called 1 to 49 % of
pairs different, LiteRT's most often, though the ratios of 75 processes lie only 0.7 to 1.6 % apart (standard deviation; up to 6 %
where other programs came between). Drawing 12 of them again and again, at an error of 5 % for all rows together: signed ranks
called 4.6 % of comparisons different, and none with the bound SAME; a tenth was found in 95 % of rows, with that bound. Of 8
processes no ten rows can be judged so; the sign test found 81 %; Student's t found 97 %, and assumes what bursts break.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from edgeproof.backends import BACKENDS, OWN
from edgeproof.bench import instances, timing
from edgeproof.bench.instances import Instance, Job, Model, Pair
from edgeproof.bench.timing import Ratio
from edgeproof.bundle import Bundle, default_bundle, load_bundle
from edgeproof.classifier import AUTO
from edgeproof.errors import BenchmarkError, UnavailableError, UsageError
from edgeproof.manifest import Artifact
from edgeproof.support import machine
from edgeproof.support.machine import Environment
from edgeproof.support.tables import nearest
from edgeproof.trust.trusted import Trust

INSTANCES = 12
ERROR = 0.05
SAME = 1.02  # times as long, or shorter: nobody's reason to choose, and what a program beside one of the two may do
UNSTEADY = 2.0  # times the lower end of an interval: where the upper end is beyond, nothing was learned

Verdict = Literal["faster", "slower", "no difference"]


@dataclass(frozen=True)
class Settings:
    """duration_s: measuring time of each model, over all instances, seconds. threads: of the CPU; batch: images per call.
    instances: child processes; more are started where `error` needs them. error: probability that any row of a comparison of
    equals is called different, if SAME were 1. audited: whether the first instance's answers are looked at too.
    """

    duration_s: float = 1.0
    device: str = "cpu"
    threads: int = 1
    batch: int = 1
    instances: int = INSTANCES
    error: float = ERROR
    audited: bool = True

    def __post_init__(self) -> None:
        timing.check_duration(self.duration_s)


@dataclass(frozen=True)
class Compared:
    """One pair. a, b: "<artifact> on <backend>"; a_ms, b_ms: median time of a call, milliseconds. ratio: time of b / time of a,
    with an interval that holds in all rows at once with probability 1 − the settings' error. verdict: of b."""

    a: str
    b: str
    a_ms: float
    b_ms: float
    ratio: Ratio
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """a, b: as they were asked for. skipped: what does not run here, and why. problems: why it is invalid."""

    schema: int
    type: Literal["compare"]
    time: str
    a: str
    b: str
    settings: Settings
    verdict: Literal["valid", "INVALID"]
    problems: tuple[str, ...]
    skipped: tuple[str, ...]
    rows: tuple[Compared, ...]
    environment: Environment


def compare(
    a: str,
    b: str,
    settings: Settings,
    *,
    backend: str = AUTO,
    progress: Callable[[str], None] = lambda _: None,
    trust: Trust | None = None,
) -> Comparison:
    """Compare two sides, each BUNDLE or BUNDLE:ARTIFACT, where no BUNDLE is the one that edgeproof carries. `trust` is as
    `load_bundle` takes it.

    Raises UsageError for names that are not there and sides that share nothing, UnavailableError when nothing runs here.
    """
    environment, when = machine.environment(), datetime.now(UTC).isoformat(timespec="seconds")
    asked = pairs(_side(a, trust), _side(b, trust), settings.device, backend)
    rows, skipped, problems = measure_pairs(asked, settings, progress)
    return Comparison(
        schema=1,
        type="compare",
        time=when,
        a=a,
        b=b,
        settings=settings,
        verdict="INVALID" if problems else "valid",
        problems=problems,
        skipped=skipped,
        rows=rows,
        environment=environment,
    )


def check(found: Comparison) -> None:
    """Raises BenchmarkError when the verdict is INVALID."""
    if found.problems:
        raise BenchmarkError(f"{'; '.join(found.problems)}: close other programs and run again, or report this")


def measure_pairs(
    asked: Sequence[Pair], settings: Settings, progress: Callable[[str], None], *, per_row: bool = False
) -> tuple[tuple[Compared, ...], tuple[str, ...], tuple[str, ...]]:
    """Rows, what was skipped, and problems. The first instance says what runs here, and audits the answers.

    per_row: whether the settings' error is that of each row, so that an interval does not hang on how many there are, instead of
    all together. Raises UnavailableError when nothing runs here, BenchmarkError when something stops to.
    """
    found: dict[int, list[Instance]] = {}  # by place in `asked`
    skipped: list[str] = []
    left = list(range(len(asked)))
    needed = max(settings.instances, math.ceil(math.log2(2 * (1 if per_row else len(asked)) / settings.error)))
    for number in range(needed):
        progress(f"instance {number + 1}/{needed} of {len(left)} pairs")
        job = Job(
            pairs=tuple(asked[place] for place in left),
            places=tuple(left),
            seconds=settings.duration_s / needed,
            device=settings.device,
            threads=settings.threads,
            batch=settings.batch,
            seed=number,
            audited=settings.audited and number == 0,
        )
        for place, one in zip(left, instances.launch(job), strict=True):
            if one.skipped and place in found:
                raise BenchmarkError(
                    f"{asked[place].b.name} ran in the first of {needed} processes, then not: {one.skipped}"
                )
            if one.skipped:
                skipped.append(one.skipped)
            else:
                found.setdefault(place, []).append(one)
        left = list(found)
        if not left:
            raise UnavailableError("; ".join(dict.fromkeys(skipped)))
    error = settings.error if per_row else settings.error / len(found)
    rows = tuple(_row(asked[place], ones, error) for place, ones in found.items())
    faults = [fault for ones in found.values() for one in ones for fault in one.faults]
    faults += [
        f"{row.b} beside {row.a}: the ratio's interval is {row.ratio.low:.2f}–{row.ratio.high:.2f}, too wide to say anything"
        for row in rows
        if row.ratio.high > UNSTEADY * row.ratio.low
    ]
    return rows, tuple(dict.fromkeys(skipped)), tuple(dict.fromkeys(faults))


def _row(pair: Pair, ones: Sequence[Instance], error: float) -> Compared:
    a_ms, b_ms = (float(np.median(times)) for times in zip(*((one.a_ms, one.b_ms) for one in ones), strict=True))
    ratio = signed_ranks([one.ratio for one in ones], error)
    return Compared(pair.a.name, pair.b.name, a_ms, b_ms, ratio, verdict(ratio))


def verdict(ratio: Ratio) -> Verdict:
    """What a ratio says of its numerator."""
    return "slower" if ratio.low > SAME else "faster" if ratio.high < 1 / SAME else "no difference"


def signed_ranks(ratios: Sequence[float], error: float) -> Ratio:
    """The centre of independent `ratios` and the interval that holds it with probability 1 − `error` or more.

    Wilcoxon's signed-rank test turned into an interval: of the means of all pairs of logarithms (each with itself too) the
    median, and the ends between which the test does not refuse a centre. Exact, for a distribution that is symmetric. Raises
    ValueError when there are too few ratios for that error.
    """
    logs, size = np.log(np.asarray(ratios, np.float64)), len(ratios)
    first, second = np.triu_indices(size)
    means = np.sort((logs[first] + logs[second]) / 2)
    ways = np.ones(1)  # in how many of 2**size signs the positive ranks add up to 0, 1, 2, …
    for rank in range(1, size + 1):
        ways = np.concatenate([ways, np.zeros(rank)]) + np.concatenate([np.zeros(rank), ways])
    outside = int((2 * np.cumsum(ways) / 2**size <= error).sum())
    if not outside:
        raise ValueError(f"ratios: expected enough of them for an error of {error:g}, found {size}")
    value, low, high = np.exp([np.median(means), means[outside - 1], means[-outside]])
    return Ratio(float(value), float(low), float(high))


# ---- what is compared ---------------------------------------------------------------------------------------------------

Side = tuple[Bundle, str]  # with the name of an artifact, or AUTO for all


def _side(text: str, trust: Trust | None) -> Side:
    folder, artifact = text, AUTO
    if ":" in text and not Path(text).is_dir():
        folder, _, artifact = text.rpartition(":")
    return load_bundle(folder or default_bundle(), trust), artifact or AUTO


def pairs(a: Side, b: Side, device: str, backend: str = AUTO) -> list[Pair]:
    """Every artifact × backend that both sides have. Of two artifacts that no backend runs both, each on its format's own.

    Raises UsageError for an artifact that is not usable there, or when nothing is left.
    """
    (old, old_name), (new, new_name) = a, b
    if old_name == new_name == AUTO:
        theirs = {row.name for row in new.manifest.usable}
        names = [(row.name, row.name) for row in old.manifest.usable if row.name in theirs]
    else:
        names = [(new_name if old_name == AUTO else old_name, old_name if new_name == AUTO else new_name)]
    found = []
    for one, other in names:
        first, second = _usable(old, one), _usable(new, other)
        for left, right in _backends(first, second, device, backend):
            found.append(Pair(_model(old, one, left), _model(new, other, right)))
    if not found:
        raise UsageError(
            f"--compare: expected an artifact that {old.path} and {new.path} both have and --backend runs, found none"
        )
    return found


def _model(bundle: Bundle, artifact: str, backend: str) -> Model:
    return Model(str(bundle.path), artifact, backend, bundle.manifest_sha256)


def _usable(bundle: Bundle, name: str) -> Artifact:
    known = {row.name: row for row in bundle.manifest.usable}
    if name not in known:
        raise UsageError(f"artifact {name}: not usable in bundle {bundle.manifest.name}{nearest(name, known)}")
    return known[name]


def _backends(a: Artifact, b: Artifact, device: str, backend: str) -> list[tuple[str, str]]:
    common = [
        (name, name)
        for name, runtime in BACKENDS.items()
        if backend in (AUTO, name) and runtime.takes(a, device) and runtime.takes(b, device)
    ]
    if common or backend != AUTO or a.format == b.format:
        return common
    return [(OWN[a.format], OWN[b.format])]
