"""Layouts of one character again and again, as one practises it, or collects a hand's forms for a program to learn."""

from __future__ import annotations

from train.data.pages.hand.alphabet import HAND_SIGNS
from train.data.pages.layouts.page import Page
from train.data.synthetic.non_digits import LETTERS

STROKES = "/()-1"
"""What only a page tells apart."""


def practice(page: Page) -> None:
    """Rows of one digit, sign or letter each, none that passes for a digit; on some pages all digits in order first."""
    random = page.random
    spread, pitch = page.digit * random.uniform(0.25, 0.9), page.digit * random.uniform(1.4, 2.2)
    signs, letters = random.choice([0.0, 0.4, 0.7]), random.choice([0.0, 0.0, 0.3])
    base, row = page.area[1] + page.digit, 0
    in_order = random.random() < 0.4
    while base < page.bottom:
        kind = random.random()
        if in_order and row < 10:
            character = str(row)
        elif kind < signs:
            character = str(random.choice(list(STROKES if random.random() < 0.6 else HAND_SIGNS)))
        elif kind < signs + letters:
            character = str(random.choice(sorted(LETTERS)))
        else:
            character = page.number(1)
        x, last = page.left, page.left + (page.right - page.left) * random.uniform(0.6, 1)
        while x < last - 0.5 * page.digit:
            x = page.write(character, x, base) + spread * random.uniform(0.8, 1.2)
        base, row = base + pitch, row + 1
