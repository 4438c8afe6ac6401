"""`edgeproof bench` on the bundle that the wheel carries: complete, honest about what it could not trust."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.bench import child, cold_start, measure, opened, placement, table, timing
from edgeproof.bench.report import Report, Settings, check, to_json
from edgeproof.bench.timing import Ratio
from edgeproof.bundle import load_bundle
from edgeproof.classifier import Classifier
from edgeproof.cli import bench
from edgeproof.errors import BenchmarkError, IntegrityError, UnavailableError, UsageError
from edgeproof.support import command, machine, tables

pytestmark = pytest.mark.timed
BUNDLE = load_bundle()
FORMATS = {row.name: row.format for row in BUNDLE.manifest.usable}
SMALL = min(BUNDLE.manifest.usable, key=lambda row: row.bytes).name


#: Three of its artifacts, which between them run on every backend: each pair costs a child process.
FEW = replace(
    BUNDLE,
    manifest=replace(
        BUNDLE.manifest,
        artifacts=tuple(row for row in BUNDLE.manifest.usable if row.name in {"fp32.onnx", "fp32.tflite", SMALL}),
    ),
)


@pytest.fixture(scope="module")
def report() -> Report:
    """Every artifact of `FEW` on every backend, as short as it goes."""
    return measure.measure(FEW, Settings(duration_s=0.02, starts=1))


def test_every_usable_artifact_is_measured_at_every_setting(report: Report) -> None:
    threads = {1, machine.physical_cores()}
    names = {row.name for row in FEW.manifest.usable}
    expected = {(name, count, batch) for name in names for count in threads for batch in (1, 64)}
    assert {(row.artifact, row.threads, row.batch) for row in report.rows} == expected
    assert {row.backend for row in report.rows} == {"onnxruntime", "litert", "opencv"}
    assert not report.skipped
    assert {foot.artifact: foot.bytes for foot in report.footprints} == {
        row.name: row.bytes for row in FEW.manifest.usable
    }


def test_times_make_sense(report: Report) -> None:
    for row in report.rows:
        times = row.timing
        assert times.n >= 30, row.name
        assert 0 < times.p50_low_ms <= times.p50_ms <= times.p50_high_ms, row.name
        assert times.p90_ms is not None
        assert times.p50_ms <= times.p90_ms <= (times.p99_ms or times.max_ms) <= times.max_ms, row.name
        assert times.p99_ms is None or times.n >= 299
    one, many = (
        {(row.artifact, row.threads): row.timing.p50_ms for row in report.rows if row.batch == b} for b in (1, 64)
    )
    assert all(many[key] > one[key] for key in one), "64 glyphs took no longer than one"


def test_ratios_are_to_the_stated_baseline_and_to_the_fastest(report: Report) -> None:
    name, backend = report.baseline.split(" on ")
    for row in report.rows:
        assert row.to_baseline is not None
        if (row.artifact, row.backend) == (name, backend):
            assert row.to_baseline == Ratio(1.0, 1.0, 1.0)
    groups = {(row.threads, row.batch) for row in report.rows}
    fastest = [row for row in report.rows if row.to_fastest is None]
    assert {(row.threads, row.batch) for row in fastest} == groups
    assert len(fastest) == len(groups)


def test_a_start_that_takes_too_long_costs_no_more_than_its_own_row(monkeypatch: pytest.MonkeyPatch) -> None:
    launched = cold_start.launch

    def slow(*words: str) -> cold_start.ColdStart:
        if words[2] == SMALL:
            raise BenchmarkError("its child process took more than 120 s")
        return launched(*words)

    monkeypatch.setattr(cold_start, "launch", slow)
    found = measure.measure(FEW, Settings(duration_s=0.02, starts=1))
    assert {row.artifact for row in found.rows} == {row.name for row in FEW.manifest.usable}
    assert {foot.artifact for foot in found.footprints} == {row.name for row in FEW.manifest.usable} - {SMALL}
    assert any(f"start-up and memory of {SMALL} on " in why for why in found.skipped)


def test_memory_and_cold_start_are_measured_in_a_child(report: Report) -> None:
    for foot in report.footprints:
        start = foot.start
        parts = start.python_ms + start.import_ms + start.load_ms + start.first_ms
        assert start.total_ms == pytest.approx(parts)
        assert min(start.python_ms, start.import_ms, start.load_ms, start.first_ms) > 0
        assert start.peak_mib is not None
        assert 20 < start.peak_mib < 500


def test_the_report_survives_json(report: Report) -> None:
    assert tables.from_table(Report, json.loads(to_json(report)), "report") == report


def test_the_table_shows_every_row(report: Report) -> None:
    lines = table.render(report).splitlines()
    for row in report.rows:
        assert sum(row.artifact in line and f"{row.timing.n:,}" in line for line in lines) >= 1, row.name
    assert (
        sum("fastest" in line and "batch" not in line for line in lines)
        == len({(r.threads, r.batch) for r in report.rows}) + 1
    )
    assert max(map(len, lines)) <= table.WIDTH


def test_the_table_prints_no_percentile_that_n_does_not_support(report: Report) -> None:
    timing = replace(report.rows[0].timing, n=28, p90_ms=None, p99_ms=None)
    text = table.render(replace(report, rows=(replace(report.rows[0], timing=timing),)))
    row = next(line.split() for line in text.splitlines() if line.startswith(report.rows[0].artifact))
    assert row[4:7] == ["-", "-", "28"]


@pytest.mark.target("T23")
def test_drift_makes_the_benchmark_invalid(report: Report) -> None:
    report = replace(report, faults=())  # whatever was found while this machine was busy
    check(replace(report, verdict="valid", problems=()))
    with pytest.raises(BenchmarkError, match=r"not steady: a\.onnx: .* and 1 more rows: close other programs"):
        check(replace(report, verdict="INVALID", problems=("a.onnx: +40%", "b.onnx: +20%")))


class Clock:
    """Stands for the module `time` where calls are timed: it goes on by what a call is said to take, whatever else runs here."""

    def __init__(self) -> None:
        self.now_ns, self.call_ns = 0, 2_000_000

    def perf_counter_ns(self) -> int:
        return self.now_ns

    def perf_counter(self) -> float:
        return self.now_ns / 1e9


@pytest.mark.target("T23")
def test_a_machine_that_gets_slower_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real classifier by the clock of a machine that is slowed at half time, as a CPU is that got too hot."""
    answer, clock = Classifier.logits, Clock()

    def held_up(self: Classifier, glyphs: NDArray[np.uint8]) -> NDArray[np.float32]:
        clock.now_ns += clock.call_ns
        return answer(self, glyphs)

    def throttle(progress: str) -> None:
        clock.call_ns = 15_000_000 if progress.startswith("round 6/") else clock.call_ns

    monkeypatch.setattr(Classifier, "logits", held_up)
    monkeypatch.setattr(timing, "time", clock)
    settings = Settings(duration_s=0.2, starts=1, artifact=SMALL, baseline=SMALL, threads=(1,))
    found = measure.measure(BUNDLE, settings, throttle)
    assert found.verdict == "INVALID"
    assert len(found.problems) == len(found.rows) == 2
    assert found.faults == ()
    with pytest.raises(BenchmarkError, match=f"not steady: {SMALL} on"):
        check(found)


