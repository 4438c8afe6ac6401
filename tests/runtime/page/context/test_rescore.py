"""What a page says about the things on it: brackets, slashes, chance shapes among hundreds, doubtful digits in a row."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeproof import glyph
from edgeproof.page.context import rescore
from edgeproof.page.context.rescore import _Hand, _hand, _is_crowd, _odds, _sign, _Stroke, judge

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


# ---- the numbers -----------------------------------------------------------------------------------------------------

LEVEL = _Hand(lean=0.0, spread=10.0)  # a page whose digits stand upright, as the digits of one hand do


def sign(*, bow: float = 0.0, lean: float = 0.0, taller: float = 0.0, hand: _Hand = LEVEL, among: bool = False) -> str:
    """What a plain stroke is taken for: "bracket", "slash", "stroke" (too tall), or "" for a 1."""
    return _sign(_Stroke(bow, lean, taller), hand, among_signs=among).removeprefix("a ").partition(":")[0].split(" ")[0]


def with_foot(rows: int) -> np.ndarray:
    """The glyph of an upright stroke whose lowest rows stand two pixels aside."""
    image = np.zeros((28, 28), np.uint8)
    image[4 : 24 - rows, 13] = image[24 - rows : 24, 15] = 255
    return image


def tall(image: np.ndarray) -> int:
    """What a glyph of a 1, more than twice as tall as the digits beside it, is read as."""
    return int(page([*DIGITS, (image, 1, 0.97, 130)]).labels[4])


def lettered(height: int, width: int) -> bool:
    """Whether a digit, 40 high, is a letter between four refused things of that size."""
    boxes = [
        ((width + 4) * place, 100 - h // 2, width, h) for place, h in enumerate((height, height, 40, height, height))
    ]
    probabilities = np.full((5, len(CLASSES)), 1e-4, np.float32)
    probabilities[[0, 1, 3, 4], RED] = 1
    probabilities[2, 9] = 1
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return bool(judge(boxes, np.array([ring()] * 5), probabilities, CLASSES, threshold=0.5).labels[2] == -1)


def two_digits_beside_it_balance_a_page_without_any() -> None:
    digit_probability = np.zeros(1000, np.float32)
    digit_probability[:2] = 1
    assert 0.9 < _odds(digit_probability, [(0, 1, 2), range(3, 1000)])[2] < 1.1


def among_digits_one_in_ten_is_a_digit_and_one_in_twelve_is_none() -> None:
    assert page([*DIGITS * 8, (ring(), 0, 0.1, 60)], threshold=0).labels[-1] == 0
    assert page([*DIGITS * 8, (ring(), 0, 0.083, 60)], threshold=0).labels[-1] == -1


def a_stroke_with_a_foot_is_a_one_also_where_a_plain_one_is_none() -> None:
    assert (tall(with_foot(2)), tall(with_foot(7))) == (-1, 1)


def a_bow() -> None:
    assert (sign(bow=0.13), sign(bow=0.15)) == ("", "bracket")


def half_a_bow_and_a_quarter_taller() -> None:
    assert (sign(bow=0.07, taller=0.22), sign(bow=0.07, taller=0.28)) == ("", "bracket")


def a_tall_stroke_still_has_to_bend() -> None:
    assert (sign(bow=0.05, taller=0.9), sign(bow=0.062, taller=0.9)) == ("", "bracket")


def a_lean() -> None:
    assert (sign(lean=30), sign(lean=34)) == ("", "slash")


def a_lean_among_signs() -> None:
    assert (sign(lean=23, among=True), sign(lean=27, among=True)) == ("", "slash")


def a_lean_and_a_little_taller() -> None:
    assert (sign(lean=25, taller=0.09), sign(lean=25, taller=0.12)) == ("", "slash")


def a_tall_stroke_still_has_to_lean() -> None:
    assert (sign(lean=16, taller=0.9), sign(lean=18, taller=0.9)) == ("", "slash")


def a_stroke_twice_as_tall() -> None:
    assert (sign(taller=0.9, lean=-50), sign(taller=1.1, lean=-50)) == ("", "stroke")


def ones_lean_more_than_the_other_digits() -> None:
    assert (sign(lean=31.5), sign(lean=32.5)) == ("", "slash")


def three_digits_alike_are_still_one_hand() -> None:
    hand = _hand(np.zeros(3))
    assert (sign(lean=26, hand=hand), sign(lean=31, hand=hand)) == ("", "slash")


def ten_digits_alike_halve_the_usual_variance() -> None:
    assert _hand(np.zeros(10)).spread ** 2 == pytest.approx(rescore.USUAL_LEAN_SPREAD_DEG**2 / 2, rel=0.05)


def four_things_are_no_crowd() -> None:
    assert (_is_crowd(4, 0), _is_crowd(5, 0)) == (False, True)


def a_quarter_of_digits_is_not_few() -> None:
    assert (_is_crowd(20, 4), _is_crowd(20, 6)) == (True, False)


def two_letters_may_be_a_unit_and_three_are_a_word() -> None:
    assert (word("dll"), word("dlll")) == ("d--", "----")


def a_low_thing_is_no_letter() -> None:
    assert (lettered(22, 30), lettered(26, 30)) == (False, True)


def a_narrow_thing_is_no_letter() -> None:
    assert (lettered(40, 14), lettered(40, 18)) == (False, True)


PROBES = {
    "PAGE_WEIGHT_NEIGHBOURS": two_digits_beside_it_balance_a_page_without_any,
    "MAX_CONTEXT_ODDS": among_digits_one_in_ten_is_a_digit_and_one_in_twelve_is_none,
    "MAX_PLAIN_ROUGHNESS_SHARE": a_stroke_with_a_foot_is_a_one_also_where_a_plain_one_is_none,
    "BRACKET_BOW_SHARE": a_bow,
    "BRACKET_TALLER_SHARE": half_a_bow_and_a_quarter_taller,
    "MAX_BRACKET_TALLER_CREDIT": a_tall_stroke_still_has_to_bend,
    "SLASH_DEVIATIONS": a_lean,
    "SLASH_AMONG_SIGNS_DEVIATIONS": a_lean_among_signs,
    "SLASH_TALLER_SHARE": a_lean_and_a_little_taller,
    "MAX_SLASH_TALLER_DEVIATIONS": a_tall_stroke_still_has_to_lean,
    "MAX_HEIGHT_RATIO": a_stroke_twice_as_tall,
    "ONES_EXTRA_LEAN_DEG": ones_lean_more_than_the_other_digits,
    "USUAL_LEAN_SPREAD_DEG": three_digits_alike_are_still_one_hand,
    "SPREAD_PRIOR_DIGITS": ten_digits_alike_halve_the_usual_variance,
    "CROWD_THINGS": four_things_are_no_crowd,
    "CROWD_DIGIT_SHARE": a_quarter_of_digits_is_not_few,
    "WHOLE_WORD_LETTERS": two_letters_may_be_a_unit_and_three_are_a_word,
    "LETTER_MIN_HEIGHT_SHARE": a_low_thing_is_no_letter,
    "LETTER_MIN_ASPECT": a_narrow_thing_is_no_letter,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(rescore, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(rescore)
