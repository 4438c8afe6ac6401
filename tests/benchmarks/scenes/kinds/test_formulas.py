"""Digits among letters, and letters alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from benchmarks.scenes import signs
from benchmarks.scenes.kinds import formulas
from benchmarks.scenes.writer import Digits, Writer


def test_every_sign_of_an_equation_can_be_written() -> None:
    assert set("".join(formulas.EQUATIONS)) - set("nN^23") <= set(signs.PATHS)


def test_exponents_are_small_high_and_numbers_of_their_own(digits: Digits) -> None:
    found = 0
    for seed in range(6):
        page = formulas.algebra(Writer(*digits, np.random.default_rng(seed)))
        for before, one in pairwise(page.written):
            if one.height < 0.75 * page.digit:
                found += 1
                assert one.text in "23"
                assert one.centre[1] < before.centre[1]
                assert one.number not in {other.number for other in page.written if other is not one}
    assert found >= 3


def test_a_digit_before_a_letter_is_a_number(digits: Digits) -> None:
    texts = []
    for seed in range(4):
        written = formulas.algebra(Writer(*digits, np.random.default_rng(seed))).written
        texts += [a.text + b.text for a, b in pairwise(written) if a.line == b.line]
    assert any(pair[0].isdigit() and pair[1] in "xyab" for pair in texts)


def test_greek_pages_hold_no_digit(digits: Digits) -> None:
    page = formulas.greek(Writer(*digits, np.random.default_rng(0)))
    assert len(page.written) > 20
    assert {one.text for one in page.written} <= set(signs.GREEK)