def test_inputs_are_many_and_different() -> None:
    glyphs = measure.distinct_inputs(BUNDLE.golden.images)
    assert glyphs.shape[1:] == (28, 28)
    assert glyphs.dtype == np.uint8
    assert len({glyph.tobytes() for glyph in glyphs}) == len(glyphs) >= 1000


def test_few_golden_images_still_give_many_inputs() -> None:
    glyphs = measure.distinct_inputs(BUNDLE.golden.images[:3])
    assert len({glyph.tobytes() for glyph in glyphs}) == len(glyphs) >= 1000


def test_inputs_of_colour_pictures_keep_their_shape(colour: Path) -> None:
    images = measure.distinct_inputs(load_bundle(colour).golden.images)
    assert images.shape[1:] == (16, 24, 3)
    assert len({image.tobytes() for image in images}) == len(images) >= 1000


def test_a_bundle_of_pictures_is_measured(colour: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (str(colour), "--artifact", "fp32.onnx", "--backend", "onnxruntime", "--threads", "1", "--duration", "0.02")
    verb(*words, "--quick", "--json", "-")
    assert json.loads(capsys.readouterr().out)["bundle"] == "colour"


def verb(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="bench")
    bench.add_arguments(parser)
    parser.set_defaults(verb=bench.run)
    return command.run(parser, words)


def test_the_verb_writes_json_and_exits_with_its_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = verb(
        "--quick", "--artifact", SMALL, "--threads", "1", "--duration", "0.1", "--json", str(tmp_path / "b.json")
    )
    report = tables.from_table(Report, json.loads((tmp_path / "b.json").read_text()), "report")
    assert code == (0 if report.verdict == "valid" else 7)  # a busy machine may well drift: then it must say so
    assert {row.artifact for row in report.rows} == {SMALL, "fp32.onnx"}
    assert SMALL in capsys.readouterr().out


def test_json_on_stdout_is_one_line_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--artifact", "fp32.onnx", "--backend", "onnxruntime", "--threads", "1", "--duration", "0.02")
    verb(*words, "--quick", "--json", "-")
    assert json.loads(capsys.readouterr().out)["type"] == "bench"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--artifact", "int8.onx"], 2, "did you mean"),
        (["--baseline", "fp23.onnx"], 2, "did you mean"),
        (["--duration", "0"], 2, "--duration: expected"),
        (["--duration", "3601"], 2, "--duration: expected"),
        (["--threads", "-1"], 2, "threads: expected"),
        (["/nonexistent/bundle"], 6, "expected a bundle folder"),
    ],
)
def test_a_wrong_word_is_one_line(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verb(*words) == code
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1


def test_a_backend_that_cannot_run_the_artifact_is_unavailable() -> None:
    wrong = next("litert" if kind == "onnx" else "onnxruntime" for name, kind in FORMATS.items() if name == "fp32.onnx")
    with pytest.raises(UnavailableError, match="fits the flags"):
        measure.measure(BUNDLE, Settings(duration_s=0.01, artifact="fp32.onnx", backend=wrong))


def test_an_unknown_baseline_is_refused_before_measuring() -> None:
    with pytest.raises(UsageError, match="not usable in bundle"):
        measure.measure(BUNDLE, Settings(baseline="fp64.onnx"))


def test_a_damaged_bundle_is_in_the_parent_what_it_is_in_the_child(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"expected a bundle folder"):
        cold_start.launch(tmp_path / "absent", "", SMALL, "litert", "cpu")


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("print('a library says hello'); print([1, 2])", [1, 2]),
        ("print('hello')", r"a look: expected JSON from its child process, found 'hello'"),
        ("", r"a look: expected JSON from its child process, found 'no reason given'"),
        ("raise ValueError('odd')", r"a look failed in its child process, which ended with 1: ValueError: odd"),
        ("import os; os.abort()", r"a look failed in its child process, which ended with -6: nothing said"),
        ("import time; time.sleep(60)", r"a look: its child process took more than 1 s"),
    ],
)
def test_of_a_child_the_last_line_counts(
    program: str, found: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_child.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))
    if isinstance(found, list):
        assert child.ask("a_child", [], "a look", 60) == found
        return
    with pytest.raises(BenchmarkError, match=found if isinstance(found, str) else None):
        child.ask("a_child", [], "a look", 1 if "sleep" in program else 60)


