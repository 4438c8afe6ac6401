"""`python -m train pages`: the files that it leaves, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from edgeproof.errors import UsageError
from train.data.pages.command import write_pages


def test_pages_labels_and_contact_sheet(tmp_path: Path) -> None:
    sheet = write_pages(tmp_path / "pages", 3, 5, "lone")
    rows = [json.loads(line) for line in (tmp_path / "pages" / "labels.jsonl").read_text().splitlines()]
    assert [row["image"] for row in rows] == ["page-000005.png", "page-000006.png", "page-000007.png"]
    for row in rows:
        assert cv2.imread(str(tmp_path / "pages" / row["image"])).shape == (row["height"], row["width"], 3)
        assert row["layout"] == "lone"
    assert cv2.imread(str(sheet)) is not None
    with pytest.raises(UsageError, match="has pages already"):
        write_pages(tmp_path / "pages", 3, 5)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown layout 'row'.*rows"):
        write_pages(tmp_path, 1, 0, "row")
    with pytest.raises(UsageError, match="--count: expected at least 1, found 0"):
        write_pages(tmp_path, 0, 0)
