"""The roofline's picture: ink of every backend, and names that do not overlap."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from benchmarks.latency.plot import COLOURS
from benchmarks.roofline import plot
from benchmarks.roofline.report import RooflineReport


def test_the_picture_has_every_backend_and_is_1200_pixels_wide(report: RooflineReport) -> None:
    picture = cv2.imdecode(np.frombuffer(plot.draw(report), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[1] == 1200
    for backend in {point.backend for point in report.points}:
        red, green, blue = bytes.fromhex(COLOURS[backend][1:])
        assert (picture == (blue, green, red)).all(axis=2).sum() > 200, backend


@pytest.mark.parametrize("wanted", [[0.1, 0.11, 0.12, 0.9], [0.5] * 8, [0.97, 0.98, 0.99, 1.0], [0.2]])
def test_heights_keep_their_order_and_their_distance(wanted: list[float]) -> None:
    placed = plot.spread(wanted, 0.05)
    assert all(later - earlier >= 0.05 - 1e-9 for earlier, later in pairwise(placed))
    assert max(placed) <= 1
    assert placed[0] >= min(wanted[0], 1 - 0.05 * len(wanted))


def test_heights_that_are_apart_stay_where_they_are() -> None:
    assert plot.spread([0.1, 0.4, 0.8], 0.05) == [0.1, 0.4, 0.8]
