"""What a page says about the things on it: brackets, slashes, chance shapes among hundreds, doubtful digits in a row."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeproof import glyph
from edgeproof.page.rescore import judge

CLASSES = (*"0123456789", "reject")
RED = len(CLASSES) - 1


def stroke(bow: float = 0.0, lean: float = 0.0, hook: bool = False) -> np.ndarray:
    """The glyph of an upright pen stroke: bow as a share of its height, lean in degrees to the right, with the hook of a 1."""
    up = np.linspace(-0.5, 0.5, 30)
    x = -4 * bow * (0.25 - up**2) - np.tan(np.radians(lean)) * up
    points = np.stack([150 + 160 * x, 150 + 160 * up], axis=1)
    canvas = np.zeros((300, 300), np.uint8)
    cv2.polylines(canvas, [np.rint(points).astype(np.int32)], False, 255, 14, cv2.LINE_AA)
    if hook:
        cv2.line(canvas, (150, 70), (95, 120), 255, 14, cv2.LINE_AA)
    return glyph.make_glyph(canvas)


def ring() -> np.ndarray:
    return glyph.make_glyph(cv2.ellipse(np.zeros((120, 120), np.uint8), (60, 60), (30, 45), 0, 0, 360, 255, 10))


def page(things, threshold=0.5):
    """Verdicts on a row of (glyph, class, probability, height)."""
    boxes, glyphs, probabilities = [], [], []
    for place, (image, label, score, height) in enumerate(things):
        boxes.append((60 * place, 100 - height // 2, 30, height))
        glyphs.append(image)
        row = np.full(len(CLASSES), 1e-4, np.float32)
        row[RED] = 1 - score
        row[label] = score
        probabilities.append(row / row.sum())
    return judge(boxes, np.array(glyphs), np.array(probabilities), CLASSES, threshold=threshold)


DIGITS = [(ring(), 0, 0.98, 60)] * 4


@pytest.mark.parametrize("bow", [-0.18, 0.18])
def test_a_smooth_stroke_that_bends_is_a_bracket(bow):
    verdicts = page([*DIGITS, (stroke(bow=bow), 1, 0.97, 66)])
    assert verdicts.labels.tolist() == [0, 0, 0, 0, -1]
    assert verdicts.reasons[4].startswith("a bracket")


def test_a_taller_stroke_needs_less_of_a_bow():
    assert page([*DIGITS, (stroke(bow=0.09), 1, 0.97, 60)]).labels[4] == 1
    assert page([*DIGITS, (stroke(bow=0.09), 1, 0.97, 90)]).labels[4] == -1


def test_a_stroke_that_leans_more_than_the_page_is_a_slash_and_a_leaning_hand_has_leaning_ones():
    upright = page([*DIGITS, *DIGITS, (stroke(lean=35), 1, 0.97, 72)])
    assert upright.reasons[8].startswith("a slash")
    leaning = cv2.warpAffine(ring(), np.array([[1, -0.6, 8.4], [0, 1, 0]]), (28, 28))
    same_hand = page([*[(leaning, 0, 0.98, 60)] * 8, (stroke(lean=35), 1, 0.97, 62)])
    assert same_hand.labels[8] == 1


def test_plain_and_hooked_ones_are_ones():
    verdicts = page(
        [*DIGITS, (stroke(), 1, 0.97, 62), (stroke(lean=12), 1, 0.97, 60), (stroke(hook=True), 1, 0.97, 60)]
    )
    assert verdicts.labels.tolist()[4:] == [1, 1, 1]
    assert set(verdicts.reasons) == {""}


def test_a_doubtful_digit_is_one_among_digits_and_none_among_other_things():
    doubtful = (ring(), 0, 0.4, 60)
    assert page([*DIGITS, *DIGITS, doubtful]).labels[8] == 0
    sign = (ring(), RED, 0.99, 60)
    likely = (ring(), 0, 0.7, 60)
    assert page([likely]).labels[0] == 0
    crowd = page([*[sign] * 8, likely])
    assert crowd.labels[8] == -1
    assert crowd.reasons[8].startswith("too little around it")


def test_what_stands_around_a_glyph_moves_what_is_asked_of_it():
    """0.7 alone is short of 0.8; among eight digits it is enough, and among signs even 0.95 is not."""
    sign = (ring(), RED, 0.99, 60)
    assert page([(ring(), 0, 0.7, 60)], threshold=0.8).labels.tolist() == [-1]
    assert page([(ring(), 0, 0.85, 60)], threshold=0.8).labels.tolist() == [0]
    among = page([*DIGITS, *DIGITS, (ring(), 0, 0.7, 60)], threshold=0.8)
    assert among.labels[8] == 0
    crowd = page([*[sign] * 3, (ring(), 0, 0.95, 60)], threshold=0.8)
    assert crowd.labels[3] == -1
    assert crowd.reasons[3].startswith("a 0 at best")


def test_a_doubt_between_two_digits_is_measured_by_the_same_rule():
    """3 or 5, 0.6 to 0.4: no score for a single glyph; in a row of digits one of them is wanted, and the score stays."""
    boxes = [(60 * place, 70, 30, 60) for place in range(9)]
    probabilities = np.full((9, len(CLASSES)), 1e-4, np.float32)
    probabilities[:8, 0] = 0.99
    probabilities[8, [3, 5]] = 0.6, 0.4
    glyphs = np.array([ring()] * 9)
    alone = judge(boxes[8:], glyphs[8:], probabilities[8:], CLASSES, threshold=0.8)
    assert alone.labels.tolist() == [-1]
    row = judge(boxes, glyphs, probabilities, CLASSES, threshold=0.8)
    assert row.labels[8] == 3
    assert row.scores[8] == pytest.approx(0.6, abs=0.01)
    assert (
        judge(boxes, glyphs, probabilities, CLASSES, threshold=0.0, conf=0.8).labels[8] == -1
    )  # --conf is for all alike


def test_a_plain_stroke_alone_among_many_other_things_is_not_a_one():
    assert page([(stroke(), 1, 0.99, 60)]).labels[0] == 1
    assert page([*[(ring(), RED, 0.99, 60)] * 9, (stroke(), 1, 0.999, 60)]).labels[9] == -1


def test_nothing_to_judge():
    verdicts = judge(
        [], np.zeros((0, 28, 28), np.uint8), np.zeros((0, len(CLASSES)), np.float32), CLASSES, threshold=0.5
    )
    assert (len(verdicts.labels), verdicts.reasons) == (0, ())


def test_a_model_without_reject_keeps_its_scores():
    probabilities = np.full((1, 10), 0.02, np.float32)
    probabilities[0, 3] = 0.82
    verdicts = judge([(0, 0, 30, 60)], np.array([ring()]), probabilities, CLASSES[:-1], threshold=0.5)
    assert verdicts.labels.tolist() == [3]
    assert verdicts.scores.tolist() == pytest.approx([0.82])


def word(kinds: str, width: int = 30) -> str:
    """What is read of a word, d = digit, - = refused: of a d, a digit to the model, an l, none, or a +, a low sign."""
    boxes, probabilities = [], []
    for place, kind in enumerate(kinds):
        height = {"d": 40, "l": 40, "+": 20}[kind]
        boxes.append((width * place + 4 * place, 100 - height // 2, width - 6 if kind == "+" else width, height))
        row = np.full(len(CLASSES), 1e-4, np.float32)
        row[9 if kind == "d" else RED] = 1
        probabilities.append(row / row.sum())
    glyphs = np.array([ring()] * len(kinds))
    verdicts = judge(boxes, glyphs, np.array(probabilities), CLASSES, threshold=0.5)
    return "".join("d" if label == 9 else "-" for label in verdicts.labels)


@pytest.mark.parametrize(
    ("kinds", "read"),
    [
        ("lldll", "-----"),  # an a among letters
        ("ldl", "---"),
        ("dlll", "----"),
        ("dll", "d--"),  # a number and its unit
        ("ddll", "dd--"),
        ("dld", "d-d"),  # 2 x 3
        ("d+d+d", "d-d-d"),
        ("+d+", "-d-"),
        ("ddlddddd", "dd-ddddd"),  # a digit that the model did not know
    ],
)
def test_a_digit_among_letters_is_a_letter_and_a_sum_or_a_unit_makes_no_word(kinds, read):
    assert word(kinds) == read
