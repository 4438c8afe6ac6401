"""Writing: strokes follow the ink that they were taken from; every letter and sign can be drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from train.data.pages.hand import fonts
from train.data.pages.hand.alphabet import HAND_LETTERS, HAND_SIGNS
from train.data.pages.hand.pen import any_pen, inked, is_light
from train.data.pages.hand.strokes import from_image, thinned, traced
from train.data.pages.hand.writer import Writer

Digits = tuple[NDArray[np.uint8], NDArray[np.int64]]


def test_strokes_follow_the_ink_of_the_image(digits: Digits) -> None:
    shares = []
    for image in digits[0][:100]:
        solid = image > 64
        rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
        crop = solid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        strokes = from_image(image)
        points = np.concatenate(strokes)
        points = (
            (points - points.min(axis=0)) / np.maximum(np.ptp(points, axis=0), 1e-9) * (np.array(crop.shape[::-1]) - 1)
        )
        x, y = np.rint(points).astype(int).T
        shares.append(cv2.dilate(crop.astype(np.uint8), np.ones((3, 3)))[y, x].mean())
    # The box of the centre lines is smaller than the ink's: stretched onto it, points lie up to half a stroke aside.
    assert np.mean(shares) > 0.97


def test_a_ring_is_one_closed_stroke() -> None:
    ring = cv2.circle(np.zeros((60, 60), np.uint8), (30, 30), 18, 255, 5)
    strokes = traced(thinned(ring > 0))
    assert len(strokes) == 1
    assert np.linalg.norm(strokes[0][0] - strokes[0][-1]) < 3
    assert np.allclose(np.linalg.norm(strokes[0] - 30, axis=1), 18, atol=1.5)


def test_a_stem_reaches_the_bar_that_it_hangs_from() -> None:
    letter = np.zeros((60, 60), np.uint8)
    cv2.line(letter, (8, 12), (52, 12), 255, 5)
    cv2.line(letter, (30, 12), (30, 50), 255, 5)
    bar, stem = sorted(traced(thinned(letter > 0)), key=lambda stroke: float(np.ptp(stroke[:, 1])))
    assert np.abs(bar[:, 1] - 12).max() < 1.5
    ends = stem[[0, -1], 1]
    assert np.abs(ends - np.median(bar[:, 1])).min() < 0.5


def test_a_cross_is_two_straight_strokes() -> None:
    cross = np.zeros((60, 60), np.uint8)
    cv2.line(cross, (10, 10), (50, 50), 255, 5)
    cv2.line(cross, (50, 10), (10, 50), 255, 5)
    strokes = traced(thinned(cross > 0))
    assert len(strokes) >= 2
    longest = max(strokes, key=len)
    assert np.linalg.norm(longest[0] - longest[-1]) > 45  # straight on at the crossing


def test_every_character_leaves_ink(digits: Digits) -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        writer = Writer.any(*digits, random)
        for character in "0123456789" + HAND_LETTERS + HAND_SIGNS + "Жя":
            strokes = writer.strokes(character)
            ink, _, _ = inked(tuple(stroke * 40 for stroke in strokes), 3.0, 0.1, random)
            assert ink.max() > 200, character


def test_a_hand_keeps_its_forms(digits: Digits) -> None:
    """The same digit again looks alike, another writer's differs more."""
    images, labels = digits
    again, other = [], []
    for seed in range(12):
        one, two = (Writer.any(images, labels, np.random.default_rng([seed, each])) for each in (0, 1))
        for digit in "2358":
            first = one.strokes(digit)
            again.append(_away(first, one.strokes(digit)))
            other.append(_away(first, two.strokes(digit)))
    assert np.mean(again) < 0.8 * np.mean(other)


def _away(first: tuple[NDArray[np.float64], ...], second: tuple[NDArray[np.float64], ...]) -> float:
    """Mean distance of the second's points from the first's, digit heights."""
    a, b = np.concatenate(first), np.concatenate(second)
    return float(np.linalg.norm(a[:, None] - b[None], axis=2).min(axis=0).mean())


@pytest.mark.parametrize("paper", [(235, 240, 240), (60, 70, 50), (120, 160, 190)])
def test_pens_can_be_told_from_their_paper(paper: tuple[int, int, int]) -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        pen = any_pen(random, paper)
        assert np.linalg.norm(np.subtract(pen.colour, paper)) > 40
        if not is_light(paper):
            assert np.mean(pen.colour) > np.mean(paper)


def test_every_face_prints_every_digit() -> None:
    for face in fonts.FACES:
        for digit in "0123456789":
            ink, above = fonts.printed(digit, face, 40)
            assert 32 < ink.shape[0] < 52, face
            assert 30 < above < 46, face
        assert fonts.advance("12", face, 40) > fonts.advance("1", face, 40)
    assert fonts.printed(" ", "DejaVuSans", 40)[0].size == 0


@pytest.mark.parametrize("face", fonts.FACES)
def test_no_face_prints_a_box_for_what_it_lacks(face: str) -> None:
    lacking = fonts.printed("\uffff", face, 40)[0]
    for sign in "×÷−Яж³":
        assert not np.array_equal(fonts.printed(sign, face, 40)[0], lacking), sign
