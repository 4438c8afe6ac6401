"""The exporters' tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import published
from benchmarks.exporters import publish
from benchmarks.exporters.faults import INVERTED, SCALED, SOUND, SPOILED
from benchmarks.exporters.report import Export, ExportersReport, Product, wilson
from edgeproof.bench.timing import Ratio
from edgeproof.support.machine import environment

BEGIN, END = published.markers(publish.SECTION)
WARNED = ("W… it is late",)  # of every run of this tool, so of none in particular


def product(right: int, said: str = "") -> Product:
    return Product(
        "int8.tflite", "LiteRT", 68_040, right, 3000, 8, 7, said, p50_ms=0.038, ratio=Ratio(0.25, 0.24, 0.26)
    )


@pytest.fixture(scope="module")
def report() -> ExportersReport:
    rows = (
        Export("edgeproof", SOUND, seconds=79, products=(product(2745, "drop 0.03 points"),)),
        Export("silent", SOUND, "", "silent 1", 0, 14, WARNED, products=(product(2745),)),
        Export("AI Edge Quantizer, static", SOUND, "ai_edge_quantizer does not import"),
        Export("edgeproof", SCALED, exit_code=3, last="convert: calibration.npz: 8% | 91%"),
        Export("silent", SCALED, remarks=WARNED, products=(product(249),)),
        Export("silent", INVERTED, "its runtime refuses the file: no such operator"),
        Export(
            "silent", SPOILED, remarks=(*WARNED, "E… weights"), products=(product(1020, "an error of 3, no verdict"),)
        ),
    )
    return ExportersReport(
        1, "2026-01-01T00:00:00+00:00", "signs", "signs", "32×32×3 stretch", 12, 2746, 3000, 504, environment(), rows
    )


def test_the_tables_hide_neither_a_refusal_nor_silence(report: ExportersReport, tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert publish.write(report, page) == [page]
    assert "old" not in page.read_text()
    lines = [line for line in page.read_text().splitlines() if line.startswith("|")]
    own, silent, missing, head, own_broken, broken = lines[2], lines[3], lines[4], lines[5], lines[7], lines[8]
    assert "8, 7 (1) | 68,040 | 0.038 | 0.25 (0.24–0.26) | 79 | drop 0.03 points |" in own
    assert silent.endswith("| 14 | nothing |")
    assert "not measured: ai_edge_quantizer does not import" in missing
    assert head == published.table_row(["exporter", SCALED, INVERTED, SPOILED])
    assert "refused, exit code 3: convert: calibration.npz: 8% / 91%" in own_broken
    assert "| 8.3 %, said nothing | its runtime refuses the file: no such operator |" in broken
    assert "| 34.0 %, said an error of 3, no verdict; E… weights |" in broken
    assert len(lines) == 9, "what does not work here has no row in the second table"


def test_results_are_json(report: ExportersReport, tmp_path: Path) -> None:
    saved = json.loads(publish.save(report, tmp_path).read_text())
    assert saved["exports"][1]["products"][0]["ratio"] == {"value": 0.25, "low": 0.24, "high": 0.26}


def test_intervals_are_those_of_the_proof() -> None:
    """What the manifest of such a run states: by another program, to the last digit that is printed."""
    assert wilson(2746, 3000) == pytest.approx((0.9048327003173081, 0.9247716693415212), abs=1e-9)
    assert product(2745).p == 1
    assert Product("x", "LiteRT", 1, 1, 100, 6, 0).p == pytest.approx(2 / 2**6)
