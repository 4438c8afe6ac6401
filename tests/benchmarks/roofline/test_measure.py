"""`python -m benchmarks roofline` on the bundle that the wheel carries: complete, and its figures fit together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import published
from benchmarks.roofline import measure, peaks, profiles
from benchmarks.roofline.report import RooflineReport
from edgeproof.backends import OWN
from edgeproof.bundle import load_bundle
from edgeproof.support import machine, tables

WHOLE = load_bundle()
#: The best ranked artifact of each format: each row takes its time.
BEST = {
    row.format: row for row in map(WHOLE.manifest.artifact, [one.artifact for one in reversed(WHOLE.manifest.ranking)])
}
BUNDLE = replace(WHOLE, manifest=replace(WHOLE.manifest, artifacts=tuple(BEST.values())))


@pytest.fixture(autouse=True, scope="module")
def _small_probes() -> Iterator[None]:
    """Peaks by products and copies that take no time: how high they are is not the question here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peaks, "SIZES", (32,))
        patch.setattr(peaks, "_caches", lambda: (2**14, 2**16))
        patch.setattr(profiles, "CALLS", 10)
        yield


@pytest.fixture(scope="module")
def report(_small_probes: None) -> RooflineReport:
    return measure.measure(BUNDLE, 0.001)


@pytest.mark.timed
def test_every_usable_artifact_has_its_points_on_its_own_backend(report: RooflineReport) -> None:
    expected = {(row.name, OWN[row.format], batch) for row in BUNDLE.manifest.usable for batch in (1, measure.MANY)}
    assert {(point.artifact, point.backend, point.batch) for point in report.points} == expected
    assert {(call.artifact, call.backend) for call in report.calls} == {one[:2] for one in expected}
    assert report.default == BUNDLE.manifest.ranking[0].artifact
    assert report.skipped == ()


@pytest.mark.timed
def test_times_are_what_peaks_and_arithmetic_make_of_them(report: RooflineReport) -> None:
    fp32, int8 = (report.peak(kind).per_second for kind in ("fp32", "int8"))
    for point in report.points:
        expected = 2e-3 * ((point.macs - point.int8_macs) / fp32 + point.int8_macs / int8)
        assert point.peak_us == pytest.approx(expected)
        assert point.roof_us == pytest.approx(max(expected, 1e-3 * point.bytes / report.peak("cache").per_second))
        assert 0 < point.p10_us <= point.p50_us
        assert point.reached * point.p10_us == pytest.approx(point.roof_us)


@pytest.mark.timed
def test_the_best_of_each_backend_has_a_profile(report: RooflineReport) -> None:
    assert {one.backend for one in report.profiles} == {point.backend for point in report.points}
    assert all(one.operators and not one.missing for one in report.profiles)
    assert report.default in {one.artifact for one in report.profiles}


@pytest.mark.parametrize("verb", ["roofline", "overhead", "frontier"])
@pytest.mark.parametrize("seconds", ["nan", "0", "-1", "3601"])
def test_what_is_no_time_is_a_wrong_word(verb: str, seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main([verb, "--seconds", seconds]) == 2
    assert "--seconds: expected 0.001 to 3600 seconds per row" in capsys.readouterr().err


def under(load: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the machine says that it has this load on 2 CPUs."""
    found = replace(machine.environment(), load_1m=load, usable_cpus=2)
    monkeypatch.setattr(machine, "environment", lambda: found)


def test_on_a_busy_machine_no_document_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    under(1.5, monkeypatch)
    assert benchmarks.main(["roofline", "--out", str(tmp_path), "--write", str(tmp_path / "results.md")]) == 7
    (told,) = capsys.readouterr().err.splitlines()
    assert "load of at most 1 on 2 CPUs), found 1.5" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.timed
def test_the_verb_writes_figures_tables_and_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    under(0.5, monkeypatch)
    colour = Path(__file__).parents[2] / "runtime" / "colour"
    document = tmp_path / "results.md"
    document.write_text("\n".join(["before", *published.markers("roofline"), "after"]))
    words = ["roofline", str(colour), "--seconds", "0.001", "--out", str(tmp_path), "--write", str(document)]
    assert benchmarks.main(words) == 0
    (data,) = tmp_path.glob("*/roofline-*.json")
    saved = tables.from_table(RooflineReport, json.loads(data.read_text()), "report")
    assert saved.bundle == "colour"
    assert {point.artifact for point in saved.points} == {row.name for row in load_bundle(colour).manifest.usable}
    written = document.read_text()
    assert "](roofline.png)" in written
    assert (tmp_path / "roofline.png").read_bytes() == data.with_suffix(".png").read_bytes()
    assert "| what one core reached |" in capsys.readouterr().out