def test_what_answers_differently_is_a_broken_claim_only_where_it_was_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    def differently(*_: object) -> Classifier:
        raise IntegrityError("answers differently")

    monkeypatch.setattr(opened, "open_classifier", differently)
    choice = BUNDLE.manifest.ranking[0]
    with pytest.raises(IntegrityError, match=r"^answers differently$"):
        opened.open_one(BUNDLE, (choice.artifact, choice.backend, 1))
    with pytest.raises(UnavailableError, match=f"^{choice.artifact} on elsewhere: answers differently$"):
        next(opened.open_all(BUNDLE, [(choice.artifact, "elsewhere", 1)] * 2, skipped := []))
    assert skipped == [f"{choice.artifact} on elsewhere: answers differently"]


def test_a_device_that_fails_meanwhile_makes_the_benchmark_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here no GPU is at hand: the classifier says so of itself while it is measured."""
    answer = Classifier.logits

    def failing(self: Classifier, glyphs: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.facts = replace(self.facts, degraded="device cuda: lost: on the CPU since then")
        return answer(self, glyphs)

    monkeypatch.setattr(Classifier, "logits", failing)
    settings = Settings(duration_s=0.001, starts=1, artifact=SMALL, baseline=SMALL, threads=(1,))
    found = measure.measure(BUNDLE, settings)
    assert found.verdict == "INVALID"
    assert f"{found.rows[0].name}: device cuda: lost: on the CPU since then" in found.faults
    with pytest.raises(BenchmarkError, match="not the times of the model"):
        check(found)


def test_a_profile_that_fails_costs_no_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(placement, "profile", lambda *_: [])
    settings = Settings(artifact="fp32.onnx", backend="onnxruntime", threads=(1,))
    with pytest.raises(BenchmarkError, match="found no node in it"):
        measure.measure(BUNDLE, settings, told.append)
    assert told == []


def test_of_a_long_measurement_not_all_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MOST_KEPT", 2)
    monkeypatch.setattr(timing, "KEPT_EVERY", 1)
    kept: list[tuple[int, int]] = []
    for _ in range(2):
        timing.time_calls(lambda given: given, iter(range(100)), 0, kept)
    assert kept == [(0, 0), (1, 1)]


def test_of_large_images_there_are_fewer_inputs_and_calls_as_large(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = BUNDLE.golden.images[:3]
    monkeypatch.setattr(measure, "MAX_VALUES", 5 * golden.size)
    glyphs = measure.distinct_inputs(golden)
    assert len({glyph.tobytes() for glyph in glyphs}) == len(glyphs) == 15
    assert {len(batch) for batch in measure.batches(glyphs, 64)} == {64}
