"""Layouts of forms: worksheets, answer sheets, cheques, meters, printed fields."""

from __future__ import annotations

import numpy as np

from train.data.pages.hand.pen import Pen
from train.data.pages.layouts.page import BLACK, Page
from train.data.pages.layouts.wording import LABELS, WORDS, phrase

GREY = Pen((150, 150, 150), 0.1)


def worksheet(page: Page) -> None:
    """Printed exercises with a gap to fill by hand."""
    random, height = page.random, page.digit * page.random.uniform(0.45, 0.8)
    title = f"{random.choice(('Exercise', 'Worksheet', 'Name', 'Unit'))} {random.integers(1, 20)}"
    page.print(title, page.left, page.area[1] + height, 1.2 * height)
    base, number, tall = page.area[1] + 3 * page.digit, 1, page.digit * random.uniform(1.6, 2.4)
    boxed = random.random() < 0.5
    while base < page.bottom:
        x = page.left
        while x == page.left or x < page.right - 7 * page.digit:
            sign = str(random.choice(("+", "−", "×", "÷")))
            x = page.print(f"{number}) {page.number(2)} {sign} {page.number(2)} = ", x, base, height)
            if boxed:
                page.box((x, base - 1.15 * page.digit, 2.2 * page.digit, 1.4 * page.digit), page.fine)
            else:
                low = base + 0.15 * page.digit
                page.rule((x, low), (x + 2.2 * page.digit, low), page.fine)
            if random.random() < 0.8:
                page.write(page.number(2), x + 0.35 * page.digit, base)
            x, number = x + 3.4 * page.digit, number + 1
        base += tall


def answer_sheet(page: Page) -> None:
    """Numbered questions with boxes to tick; ticks, crosses, dashes, a digit now and then."""
    random, height = page.random, page.digit * page.random.uniform(0.45, 0.75)
    side, choices = page.digit * random.uniform(0.8, 1.3), int(random.integers(2, 6))
    round_ones, lettered = random.random() < 0.35, random.random() < 0.5
    base, number = page.area[1] + 1.5 * page.digit, 1
    step = side * random.uniform(1.4, 2.2)
    block = 3.2 * page.digit + step * choices
    while base < page.bottom:
        for block_x in np.arange(page.left, max(page.left + 1, page.right - block), block):
            x = page.print(f"{number}.", block_x, base, height)
            x, number = max(x, block_x + 1.7 * page.digit), number + 1
            chosen = int(random.integers(-1, choices))
            for i in range(choices):
                _outline(page, x, base, side, round_one=round_ones)
                if lettered:
                    page.print("ABCDEF"[i], x + 0.3 * side, base - 0.25 * side, 0.45 * side, pen=GREY)
                if i == chosen:
                    _tick(page, x, base, side)
                x += step
        base += page.digit * random.uniform(1.7, 1.9)


def _outline(page: Page, x: float, base: float, side: float, *, round_one: bool) -> None:
    """A box or a ring to tick: the kind line."""
    if not round_one:
        page.box((x, base - side, side, side), page.fine)
        return
    angles = np.linspace(0, 2 * np.pi, 30)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * side / 2 + (x + side / 2, base - side / 2)
    page.draw([circle], "line", page.fine, page.print_pen)


def _tick(page: Page, x: float, base: float, side: float) -> None:
    mark = str(page.random.choice(("✓", "x", "×", "-", "/", page.number(1)), p=(0.3, 0.2, 0.15, 0.1, 0.05, 0.2)))
    page.write(mark, x + 0.2 * side, base - 0.1 * side, size=0.85 * side / page.digit)


def fields(page: Page) -> None:
    """Printed labels with fields: lines, boxes per digit, dotted lines; filled in by hand."""
    random, height = page.random, page.digit * page.random.uniform(0.35, 0.6)
    base = page.area[1] + 1.5 * page.digit
    page.print(phrase(random, 2).upper(), page.left, base - 0.2 * page.digit, 1.4 * height)
    base += 2 * page.digit
    while base < page.bottom:
        x = page.print(f"{random.choice(LABELS)}:", page.left, base, height) + 0.5 * page.digit
        kind = random.random()
        if kind < 0.45:
            _boxes(page, x, base, int(random.integers(2, 11)))
        else:
            end = min(page.right, x + page.digit * random.uniform(4, 9))
            _writing_line(page, x, base, end, dotted=kind < 0.65)
            if random.random() < 0.8:
                text = page.number(6, 2) if random.random() < 0.7 else str(random.choice(WORDS))
                page.write(text, x + 0.2 * page.digit, base)
        base += page.digit * random.uniform(1.7, 2.4)


