"""The peers' table and its plot."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import published
from benchmarks.peers import publish
from benchmarks.peers.report import PeerRow, PeersReport, PictureSet
from benchmarks.scoring import Tally
from edgeproof.support.machine import environment

BEGIN, END = published.markers(publish.SECTION)


@pytest.fixture(scope="module")
def report() -> PeersReport:
    rows = (
        PeerRow("edgeproof", "drawn scenes", "", "1", Tally(2, 10, 10, 9, 1), 5.0, 80.0, 3 * 2**20),
        PeerRow("Tesseract", "drawn scenes", "no program `tesseract`"),
        PeerRow("RapidOCR", "drawn scenes", "", "2", Tally(2, 10, 10, 10, 2), 900.0, 400.0, None),
    )
    return PeersReport(
        1, "2026-01-01T00:00:00+00:00", "digits", 1, {"drawn scenes": PictureSet(2, 10)}, environment(), rows
    )


def test_the_table_hides_neither_a_loss_nor_what_is_missing(report: PeersReport, tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        for path in publish.write(report, page):
            assert path.is_file()
    lines = [line for line in page.read_text().splitlines() if line.startswith("|")][2:]
    assert [line.split("|")[1].strip() for line in lines] == ["RapidOCR", "**edgeproof**", "Tesseract"]
    assert "| 0.900 | 1 of 2 | 5 | 80 | 3 |" in lines[1]
    assert "not known" in lines[0]
    assert "not measured: no program `tesseract`" in lines[2]
    assert "old" not in page.read_text()
    assert f"]({publish.PLOT})" in page.read_text()
    assert (tmp_path / publish.PLOT).is_file()
    drawn = cv2.imdecode(np.frombuffer(publish.draw(report), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None


def test_results_are_json(report: PeersReport, tmp_path: Path) -> None:
    saved, picture = publish.save(report, tmp_path)
    assert [row["peer"] for row in json.loads(saved.read_text())["rows"]] == ["edgeproof", "Tesseract", "RapidOCR"]
    assert picture.is_file()
