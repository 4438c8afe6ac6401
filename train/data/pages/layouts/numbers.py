"""Layouts of numbers: rows, columns, sums, notes here and there, tallies, a lone digit."""

from __future__ import annotations

import numpy as np

from train.data.pages.layouts.page import Page


def rows(page: Page) -> None:
    """Numbers in rows."""
    pitch, tidy = page.digit * page.random.uniform(1.35, 2.4), page.random.random() < 0.3
    climb = page.random.normal(0, 0.012)
    base = page.area[1] + page.digit * 1.1
    while base < page.bottom:
        x = page.left + (0 if tidy else page.digit * page.random.uniform(0, 1.5))
        while x < page.right - page.digit:
            text = page.number(max(1, min(6, int((page.right - x) / page.digit))))
            x = page.write(text, x, base, climb=climb) + page.digit * page.random.uniform(0.6, 1.8)
            if page.random.random() < 0.15:
                break
        base += pitch
        if page.random.random() < 0.06:
            break


def columns(page: Page) -> None:
    """Numbers below each other in columns, some with a comma, sometimes a line and a total below."""
    width = page.digit * page.random.uniform(3.2, 5.5)
    places = np.arange(page.left, max(page.left + 1, page.right - width * 0.7), width * page.random.uniform(1, 1.5))
    pitch = page.digit * page.random.uniform(1.25, 1.9)
    count = max(1, int(page.tall / pitch) - 1)
    for x in places:
        base, most = page.area[1] + page.digit, int(page.random.integers(2, 5))
        used = int(page.random.integers(1, count + 1))
        for _ in range(used):
            text = page.number(most)
            if page.random.random() < 0.12:
                text += "," + page.number(2, 2)
            page.write(text, x + page.digit * page.random.uniform(0, 0.6), base)
            base += pitch
        if page.random.random() < 0.5 and base < page.bottom:
            hand_line(page, x - 0.3 * page.digit, base - 0.75 * pitch, x + width * 0.7)
            page.write(page.number(most), x, base + 0.3 * page.digit)


def hand_line(page: Page, x0: float, y: float, x1: float) -> None:
    """A line by hand: below a sum, under a word, through one."""
    steps = np.linspace(0, 1, 12)
    bow = page.digit * page.random.normal(0, 0.06)
    points = np.stack([x0 + (x1 - x0) * steps, y + bow * np.sin(np.pi * steps) + page.random.normal(0, 0.5)], axis=1)
    page.draw([points], "line")


def sums(page: Page) -> None:
    """Arithmetic in rows."""
    pitch = page.digit * page.random.uniform(1.5, 2.6)
    base = page.area[1] + page.digit
    while base < page.bottom:
        x = page.left + page.digit * page.random.uniform(0, 1)
        while x < page.right - 3 * page.digit:
            x = page.write(_sum(page), x, base, climb=page.random.normal(0, 0.008)) + page.digit * page.random.uniform(
                1, 2.5
            )
            if page.random.random() < 0.4:
                break
        base += pitch


def _sum(page: Page) -> str:
    random = page.random
    a, b, c = (page.number(int(random.integers(1, 4))) for _ in range(3))
    first, second = (
        str(random.choice(("+", "−", "×", "÷", "/", "-", ":", "·" if random.random() < 0.2 else "+"))) for _ in "ab"
    )
    gap = " " if random.random() < 0.5 else ""
    parts = [a, first, b]
    if random.random() < 0.35:
        parts = ["(", *parts, ")", second, c]
    elif random.random() < 0.3:
        parts += [second, c]
    if random.random() < 0.7:
        parts += ["=", page.number(4)]
    return gap.join(parts)


