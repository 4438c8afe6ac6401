"""Odd pictures through the whole reader: an answer or one clear line, in bounded time. (Decoding alone: test_sources.)"""

from __future__ import annotations

import base64
import json
import time

import cv2
import numpy as np
import pytest

from edgeproof.cli.main import main
from edgeproof.page.reader import open_reader
from edgeproof.page.segment import MAX_CANDIDATES
from edgeproof.sources.pictures.picture import decode

#: 48×32, an upright bar in full black ink at the left; JPEG in four inks.
CMYK = (
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBXQUZMTlJT"
    "UjI+WmFaUGBKUVJP/8AAFAgAIAAwBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIB"
    "AwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZH"
    "SElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV"
    "1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD06vTq9Or06iiiiiiiiiiiiiiiiiiiiiiiiiiivmKiiivp"
    "2iiiiiiiiiiiiiiiiiiivmKiiivp2iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiv/Z"
)
#: 48×32, two pictures: the bar at the left, then in the middle.
ANIMATED = (
    "R0lGODlhMAAgAIEAAAAAAP///wAAAAAAACH5BAAKAAAALAAAAAAwACAAAAhiAAMIHEiwoMGDCBMqXMiwocOHECNKnEixosWLGDNq"
    "3OgQgMePHjkyBAlS5EKSH00qRBlSJUKWAFy+ZCnzIMyaBm/iJKhzp8CePoHuFIqTaE2jMpG6VOqzqdOnUKNKnUq1aUAAIfkEAQoA"
    "AgAsCAAIABgAEACBAAAA////AAAAAAAACFAAAwgcKFCAwYMGAShcqJAgQYQIGTJ0OBDiQYkLKRa0KABjQ40cO3rUGCCkRwAkTY4E"
    "yfFkypYrKarE+NKiS5Y2YzqcKbEmxJsyYdLE+dNjQAA7"
)


@pytest.fixture(scope="module")
def reader():
    with open_reader() as opened:
        yield opened


@pytest.mark.parametrize("encoded", [CMYK, ANIMATED], ids=["CMYK", "animated"])
def test_inks_become_light_and_the_first_of_several_pictures_counts(encoded, reader):
    image = decode(base64.b64decode(encoded), "odd")
    assert image.shape == (32, 48, 3)
    assert image[16, 12].max() < 60
    assert image[2, 2].min() > 200
    assert image[16, 28].min() > 200
    for candidate in reader.examine(image).candidates:
        assert abs(candidate.box[0] - 8) <= 2


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((700, 900, 3), np.uint8),
        np.full((700, 900, 3), 255, np.uint8),
        np.zeros((5, 4000, 3), np.uint8),
    ],
    ids=["1×1", "all black", "all white", "strip"],
)
def test_nothing_is_read_where_nothing_is_written_and_it_is_said_why(frame, reader):
    examination = reader.examine(frame)
    assert examination.reading.numbers == ()
    assert examination.segmentation.nothing


@pytest.mark.timed
def test_noise_is_refused_in_bounded_time(reader):
    """The aim is 100 ms per megapixel; ten times that is for a busy machine, a missing bound would take minutes."""
    noise = np.random.default_rng(1).integers(0, 256, (1000, 1000, 3)).astype(np.uint8)
    for frame in (noise, cv2.GaussianBlur(noise, (0, 0), 3), cv2.GaussianBlur(noise, (0, 0), 9)):
        start = time.perf_counter()
        reading = reader.read(frame)
        assert time.perf_counter() - start < 1
        assert reading.rejected + len(reading.digits) <= MAX_CANDIDATES


def test_candidates_beyond_the_cap_are_counted_and_said(tmp_path, capsys):
    page = np.full((1200, 1600, 3), 240, np.uint8)
    for y in range(10, 1180, 24):
        for x in range(10, 1580, 16):
            cv2.ellipse(page, (x + 4, y + 7), (4, 7), 0, 0, 360, (20, 20, 20), 2)
    path = tmp_path / "many.png"
    cv2.imwrite(str(path), page)
    assert main(["read", str(path), "--no-show", "--json", str(tmp_path / "many.jsonl")]) == 0
    assert f"{MAX_CANDIDATES} candidates read" in capsys.readouterr().err
    record = json.loads((tmp_path / "many.jsonl").read_text())
    assert len(record["digits"]) + record["rejected"] == MAX_CANDIDATES
