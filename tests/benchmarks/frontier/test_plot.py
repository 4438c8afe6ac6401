"""The frontier's picture: ink of every backend, and names that do not overlap."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest

from benchmarks.frontier import plot
from benchmarks.frontier.report import FrontierReport
from benchmarks.latency.plot import COLOURS

SIZE = (60.0, 10.0)
BOUNDS = (0.0, 0.0, 400.0, 300.0)


def test_the_picture_has_every_backend_and_is_1200_pixels_wide(report: FrontierReport) -> None:
    picture = cv2.imdecode(np.frombuffer(plot.draw(report), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[1] == 1200
    for backend in {point.backend for point in report.points}:
        red, green, blue = bytes.fromhex(COLOURS[backend][1:])
        assert (picture == (blue, green, red)).all(axis=2).sum() > 200, backend


@pytest.mark.parametrize(
    "anchors",
    [
        [(200.0, 150.0)] * 6,
        [(200.0 + 3 * i, 150.0 + 2 * i) for i in range(10)],
        [(395.0, 295.0), (2.0, 2.0), (396.0, 3.0), (3.0, 296.0)],
    ],
)
def test_names_meet_no_other_and_no_point_and_stay_inside(anchors: list[tuple[float, float]]) -> None:
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in anchors]
    corners = plot.place(anchors, [SIZE] * len(anchors), taken, BOUNDS)
    names = [(x, y, x + SIZE[0], y + SIZE[1]) for x, y in corners]
    assert not any(plot.meet(one, other) for one, other in combinations(names, 2))
    assert not any(plot.meet(name, point) for name in names for point in taken)
    assert all(left >= 0 and right <= 400 and bottom >= 0 and top <= 300 for left, bottom, right, top in names)


def test_a_name_that_stands_free_is_to_the_right_of_its_point() -> None:
    assert plot.place([(100.0, 100.0)], [SIZE], [(96.0, 96.0, 104.0, 104.0)], BOUNDS) == [(107.0, 95.0)]
