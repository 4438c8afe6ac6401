"""Printed layouts: paragraphs, captions, receipts, stamps, labels; without writing or with some."""

from __future__ import annotations

import cv2
import numpy as np

from train.data.pages.hand import fonts
from train.data.pages.hand.pen import Pen
from train.data.pages.layouts.page import Page
from train.data.pages.layouts.wording import PRINT_WORDS, RUSSIAN, phrase


def paragraph(page: Page) -> None:
    """Printed text over the page, with figures now and then; no writing by hand, or a note at its side."""
    random = page.random
    height = max(6.0, page.digit * random.uniform(0.3, 0.8))
    russian = random.random() < 0.2
    if russian:
        page.face = str(random.choice(fonts.WIDE_FACES))
    capitals = random.random() < 0.15
    figures = 0.0 if random.random() < 0.5 else 0.05
    base = page.area[1] + height
    bottom = page.area[3] - (2 * page.digit if random.random() < 0.3 else 0)
    while base < bottom:
        x = page.left
        while x < page.right - 4 * height:
            word = (
                page.number(4) if random.random() < figures else str(random.choice(RUSSIAN if russian else PRINT_WORDS))
            )
            x = page.print(word.upper() if capitals else word, x, base, height) + 0.5 * height
        base += height * random.uniform(1.9, 2.0)
        if random.random() < 0.08:
            base += height
    if bottom < page.area[3] and random.random() < 0.7:
        page.write(page.number(4), page.left + page.wide * random.uniform(0, 0.6), page.area[3])


def caption(page: Page) -> None:
    """A box or a drawing with a small printed line below it; nothing by hand."""
    random, d = page.random, page.digit
    small = max(6.0, d * random.uniform(0.3, 0.5))
    frame = page.wide * random.uniform(0.4, 1), page.tall * random.uniform(0.4, 0.75)
    page.box((page.left, page.area[1], *frame), page.fine)
    angles = np.linspace(0, 2 * np.pi, 40)
    radius = min(page.wide, page.tall) * random.uniform(0.1, 0.25)
    middle = (page.left + 0.3 * page.wide, page.area[1] + 0.3 * page.tall)
    page.draw(
        [np.stack([np.cos(angles), random.uniform(0.5, 1) * np.sin(angles)], axis=1) * radius + middle], "scribble"
    )
    for row in range(int(random.integers(1, 4))):
        text = f"Fig. {random.integers(1, 30)}: {phrase(random, 5)}" if row == 0 else phrase(random, 7)
        page.print(text, page.left, page.area[3] - (3 - row) * 1.8 * small, small)


def receipt(page: Page) -> None:
    """Printed names and prices in two columns."""
    random, height = page.random, page.digit * page.random.uniform(0.4, 0.8)
    page.face = str(random.choice(("DejaVuSansMono", "cmtt10")))
    base = page.area[1] + height
    page.print(phrase(random, 2).upper(), page.left + 0.2 * page.wide, base, 1.2 * height)
    base += 2.5 * height
    while base < page.bottom:
        page.print(phrase(random, 1), page.left, base, height)
        price = f"{random.integers(0, 100)}.{random.integers(10, 100)}"
        page.print(price, page.right - page.print_width(price, height), base, height)
        base += 1.7 * height


def stamps(page: Page) -> None:
    """Stamped words, dates and numbers in frames, askew, the ink uneven; a few digits by hand."""
    random = page.random
    for _ in range(int(random.integers(1, 5))):
        date = f"{random.integers(1, 31)}. {random.choice(('JAN', 'MAY', 'OCT'))} {random.integers(1990, 2030)}"
        text = str(
            random.choice((phrase(random, 1).upper(), date, f"No {random.integers(10**4, 10**5)}", "PAID", "COPY"))
        )
        pen = Pen(
            tuple(np.array(((160, 60, 60), (60, 50, 190), (60, 60, 60), (90, 120, 40)))[random.integers(4)].tolist()),
            0.1,
            0.85,
            random.uniform(0.2, 0.7),
        )
        _stamp(page, text, pen)
    for _ in range(int(random.integers(0, 4))):
        x, y = random.uniform(page.area[:2], page.area[2:])
        page.write(page.number(4), x, max(y, page.area[1] + page.digit))


def _stamp(page: Page, text: str, pen: Pen) -> None:
    random = page.random
    height, angle = page.digit * random.uniform(0.7, 1.5), random.normal(0, 12)
    wide = page.print_width(text, height)
    x = page.random.uniform(page.left, max(page.left + 1, page.right - wide))
    y = page.random.uniform(page.area[1] + 2 * height, max(page.area[1] + 2 * height + 1, page.area[3] - height))
    turn = cv2.getRotationMatrix2D((0, 0), angle, 1.0)[:, :2]
    at = 0.0
    for character in text:
        ink, above = fonts.printed(character, page.face, height)
        if ink.size:
            middle = turn @ (at + ink.shape[1] / 2 - wide / 2, ink.shape[0] / 2 - above) + (x + wide / 2, y)
            side = int(np.hypot(*ink.shape)) + 3
            canvas = np.zeros((side, side), np.uint8)
            top, left = (side - ink.shape[0]) // 2, (side - ink.shape[1]) // 2
            canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
            turned = np.asarray(
                cv2.warpAffine(canvas, cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0), (side, side)),
                np.uint8,
            )
            page.sheet.put(
                turned,
                (round(middle[0] - side / 2), round(middle[1] - side / 2)),
                pen,
                page.sheet.add("print", character),
            )
        at += fonts.advance(character, page.face, height)
    frame = np.array([[-0.1, -1], [1.1, -1], [1.1, 1], [-0.1, 1], [-0.1, -1]]) * (1, 0.9 * height) - (0.5, 0)
    frame = np.stack([frame[:, 0] * (wide + height), frame[:, 1] - 0.5 * height], axis=1) @ turn.T + (x + wide / 2, y)
    page.draw([frame], "line", max(1.0, 0.08 * height), pen)


def label(page: Page) -> None:
    """A sticker: a large printed or written number, a bar code, a word."""
    random, d = page.random, page.digit
    if random.random() < 0.5:
        page.print(page.number(4), page.left, page.area[1] + 1.6 * d, 1.4 * d, face="DejaVuSans-Bold")
    else:
        page.write(page.number(4), page.left, page.area[1] + 1.6 * d, size=1.4)
    page.print(phrase(random, 2), page.left, page.area[1] + 2.6 * d, 0.5 * d)
    if random.random() < 0.6:
        x, top, tall = page.left, page.area[1] + 3.2 * d, 1.4 * d
        while x < min(page.right, page.left + 6 * d):
            width = max(1.0, d * random.choice((0.05, 0.1, 0.15)))
            page.rule((x, top), (x, top + tall), width)
            x += width + max(1.5, d * random.choice((0.06, 0.1, 0.2)))