def stacked(page: Page) -> None:
    """Written sums: numbers below each other, a sign, a line, a result; long divisions."""
    cell = page.digit * page.random.uniform(5, 7)
    y = page.area[1] + page.digit
    while y < page.bottom - 2 * page.digit:
        for x in np.arange(page.left, max(page.left + 1, page.right - cell * 0.6), cell):
            wide, base = int(page.random.integers(2, 5)), y
            end = x + 0.8 * page.digit
            for i in range(int(page.random.integers(2, 4))):
                if i:
                    page.write(str(page.random.choice(("+", "−", "×"))), x, base)
                end = max(end, page.write(page.number(wide, wide), x + 0.9 * page.digit, base))
                base += 1.35 * page.digit
            hand_line(page, x, base - 1.1 * page.digit, end)
            page.write(page.number(wide, wide), x + 0.9 * page.digit, base + 0.25 * page.digit)
        y += 6.2 * page.digit


def scattered(page: Page) -> None:
    """Numbers here and there, each in its own size and climb; some ringed, some crossed out."""
    taken: list[tuple[float, float, float]] = []
    for _ in range(50):
        text, size = page.number(3), page.random.uniform(0.7, 1.6)
        half = 0.5 * page.digit * size * (len(text) + 0.6)
        x, y = page.random.uniform(page.area[:2], page.area[2:])
        x = min(x, page.right - 2 * half)
        if x < page.left or any(np.hypot(x + half - a, y - b) < half + c for a, b, c in taken):
            continue
        taken.append((x + half, y, half))
        end = page.write(text, x, y + page.digit * size / 2, size=size, climb=page.random.normal(0, 0.1))
        mark = page.random.random()
        if mark < 0.12:
            ring(page, (x + end) / 2, y, (end - x) / 2 + 0.4 * page.digit * size, 0.85 * page.digit * size)
        elif mark < 0.2:
            hand_line(page, x, y + 0.65 * page.digit * size, end)
        if len(taken) > 11:
            return


def ring(page: Page, x: float, y: float, wide: float, tall: float) -> None:
    """A loop by hand around something: the kind scribble."""
    angles = np.linspace(0, 2 * np.pi * page.random.uniform(0.97, 1.1), 40) + page.random.uniform(0, 6)
    wobble = 1 + 0.05 * np.sin(2 * angles + page.random.uniform(0, 6))
    page.draw([np.stack([x + wide * wobble * np.cos(angles), y + tall * wobble * np.sin(angles)], axis=1)], "scribble")


def lone(page: Page) -> None:
    """One to four large digits."""
    count = int(page.random.integers(1, 5))
    size = min(page.tall / page.digit * 0.7, page.wide / (page.digit * count), 200 / page.digit)
    x = page.left + max(0, page.wide - size * page.digit * count) * page.random.uniform(0, 1)
    base = page.random.uniform(
        page.area[1] + size * page.digit, max(page.area[1] + size * page.digit + 1, page.area[3])
    )
    page.write(page.number(count, count), x, base, size=size)


def tallies(page: Page) -> None:
    """Strokes in fives, crossed, with or without a number after them: strokes of the kind scribble."""
    base, numbered = page.area[1] + page.digit, page.random.random() < 0.6
    while base < page.bottom:
        x = page.left
        for _ in range(int(page.random.integers(1, 5))):
            x = _five(page, x, base) + 0.6 * page.digit
            if x > page.right - 3 * page.digit:
                break
        if numbered:
            page.write(page.number(2), x + 0.5 * page.digit, base)
        base += 1.9 * page.digit


def _five(page: Page, x: float, base: float) -> float:
    gap, count = page.digit * page.random.uniform(0.25, 0.4), int(page.random.integers(1, 6))
    for i in range(min(count, 4)):
        lean = page.digit * page.random.normal(0.08, 0.06)
        top = page.digit * page.random.uniform(0.85, 1.1)
        page.draw([np.array([[x + i * gap + lean, base - top], [x + i * gap, base]])], "scribble")
    if count == 5:
        page.draw(
            [np.array([[x - 0.4 * gap, base - 0.2 * page.digit], [x + 3.6 * gap, base - 0.85 * page.digit]])],
            "scribble",
        )
    return x + 4 * gap
