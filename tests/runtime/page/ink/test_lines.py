"""Lines as curves: where they are, where they meet, and how they are drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeproof.page.ink.lines import Lines, Ruling, drawn, followed, meeting


def line(start: float, end: float, at_start: float, at_end: float, thick: float = 3.0) -> Lines:
    curve = [[(at_start + at_end) / 2, (at_end - at_start) / 2, 0]]
    return Lines(np.array([start]), np.array([end]), np.array(curve), np.array([thick]))


def test_a_line_goes_on_straight_beyond_its_ends():
    bent = Lines(np.array([0.0]), np.array([100.0]), np.array([[10.0, 0.0, 4.0]]), np.array([1.0]))
    assert bent.at(np.array([[0.0, 50.0, 100.0]])).tolist() == [[14, 10, 14]]
    beyond = bent.at(np.array([[100.0, 150.0, 200.0]]))[0]
    assert beyond[2] - beyond[1] == pytest.approx(beyond[1] - beyond[0])


def test_a_line_between_other_places_is_the_same():
    slanted = line(10, 110, 20, 40)
    longer = slanted.between(np.array([0.0]), np.array([200.0]))
    for place in (0.0, 60.0, 200.0):
        assert longer.at(np.array([place])) == pytest.approx(slanted.at(np.array([place])))


def test_lines_are_scaled_with_their_picture():
    """A line through whole pixels of a picture goes through the same of one that is three times as large."""
    mask = np.zeros((20, 40), np.uint8)
    mask[7, 5:30] = 255
    large = line(5, 29, 7, 7).scaled(3, 3)
    rows, columns = np.nonzero(cv2.resize(mask, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST))
    assert large.at(large.middle)[0] == rows.mean()
    assert (large.start[0] - 1, large.end[0] + 1) == (columns.min(), columns.max())


def test_lines_meet_where_they_cross_and_at_their_ends():
    level = line(100, 200, 50, 50) + line(100, 200, 90, 90)
    upright = line(50, 90, 100, 100) + line(20, 120, 150, 150) + line(50, 80, 200, 200)
    places = meeting(Ruling(level, upright))
    assert places.meets.tolist() == [[True, True, True], [True, True, False]]
    assert places.first[0].tolist() == [[True, False, False], [True, False, False]]
    assert places.last[0][:, 2].tolist() == [True, True]
    assert places.first[1].tolist()[0] == [True, False, True]
    assert places.last[1].tolist()[1] == [True, False, False]


def test_lines_are_followed_as_they_are_drawn():
    """One that waves by three pixels, with a stroke across it and a gap."""
    mask = np.zeros((100, 400), np.uint8)
    x = np.arange(400)
    wave = np.round(50 + 3 * np.sin(x / 60)).astype(int)
    for thick in range(-1, 2):
        mask[wave + thick, x] = 255
    mask[20:80, 200:206] = 255
    mask[:, 300:310] = 0
    along, across, thick = followed(line(0, 399, 50, 50), mask)
    assert thick.tolist() == [3]
    assert np.abs(across[0] - wave[along[0].round().astype(int)]).max() <= 2


def test_a_band_covers_a_line_and_its_rims():
    mask = np.zeros((100, 400), np.uint8)
    mask[48:53] = 255
    level, upright = drawn(Ruling(line(0, 399, 50, 50), Lines.none()), mask)
    rows = np.flatnonzero(level.band(mask.shape).any(axis=1))
    assert (rows.min(), rows.max()) in [(45, 55), (46, 54), (46, 55), (45, 54)]
    assert not upright.band(mask.shape).any()
