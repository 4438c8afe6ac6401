"""Layouts of writing: words, sentences, lists, letters, Greek, symbols, drawings, nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand.alphabet import HAND_LETTERS, HAND_SIGNS
from train.data.pages.layouts.numbers import hand_line, ring
from train.data.pages.layouts.page import Page
from train.data.pages.layouts.wording import CYRILLIC, GREEK, WORDS


def sentences(page: Page) -> None:
    """Lines of words without any digit."""
    _lines(page, 0.0)


def mixed(page: Page) -> None:
    """Lines of words with numbers between them."""
    _lines(page, 0.3)


def _lines(page: Page, numbers: float) -> None:
    capital = page.random.random()
    base, climb = page.area[1] + page.digit, page.random.normal(0, 0.012)
    while base < page.bottom:
        x = page.left
        while x < page.right - 2.5 * page.digit:
            word = page.number(4) if page.random.random() < numbers else _word(page, capital)
            x = page.write(word, x, base, climb=climb) + page.digit * page.random.uniform(0.4, 0.8)
            if page.random.random() < 0.08:
                x = page.write(str(page.random.choice(list(",.!?:"))), x - 0.4 * page.digit, base) + 0.3 * page.digit
            if page.random.random() < 0.05:
                break
        base += page.digit * page.random.uniform(1.7, 2.1)


def _word(page: Page, capital: float) -> str:
    word = str(page.random.choice(WORDS))
    if capital < 0.2:
        return word.upper()
    return word.capitalize() if page.random.random() < capital * 0.6 else word


def items(page: Page) -> None:
    """A list: a word and a number in each row; prices, dates, times."""
    base, mark = page.area[1] + page.digit, str(page.random.choice(("", "- ", "* ", "✓ ")))
    column = page.left + page.wide * page.random.uniform(0.45, 0.75)
    while base < page.bottom:
        end = page.write(mark + _word(page, 0.4), page.left, base)
        page.write(_figure(page), max(column, end + page.digit), base)
        base += page.digit * page.random.uniform(1.5, 2.1)


def _figure(page: Page) -> str:
    kind = page.random.random()
    if kind < 0.4:
        return page.number(4)
    if kind < 0.6:
        return (
            f"{page.number(2)}{page.random.choice((',', '.'))}{page.number(2, 2)}{page.random.choice(('', '€', '$'))}"
        )
    if kind < 0.75:
        return f"{page.number(2)}{page.random.choice(('.', '/', '-'))}{page.number(2)}{page.random.choice(('', '.', '/20'))}"
    if kind < 0.87:
        return f"{page.number(2)}:{page.number(2, 2)}"
    return f"{page.number(3)}{page.random.choice(('%', ' kg', ' cm', ' h', 'x', '°'))}"


def letters(page: Page) -> None:
    """Single letters in rows: an alphabet, Latin, Cyrillic or Greek; no digit."""
    kind = page.random.random()
    text = (
        CYRILLIC
        if kind < 0.3
        else GREEK
        if kind < 0.5
        else HAND_LETTERS
        if kind < 0.8
        else "".join(page.random.permutation(list(HAND_LETTERS)))
    )
    base, step, i = page.area[1] + page.digit, page.digit * page.random.uniform(1.3, 2.2), int(page.random.integers(20))
    while base < page.bottom:
        for x in np.arange(page.left, page.right - page.digit, step):
            page.write(text[i % len(text)], x, base)
            i += 1
        base += page.digit * page.random.uniform(1.7, 2.3)


def symbols(page: Page) -> None:
    """Signs and Greek letters here and there; no digit."""
    text, step = HAND_SIGNS + GREEK, page.digit * page.random.uniform(1.5, 3)
    for y in np.arange(page.area[1] + page.digit, page.bottom, step):
        for x in np.arange(page.left, page.right - page.digit, step):
            if page.random.random() < 0.8:
                sign = text[int(page.random.integers(len(text)))]
                page.write(sign, x + page.random.uniform(0, 0.4) * step, y, size=page.random.uniform(0.7, 1.5))


def doodles(page: Page) -> None:
    """Waves, spirals, stars, boxes, scribbles, signatures; no digit."""
    for _ in range(int(page.random.integers(2, 10))):
        x, y = page.random.uniform(page.area[:2], page.area[2:])
        page.draw([_doodle(page) * page.digit * page.random.uniform(0.5, 2) + (x, y)], "scribble")


def _doodle(page: Page) -> NDArray[np.float64]:
    t, kind = np.linspace(0, 1, 60), int(page.random.integers(6))
    if kind == 0:
        return np.stack([4 * t, 0.3 * np.sin(20 * t)], axis=1)
    if kind == 1:
        return np.stack([(0.2 + t) * np.cos(16 * t), (0.2 + t) * np.sin(16 * t)], axis=1)
    if kind == 2:
        angles = np.arange(6) * 0.8 * np.pi
        return np.stack([np.sin(angles), -np.cos(angles)], axis=1)
    if kind == 3:
        return np.array([[0, 0], [2, 0.05], [1.95, 1.3], [0.02, 1.25], [0, 0]])
    steps = page.random.normal(0, 1, (60, 2)) * (0.35, 0.3) + ((0.06, 0) if kind == 4 else (0, 0))
    return np.asarray(
        np.cumsum(np.stack([np.convolve(axis, np.ones(7) / 7, "same") for axis in steps.T], axis=1), axis=0)
    )


def blank(page: Page) -> None:
    """Nothing, or a stroke or two."""
    for _ in range(int(page.random.integers(0, 3))):
        x, y = page.random.uniform(page.area[:2], page.area[2:])
        hand_line(page, x, y, x + page.digit * page.random.uniform(1, 5))


def crossed(page: Page) -> None:
    """Numbers and words, some of which are crossed out or ringed; what is crossed out is a scribble."""
    base = page.area[1] + page.digit
    while base < page.bottom:
        x = page.left
        while x < page.right - 3 * page.digit:
            out = page.random.random() < 0.3
            text = page.number(4) if page.random.random() < 0.7 else _word(page, 0.2)
            end = page.write(text, x, base, kind="scribble" if out else None)
            if out:
                _cross_out(page, x, end, base)
            elif page.random.random() < 0.15:
                ring(page, (x + end) / 2, base - 0.5 * page.digit, (end - x) / 2 + 0.3 * page.digit, 0.85 * page.digit)
            x = end + page.digit * page.random.uniform(0.8, 1.6)
        base += page.digit * page.random.uniform(1.8, 2.3)


def _cross_out(page: Page, x: float, end: float, base: float) -> None:
    t = np.linspace(0, 1, 50)
    waves = page.random.uniform(4, 9) * max(1, (end - x) / page.digit)
    middle = base - 0.5 * page.digit
    page.draw([np.stack([x + (end - x) * t, middle + 0.4 * page.digit * np.sin(waves * t * 3)], axis=1)], "scribble")
