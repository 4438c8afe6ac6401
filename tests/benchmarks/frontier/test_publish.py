"""The frontier's table: a row for each point, what is on the frontier, and what has no point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks import published
from benchmarks.frontier import publish
from benchmarks.frontier.report import FrontierReport


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_each_point_has_its_row(report: FrontierReport) -> None:
    head, rule, *rows = cells(publish.markdown(report))
    assert len(rows) == len(report.points)
    assert {len(row) for row in (head, rule, *rows)} == {9}
    assert rows[4] == [
        "digits", "`int8.tflite`", "litert", "900,000", "1,234", "99.70% (99.50–99.80)", "14.0 (12.6–15.4)",
        "0.140 (0.127–0.156)", "multiply-accumulates, time",
    ]  # fmt: skip
    assert rows[6][0] == "slow"
    assert rows[6][-1] == ""


def test_what_has_no_point_and_a_drift_are_told(report: FrontierReport) -> None:
    first, *others = report.points
    text = publish.markdown(replace(report, points=(replace(first, drifted=True), *others)))
    assert "Without a point: rnn, fp32.onnx: operator GRU" in text
    assert "(1.8–2.2) drifted |" in text


def test_without_the_reference_ratios_stay_empty(report: FrontierReport) -> None:
    bare = replace(report, points=tuple(replace(point, to_reference=None) for point in report.points))
    assert {row[7] for row in cells(publish.markdown(bare))[2:]} == {""}


def test_a_busy_machine_is_told(report: FrontierReport) -> None:
    quiet, busy = (replace(report.environment, load_1m=load, usable_cpus=2) for load in (0.1, 8.0))
    assert "Other programs" not in publish.markdown(replace(report, environment=quiet))
    assert "load 8.0 on 2 CPUs" in publish.markdown(replace(report, environment=busy))


def test_table_and_picture_go_into_a_document(report: FrontierReport, tmp_path: Path) -> None:
    document = tmp_path / "results.md"
    document.write_text("\n".join(["before", *published.markers("frontier"), "after"]))
    assert publish.write(report, b"png", document) == [document, tmp_path / "frontier.png"]
    written = document.read_text()
    assert written.startswith("before\n<!-- frontier -->\n![")
    assert "](frontier.png)" in written
    assert written.endswith("after")
    assert (tmp_path / "frontier.png").read_bytes() == b"png"