def _boxes(page: Page, x: float, base: float, count: int) -> None:
    """Cells in a row for one digit each, joined or apart, not all filled."""
    side, line = page.digit * page.random.uniform(1.15, 1.5), max(1.0, page.digit * page.random.uniform(0.02, 0.06))
    apart, full = page.random.random() < 0.4, page.random.random() < 0.75
    for i in range(count):
        left = x + i * side * (1.2 if apart else 1.0)
        if left + side > page.right:
            return
        page.box((left, base - 0.5 * (page.digit + side), side, side), line)
        if full and page.random.random() < 0.92:
            page.write(page.number(1), left + 0.22 * side, base)


def _writing_line(page: Page, x: float, base: float, end: float, *, dotted: bool) -> None:
    y = base + 0.15 * page.digit
    if not dotted:
        page.rule((x, y), (end, y), page.fine)
        return
    for at in np.arange(x, end, max(4.0, 0.15 * page.digit)):
        page.rule((at, y), (at + page.fine, y), page.fine)


def cheque(page: Page) -> None:
    """Fields as on a cheque: a name, an amount in a box, a date, a signature, a printed line of figures below."""
    random, d = page.random, page.digit
    tall, left, top, wide = min(page.tall, 11 * d), page.left, page.area[1], page.wide
    page.box((left, top, wide, tall), page.fine)
    page.print(phrase(random, 2).upper(), left + 0.5 * d, top + 1.2 * d, 0.7 * d)
    page.print("Date", left + 0.6 * wide, top + 1.3 * d, 0.4 * d)
    date = f"{page.number(2)}.{page.number(2)}.{page.number(2, 2)}"
    page.write(date, left + 0.7 * wide, top + 1.3 * d, size=0.8)
    for row, label in enumerate(("Pay", "The sum of")):
        base = top + (3.6 + 2 * row) * d
        x = page.print(label, left + 0.5 * d, base, 0.45 * d) + 0.4 * d
        page.rule((x, base + 0.2 * d), (left + 0.65 * wide, base + 0.2 * d), page.fine)
        page.write(" ".join(random.choice(WORDS, 2)), x, base, size=0.9)
    page.box((left + 0.7 * wide, top + 3 * d, 0.27 * wide, 1.6 * d), page.fine)
    amount = f"{page.number(5, 3)}{random.choice(('', '.50', '.-', ',00', '/100'))}"
    page.write(amount, left + 0.72 * wide, top + 4.3 * d, size=0.95)
    _sign(page, left + 0.65 * wide, top + 8 * d, 0.25 * wide)
    code = f"{random.integers(10**7, 10**8)} {random.integers(10**5, 10**6)} {random.integers(10**3)}"
    page.print(code, left + 0.5 * d, top + tall - 0.5 * d, 0.6 * d, face="DejaVuSansMono")


def _sign(page: Page, x: float, y: float, wide: float) -> None:
    """A signature: a scribble."""
    t = np.linspace(0, 1, 60)
    height = np.cumsum(page.random.normal(0, 0.12, 60)) + 0.4 * np.sin(40 * t)
    page.draw([np.stack([x + wide * t, y + page.digit * height], axis=1)], "scribble")


def meter(page: Page) -> None:
    """A counter's printed digits in windows, a serial number, a unit; perhaps the reading by hand below."""
    random, count = page.random, int(page.random.integers(4, 8))
    side = min(page.digit * random.uniform(1.3, 1.8), page.wide / (1.2 * count))
    y, dark = page.area[1] + page.tall * random.uniform(0.1, 0.35), random.random() < 0.6
    for i in range(count):
        x = page.left + i * side * 1.12
        ground = (225.0, 225.0, 225.0) if not dark else (40.0, 40.0, 42.0) if i < count - 1 else (40.0, 40.0, 170.0)
        page.sheet.fill((round(x), round(y), round(side), round(1.4 * side)), ground)
        page.box((x, y, side, 1.4 * side), page.fine)
        ink = Pen((240, 240, 240) if dark else BLACK, 0.1)
        page.print(page.number(1), x + 0.2 * side, y + 1.15 * side, 0.85 * side, pen=ink, face="DejaVuSans-Bold")
    page.print(str(random.choice(("kWh", "m³", "l", "km"))), page.left + count * 1.15 * side, y + side, 0.5 * side)
    page.print(f"No. {random.integers(10**6, 10**7)}", page.left, y + 2.3 * side, 0.4 * side)
    if random.random() < 0.6:
        page.write(page.number(6, 4), page.left, y + 2.5 * side + 1.5 * page.digit)
