"""Printed lines with writing between and on them: tables, boxes for single digits, ruled rows; and chains that touch."""

from __future__ import annotations

import numpy as np

from benchmarks.scenes.kinds.page import Page, Size
from benchmarks.scenes.layout import PageWriter
from benchmarks.scenes.photograph.camera import Look
from benchmarks.scenes.photograph.printing import BLACK, Colour, Printed, Rule, Text
from benchmarks.scenes.writer import Writer

SIZE: Size = (800, 600)
BLUE: Colour = (0.80, 0.58, 0.42)
RED: Colour = (0.42, 0.36, 0.80)
ORANGE: Colour = (0.25, 0.55, 0.95)
HEADS = ("Name", "Item", "Mon", "Tue", "Wed", "Thu", "Fri", "Total", "Weight", "Price", "Team", "Round", "Length")
FIELDS = ("Date of birth", "Account number", "Amount", "Student number", "Telephone", "Reference", "Postal code")
GROUPS = ((2, 2, 4), (3, 4), (8,), (4, 4), (2, 3, 2))  # boxes of a field, between its dashes
RUNS = ("000", "00", "1000", "2500", "300", "7000", "20000", "600", "900", "100", "88", "666", "990")


def table(
    writer: Writer,
    *,
    size: Size = SIZE,
    digit: float = 34,
    pen: str = "blue gel",
    title: str = "",
    shape: Size = (5, 6),
) -> Page:
    """A printed grid with a printed head; numbers in most of its cells. shape: columns, rows without the head."""
    rng, page = writer.rng, PageWriter(size, digit, writer)
    columns, rows = shape
    left, right = 0.08 * size[0], 0.92 * size[0]
    top, bottom = (0.20 if title else 0.10) * size[1], 0.93 * size[1]
    x, y = np.linspace(left, right, columns + 1), np.linspace(top, bottom, rows + 2)
    thick = digit * rng.uniform(0.06, 0.11)
    lines = [Rule(((left, at), (right, at)), thick) for at in y] + [Rule(((at, top), (at, bottom)), thick) for at in x]
    chosen = rng.permutation(len(HEADS))[:columns]
    small = 0.5 * digit
    texts = [
        Text(HEADS[head], at + 0.3 * digit, y[1] - 0.35 * (y[1] - y[0]), small, "bold")
        for head, at in zip(chosen, x[:-1], strict=True)
    ]
    if title:
        texts.append(Text(title, left, 0.13 * size[1], 0.8 * digit, "sans"))
    most = max(1, min(3, int((x[1] - x[0]) / (1.05 * digit))))
    for row in range(1, rows + 1):
        page.new_line()
        for column in range(columns):
            if rng.random() < 0.15:
                continue
            number = _number(rng, int(rng.integers(1, most + 1)))
            room = (x[1] - x[0]) - (0.95 * len(number) + 0.25) * digit
            at = x[column] + 0.2 * digit + max(0.0, room) * rng.uniform(0.1, 0.9)
            page.write(number, at, (y[row] + y[row + 1] + digit) / 2 + digit * rng.normal(0, 0.06))
    return Page(size, digit, tuple(page.written), (*lines, *texts), Look(pen=pen))


def pale_table(writer: Writer) -> Page:
    """The same in pale pencil: the grid is far stronger than the writing."""
    return table(writer, pen="pale pencil")


def boxes(writer: Writer) -> Page:
    """A form: a box for each digit, some left empty, printed dashes between the groups."""
    digit = 34.0
    rng, page = writer.rng, PageWriter(SIZE, digit, writer)
    side, colour = digit * rng.uniform(1.35, 1.6), (BLACK, BLUE, ORANGE)[int(rng.integers(3))]
    apart = side * float(rng.choice([1.0, 1.15]))  # walls in common, or a gap
    printed: list[Printed] = []
    for row, name in enumerate(rng.choice(FIELDS, 5, replace=False)):
        x, top = SIZE[0] * 0.08, SIZE[1] * (0.12 + 0.18 * row)
        printed.append(Text(str(name), x, top - 0.25 * digit, 0.42 * digit, "sans"))
        page.new_line()
        for place, count in enumerate(GROUPS[int(rng.integers(len(GROUPS)))]):
            if place:
                dash = x + 0.2 * side, x + 0.6 * side
                printed.append(Rule(((dash[0], top + side / 2), (dash[1], top + side / 2)), 2.5))
                x += 0.8 * side
            printed += [_box(x + i * apart, top, side, colour) for i in range(count)]
            filled = int(rng.integers(0, count + 1)) if rng.random() < 0.3 else count
            page.fill(_number(rng, filled), x + side / 2, top + side / 2, apart)
            x += count * apart
    return Page(SIZE, digit, tuple(page.written), tuple(printed), Look(pen="black ballpoint"))


def on_ruled_lines(writer: Writer) -> Page:
    """Rows that stand on the ruling and run into it; they begin at the red line of the margin."""
    digit = 40.0
    rng, page = writer.rng, PageWriter(SIZE, digit, writer)
    pitch, margin = digit * rng.uniform(1.2, 1.45), SIZE[0] * rng.uniform(0.12, 0.16)
    rows = np.arange(0.5 * pitch, 1.2 * SIZE[1], pitch)
    beyond = 0.1 * SIZE[0]  # the paper goes on where the picture ends
    printed: list[Printed] = [Rule(((-beyond, at), (SIZE[0] + beyond, at)), 0.045 * digit, BLUE) for at in rows]
    printed += [Rule(((margin, -beyond), (margin, SIZE[1] + beyond)), 0.05 * digit, RED)]
    for line in rows[(rows > 1.6 * digit) & (rows < SIZE[1] * 0.94)]:
        page.new_line()
        x = margin + digit * rng.uniform(-0.15, 0.3)
        while True:
            number = _number(rng, int(rng.integers(2, 6)))
            if x + digit * 0.95 * len(number) > SIZE[0] * 0.92:
                break
            x = page.write(number, x, line + digit * rng.uniform(-0.02, 0.10)) + digit * rng.uniform(0.8, 1.4)
            if rng.random() < 0.3:
                break
    return Page(SIZE, digit, tuple(page.written), tuple(printed), Look(pen="blue ballpoint"))


def chains(writer: Writer) -> Page:
    """Numbers written in one go: their digits, most of them 0, run into each other."""
    digit = 44.0
    rng, page = writer.rng, PageWriter(SIZE, digit, writer)
    for row in range(6):
        page.new_line()
        x, baseline = SIZE[0] * rng.uniform(0.08, 0.12), SIZE[1] * 0.08 + digit * (1.3 + 1.9 * row)
        while True:
            number = str(rng.choice(RUNS)) if rng.random() < 0.75 else _number(rng, 3)
            if x + digit * 0.9 * len(number) > SIZE[0] * 0.92:
                break
            x = page.write(number, x, baseline, gap=(-0.12, 0.02)) + digit * rng.uniform(1.0, 1.6)
    return Page(SIZE, digit, tuple(page.written))


def _box(x: float, top: float, side: float, colour: Colour) -> Rule:
    corners = ((x, top), (x + side, top), (x + side, top + side), (x, top + side), (x, top))
    return Rule(corners, 0.04 * side, colour)


def _number(rng: np.random.Generator, length: int) -> str:
    return "".join(map(str, rng.integers(0, 10, length)))
