"""Algebra by hand: unknowns, powers, fractions, roots, limits."""

from __future__ import annotations

import numpy as np

from train.data.pages.layouts.numbers import hand_line
from train.data.pages.layouts.page import Page

UNKNOWNS = "xyabnztksmpq"
FUNCTIONS = ("sin", "cos", "tan", "log", "ln", "lim", "f", "exp")


def equations(page: Page) -> None:
    """Equations in rows."""
    base, pitch = page.area[1] + 1.3 * page.digit, page.digit * page.random.uniform(2.0, 3.2)
    name = str(page.random.choice(list(UNKNOWNS)))
    while base < page.bottom:
        x = page.left + page.digit * page.random.uniform(0, 1)
        if page.random.random() < 0.15:
            x = page.write(f"{page.random.integers(1, 10)}{page.random.choice((')', '.'))}", x, base) + 0.5 * page.digit
        x = _side(page, name, x, base, 4)
        if page.random.random() < 0.8 and x < page.right - 2 * page.digit:
            x = page.write("=", x + _space(page), base) + _space(page)
            _side(page, name, x, base, 2)
        base += pitch


def _space(page: Page) -> float:
    return page.digit * page.random.uniform(0.1, 0.5)


def _side(page: Page, name: str, x: float, base: float, most: int) -> float:
    """Terms with signs between them, up to `most`."""
    for i in range(int(page.random.integers(1, most + 1))):
        if x > page.right - 2 * page.digit:
            break
        if i or page.random.random() < 0.15:
            x = page.write(str(page.random.choice(("+", "−", "-", "+"))), x + _space(page), base) + _space(page)
        x = _term(page, name, x, base)
    return x


def _term(page: Page, name: str, x: float, base: float) -> float:
    kind = page.random.random()
    if kind < 0.25:
        return page.write(page.number(3), x, base)
    if kind < 0.62:
        x = page.write((page.number(2) if page.random.random() < 0.75 else "") + name, x, base)
        return _power(page, name, x, base) if page.random.random() < 0.6 else x
    if kind < 0.72:
        return _fraction(page, name, x, base)
    if kind < 0.8:
        return _root(page, name, x, base)
    if kind < 0.9:
        x = page.write("(", x, base)
        x = page.write(f"{name}{page.random.choice(('+', '−'))}{page.number(1)}", x, base)
        x = page.write(")", x, base)
        return _power(page, name, x, base) if page.random.random() < 0.5 else x
    x = page.write(str(page.random.choice(FUNCTIONS)), x, base) + 0.15 * page.digit
    return page.write(str(page.random.choice((name, f"({name})", f"2{name}", "π", "θ"))), x, base)


def _power(page: Page, name: str, x: float, base: float) -> float:
    """A small number above, or now and then below."""
    size, below = page.random.uniform(0.45, 0.7), page.random.random() < 0.15
    text = name if page.random.random() < 0.1 else page.number(1)
    return page.write(text, x - 0.05 * page.digit, base + page.digit * (0.3 if below else -0.6), size=size)


def _fraction(page: Page, name: str, x: float, base: float) -> float:
    middle, size = base - 0.45 * page.digit, page.random.uniform(0.6, 0.85)
    texts = [page.number(3) + (name if page.random.random() < 0.3 else "") for _ in range(2)]
    start = x + 0.1 * page.digit
    ends = [
        page.write(texts[0], start, middle - 0.25 * page.digit, size=size),
        page.write(texts[1], start, middle + (0.2 + size) * page.digit, size=size),
    ]
    hand_line(page, x, middle, max(ends))
    return max(ends) + 0.1 * page.digit


def _root(page: Page, name: str, x: float, base: float) -> float:
    """One stroke: the hook, and the bar over what is below it."""
    start, height = x + 0.55 * page.digit, page.digit * page.random.uniform(1.15, 1.35)
    end = page.write(page.number(2) + (name if page.random.random() < 0.4 else ""), start, base)
    hook = np.array(
        [[x, base - 0.5 * page.digit], [x + 0.12 * page.digit, base - 0.6 * page.digit], [x + 0.28 * page.digit, base]]
    )
    page.draw([np.concatenate([hook, [[start - 0.05 * page.digit, base - height], [end, base - height]]])], "sign")
    return end + 0.1 * page.digit
