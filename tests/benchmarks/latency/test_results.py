"""`python -m benchmarks run` and `table`: kept figures, the plot, the README's table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import published
from benchmarks.latency import plot, results, table
from edgeproof import bundle
from edgeproof.bench import measure
from edgeproof.bench.report import Report, Settings, to_json
from edgeproof.errors import IntegrityError, UsageError
from edgeproof.support import files, tables

BUNDLE = bundle.load_bundle()
BEGIN, END = published.markers("results")


@pytest.fixture(scope="module")
def report() -> Report:
    """Two artifacts, which between them run on every backend."""
    measured = measure.measure(BUNDLE, Settings(duration_s=0.02, starts=1, artifact="int8.tflite"))
    return replace(measured, verdict="valid", problems=())  # whether this machine is quiet is not the question here


def test_run_writes_figures_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--duration", "0.1", "--artifact", "int8.onnx", "--backend", "onnxruntime", "--out", str(tmp_path))
    code = benchmarks.main(["run", "--quick", *words])
    assert code in (0, 7)
    (data,) = tmp_path.glob("*/*.json")
    saved = results.load(data)
    assert (saved.verdict == "valid") is (code == 0)
    assert data.parent.name == saved.environment.slug
    assert data.with_suffix(".png").is_file()
    printed = capsys.readouterr().out
    assert str(data) in printed
    assert "int8.onnx" in printed


def test_a_report_is_read_back_as_it_was_saved(report: Report, tmp_path: Path) -> None:
    data, _ = results.save(report, tmp_path)
    assert results.load(data) == report


def test_a_damaged_report_is_an_integrity_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"schema": 1,')
    with pytest.raises(IntegrityError, match="is not JSON"):
        results.load(tmp_path / "a.json")


def test_latest_takes_the_newest_valid_report_of_this_bundle(report: Report, tmp_path: Path) -> None:
    kept = {
        "new": replace(report, time="2021-01-01T00:00:00+00:00"),
        "old": replace(report, time="2020-01-01T00:00:00+00:00"),
        "foreign": replace(report, time="2022-01-01T00:00:00+00:00", manifest_sha256="another"),
        "invalid": replace(report, time="2023-01-01T00:00:00+00:00", verdict="INVALID"),
    }
    (tmp_path / "machine").mkdir()
    for name, one in kept.items():
        (tmp_path / "machine" / f"{name}.json").write_bytes(to_json(one))
    (tmp_path / "machine" / "older-schema.json").write_text(json.dumps({"schema": 0}))
    assert results.latest(tmp_path, report.manifest_sha256) == kept["new"]
    assert results.latest(tmp_path / "absent", report.manifest_sha256) is None


def test_the_plot_has_ink_of_every_backend(report: Report) -> None:
    picture = cv2.imdecode(np.frombuffer(plot.draw(report), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[0] > 300
    assert picture.shape[1] > 1000
    for backend in {row.backend for row in report.rows}:
        red, green, blue = bytes.fromhex(plot.COLOURS[backend][1:])
        assert (picture == (blue, green, red)).all(axis=2).sum() > 500, backend


def test_the_table_has_a_row_per_artifact(report: Report) -> None:
    text = table.markdown(BUNDLE, report)
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(BUNDLE.manifest.artifacts)
    for artifact, line in zip(BUNDLE.manifest.artifacts, rows, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert f"`{artifact.name}`" in cells[0]
        assert cells[1] == f"{artifact.bytes:,}"
        assert cells[2] == f"{artifact.correct:,} of {artifact.images:,}"
        times = {
            row.timing.p50_ms for row in report.rows if (row.artifact, row.threads, row.batch) == (artifact.name, 1, 1)
        }
        assert {cell.rstrip(" ≈") for cell in cells[5:] if cell} == {f"{time:.3f}" for time in times}
    assert sum("(default)" in line for line in rows) == 1
    assert report.environment.cpu in text


def test_the_table_says_when_nothing_was_measured() -> None:
    text = table.markdown(BUNDLE, None)
    assert "No latency was measured" in text
    assert "p50 ms |" not in text


def test_failed_artifacts_stay_in_the_table_with_their_reason() -> None:
    rows = BUNDLE.manifest.artifacts
    failed = (
        replace(rows[0], status="❌", reason="no such operator"),
        replace(rows[1], status="❎", reason="drop of 3 points"),
    )
    broken = replace(BUNDLE, manifest=replace(BUNDLE.manifest, artifacts=failed))
    text = table.markdown(broken, None)
    assert "❌ no such operator | – |" in text
    assert "❎ drop of 3 points" in text


def test_only_what_stands_between_the_markers_is_replaced(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    words = ["table", str(BUNDLE.path), "--results", str(tmp_path / "none"), "--write", str(readme)]
    assert benchmarks.main(words) == 0
    once = readme.read_text()
    assert once.startswith(f"before\n{BEGIN}\n| artifact |")
    assert once.endswith(f"\n{END}\nafter\n")
    assert "old" not in once
    assert benchmarks.main(words) == 0
    assert readme.read_text() == once


@pytest.mark.parametrize("document", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_missing_markers_are_a_usage_error(document: str) -> None:
    with pytest.raises(UsageError, match=r"README: expected the lines .* once each"):
        files.replace_between(document, BEGIN, END, "text", "README")


def test_a_report_holds_its_environment(report: Report) -> None:
    saved = tables.to_table(report)["environment"]
    for key in ("cpu", "isa", "physical_cores", "governor", "mhz", "load_1m", "memory_mib", "kernel", "container_cpus",
                "python", "packages", "thread_variables", "clock_ns"):  # fmt: skip
        assert key in saved
