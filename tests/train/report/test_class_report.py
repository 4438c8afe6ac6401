"""The class report, against precision and recall counted by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from train.report.class_report import write_class_report


def test_counted_by_hand(tmp_path: Path) -> None:
    # Of three a, two are answered a and one b; of two b, both are answered b; nothing is a c.
    labels, answers = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    write_class_report(tmp_path, labels, answers, ("a", "b", "ç"))
    with (tmp_path / "classes.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["a", "b", "ç"]
    expected = {"a": (1, 2 / 3, 4 / 5, 3), "b": (2 / 3, 1, 4 / 5, 2), "ç": (0, 0, 0, 0)}
    for name, values in expected.items():
        found = [float(rows[name][key]) for key in ("precision", "recall", "f1", "support")]
        assert found == pytest.approx(values)
    text = (tmp_path / "classes.txt").read_text(encoding="utf-8")
    assert "0.6667" in text
    assert text.split("accuracy")[1].split()[:2] == ["0.8000", "5"]
