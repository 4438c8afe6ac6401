"""Nobody is treated unfairly: what each peer's answer becomes."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from benchmarks.peers import readers


def test_line_boxes_are_shrunk_to_the_ink() -> None:
    page = np.full((60, 80, 3), 200, np.uint8)
    page[20:45, 30:36] = 40
    page[20:45, 44:50] = 40  # the neighbour reaches into the cell
    assert readers.shrunk(page, (22, 5, 24, 50)) == (30, 20, 6, 25)
    white_on_black = 255 - page
    assert readers.shrunk(white_on_black, (22, 5, 24, 50)) == (30, 20, 6, 25)
    assert readers.shrunk(page, (70, 50, 2, 2)) == (70, 50, 2, 2)


def test_tesseract_s_boxes_count_from_below() -> None:
    page = np.full((100, 50, 3), 200, np.uint8)
    page[10:30, 5:15] = 30
    said = "7 1 60 30 98 0\n~ 1 1 2 2 0\n"
    assert readers._boxes_of(page, said) == [(7, (5, 10, 10, 20))]


def test_rapidocr_s_letters_are_dropped() -> None:
    page = np.full((40, 60, 3), 200, np.uint8)
    page[10:30, 5:15] = page[10:30, 35:45] = 30
    cells = [[[2, 5], [20, 5], [20, 35], [2, 35]], [[30, 5], [50, 5], [50, 35], [30, 35]]]
    lines = [[[], "3B", 0.9, cells, ["3", "B"], [0.9, 0.9]]]
    assert readers._characters_of(page, lines) == [(3, (5, 10, 10, 20))]
    assert readers._characters_of(page, None) == []


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_tesseract_reads_print() -> None:
    page = np.full((120, 400, 3), 255, np.uint8)
    cv2.putText(page, "2468", (40, 85), cv2.FONT_HERSHEY_SIMPLEX, 2.2, (0, 0, 0), 5, cv2.LINE_AA)
    peer = readers.tesseract({})
    assert [digit for digit, _ in sorted(peer.finish(page, peer.read(page)), key=lambda one: one[1])] == [2, 4, 6, 8]
