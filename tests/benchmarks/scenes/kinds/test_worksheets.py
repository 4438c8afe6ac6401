"""Print and writing on one page."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes.kinds import worksheets
from benchmarks.scenes.photograph.printing import Text
from benchmarks.scenes.writer import Digits, Writer


@pytest.mark.parametrize("compose", [worksheets.worksheet, worksheets.score_card, worksheets.printed_page])
def test_print_holds_no_digit(digits: Digits, compose) -> None:
    """So that all labelled digits are written by hand."""
    for seed in range(3):
        page = compose(Writer(*digits, np.random.default_rng(seed)))
        texts = [one.text for one in page.printed if isinstance(one, Text)]
        assert texts
        assert not any(character.isdigit() for text in texts for character in text)


def test_notes_have_colours_and_numbers_of_their_own(digits: Digits) -> None:
    pages = worksheets.stickers(Writer(*digits, np.random.default_rng(0)))
    assert len({page.look.paper for page in pages}) == 3
    assert all(len({one.number for one in page.written}) == 2 for page in pages)


def test_words_have_the_letters_that_could_be_digits(digits: Digits) -> None:
    written = worksheets.every_letter(Writer(*digits, np.random.default_rng(0))).written
    assert not any(one.text.isdigit() for one in written)
    assert len({one.text for one in written} & set("bgloqsyz")) >= 4
