"""The robustness table, its plot and its sheet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import published
from benchmarks.scenes import publish
from benchmarks.scenes.conditions import BASE, CHANGES
from benchmarks.scenes.kinds.catalogue import KINDS
from benchmarks.scenes.report import EMPTY_GROUP, ConditionRow, RobustnessReport
from benchmarks.scoring import Tally
from edgeproof.errors import UsageError
from edgeproof.support.machine import environment

BEGIN, END = published.markers(publish.SECTION)


@pytest.fixture(scope="module")
def report() -> RobustnessReport:
    undisturbed = ConditionRow("undisturbed", "plain paper, blue gel pen", Tally(2, 67, 68, 65, 1), 25, 23)
    rows = (
        undisturbed,
        replace(undisturbed, group="light", name="inverted", same=60, answers=64),
        ConditionRow(EMPTY_GROUP, "signs", Tally(2, 0, 3, 0, 1), 0, 0),
    )
    return RobustnessReport(
        1, "2026-01-01T00:00:00+00:00", "digits", "sha", "int8.onnx", "onnxruntime", 1, 2, 1.5, environment(), rows
    )


def test_table_plot_and_sheet_are_written_between_the_markers(report: RobustnessReport, tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    sheet = np.full((60, 80, 3), 200, np.uint8)
    for _ in range(2):
        for path in publish.write(report, page, sheet):
            assert path.stat().st_size > 0
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n![")
    assert "old" not in text
    (row,) = [line for line in text.splitlines() if "| inverted |" in line]
    assert row.endswith("| 93.8 % |")
    assert "| nothing to read | signs |  | 1 of 2 |  | 1.50 |  |" in text
    for picture in (publish.PLOT, publish.SHEET):
        assert f"]({picture})" in text
        assert cv2.imread(str(tmp_path / picture)) is not None


def test_results_are_json(report: RobustnessReport, tmp_path: Path) -> None:
    saved, picture = publish.save(report, tmp_path)
    rows = json.loads(saved.read_text())["rows"]
    assert [row["name"] for row in rows] == [report.rows[0].name, "inverted", "signs"]
    assert rows[0]["tally"]["labelled"] == report.rows[0].tally.labelled
    assert picture.is_file()


def test_missing_markers_are_said_before_anything_is_written(report: RobustnessReport, tmp_path: Path) -> None:
    (tmp_path / "results.md").write_text("no markers")
    with pytest.raises(UsageError, match="scenes"):
        publish.write(report, tmp_path / "results.md", np.zeros((8, 8, 3), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["results.md"]


def test_the_sheet_shows_what_there_is() -> None:
    """Whole rows of three, each scene by a name that the table has; digits on each, for what is read is shown on them."""
    assert set(publish.SHOWN) <= {row.name for row in (BASE, *CHANGES)}
    assert set(publish.SHOWN_KINDS) <= {kind.name for kind in KINDS if kind.group != EMPTY_GROUP}
    assert (len(publish.SHOWN) + len(publish.SHOWN_KINDS)) % 3 == 0
