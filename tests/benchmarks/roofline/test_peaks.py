"""Peaks: each kind by the best of its probes, caches as Linux tells them, and real probes that run."""

from __future__ import annotations

from itertools import repeat
from pathlib import Path

import pytest

from benchmarks.roofline import peaks
from benchmarks.roofline.peaks import Probe
from benchmarks.roofline.report import Peak
from edgeproof.bench import timing
from edgeproof.bench.timing import Subject


def probe(kind: str, name: str, done: int, times: list[int]) -> Probe:
    return Probe(kind, name, done, Subject(lambda _: None, repeat(0), [times] * timing.ROUNDS))


def test_of_each_kind_the_best_is_told_with_what_reached_it() -> None:
    """1,000 operations in 10 ns are 100 per nanosecond: 100e9 per second."""
    measured = [probe("fp32", "slow", 1000, [20, 20, 20]), probe("fp32", "quick", 1000, [10, 10, 10]),
                probe("memory", "copy", 64, [8, 8, 8])]  # fmt: skip
    assert peaks.best(measured) == (Peak("fp32", 100.0, "quick"), Peak("memory", 8.0, "copy"))


def test_what_others_take_of_the_machine_is_not_counted() -> None:
    """Seven calls of ten were held up; the 10th percentile is of the others."""
    (found,) = peaks.best([probe("fp32", "held up", 1000, [10, 10, 10, 900, 900, 900, 900, 900, 900, 900])])
    assert found.per_second == 100.0


@pytest.mark.timed
def test_every_probe_runs_and_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """In small sizes; that each reaches a thousandth of what a slow core does is all that is asked."""
    monkeypatch.setattr(peaks, "SIZES", (32, 64))
    monkeypatch.setattr(peaks, "_caches", lambda: (2**16, 2**20))
    probes = peaks.probes()
    timing.measure_in_turns([one.subject for one in probes], 0.01, lambda _: None)
    found = peaks.best(probes)
    assert [peak.kind for peak in found] == ["fp32", "int8", peaks.CACHE, peaks.MEMORY]
    assert all(peak.per_second > 0.001 and peak.measured_with for peak in found)
    assert len({one.measured_with for one in probes}) == len(probes)


def test_caches_are_read_as_linux_tells_them(tmp_path: Path) -> None:
    for index, (level, size) in enumerate([("1", "32K"), ("2", "1024K"), ("3", "32768K"), ("4", "nonsense")]):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        (folder / "level").write_text(f"{level}\n")
        (folder / "size").write_text(f"{size}\n")
    assert peaks._caches(tmp_path) == (2**20, 2**25)
    assert peaks._caches(tmp_path / "absent") == (2**18, 2**26)
