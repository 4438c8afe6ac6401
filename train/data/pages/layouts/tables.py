"""Layouts in a grid: score cards, tables of figures, grids for one digit each, calendars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand.pen import Pen
from train.data.pages.layouts.page import BLACK, Page
from train.data.pages.layouts.wording import HEADINGS

Cell = tuple[float, float, float, float]
INITIALS = "ABCDEFGHKLMNPRTW"


@dataclass(frozen=True)
class Grid:
    """x and y: places of the lines, pixels."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def cell(self, row: int, column: int) -> Cell:
        """Left, top, width, height, pixels."""
        return self.x[column], self.y[row], self.x[column + 1] - self.x[column], self.y[row + 1] - self.y[row]

    @property
    def rows(self) -> int:
        return len(self.y) - 1

    @property
    def columns(self) -> int:
        return len(self.x) - 1


def score_card(page: Page) -> None:
    """Printed lines and headings, coloured or bare; names and points by hand."""
    random = page.random
    grid = _grid(page, random.uniform(1.9, 3.2), random.uniform(1.3, 2.0), first=random.choice((1.0, 1.0, 2.2)))
    _coloured(page, grid)
    _lines(page, grid)
    for column in range(grid.columns):
        if random.random() < 0.5:
            _print_in(page, str(random.choice(HEADINGS)), grid.cell(0, column))
        else:
            _write_in(page, "".join(random.choice(list(INITIALS), 2)), grid.cell(0, column))
    for row in range(1, grid.rows):
        if random.random() < 0.6:
            _print_in(page, str(random.choice((str(row), *HEADINGS))), grid.cell(row, 0))
        for column in range(1, grid.columns):
            if random.random() < 0.85:
                text = page.number(2) if random.random() < 0.9 else str(random.choice(("-", "x", "✓", "/", "−4")))
                _write_in(page, text, grid.cell(row, column))


def figures(page: Page) -> None:
    """A table by hand or print, its figures by hand."""
    random = page.random
    grid = _grid(page, random.uniform(2.2, 4.5), random.uniform(1.2, 1.9))
    if random.random() < 0.3:  # ruled by hand: the pen that writes, not quite straight
        _hand_lines(page, grid)
    else:
        _lines(page, grid)
    most = int(random.integers(1, 5))
    for row in range(grid.rows):
        for column in range(grid.columns):
            if random.random() < 0.8:
                _write_in(page, page.number(most), grid.cell(row, column))


def digit_boxes(page: Page) -> None:
    """A grid of cells for one digit each; some are empty."""
    random = page.random
    grid = _grid(page, random.uniform(1.1, 1.7), random.uniform(1.2, 1.7))
    _lines(page, grid)
    full = random.uniform(0.35, 1.0)
    for row in range(grid.rows):
        for column in range(grid.columns):
            if random.random() < full:
                _write_in(page, page.number(1), grid.cell(row, column))


def sudoku(page: Page) -> None:
    """Nine by nine with thick lines; print and writing in its cells."""
    random = page.random
    side = max(min(page.wide, page.tall), 200.0)
    left, top = page.left, page.area[1]
    lines = np.linspace(0, side, 10)
    thin = max(1.0, side / 400)
    for i, at in enumerate(lines):
        width = thin * (3 if i % 3 == 0 else 1)
        page.rule((left + at, top), (left + at, top + side), width)
        page.rule((left, top + at), (left + side, top + at), width)
    cell = side / 9
    page.digit = 0.6 * cell
    for row in range(9):
        for column in range(9):
            place, chance = (left + lines[column], top + lines[row], cell, cell), random.random()
            if chance < 0.3:
                _print_in(page, str(random.integers(1, 10)), place)
            elif chance < 0.6:
                _write_in(page, str(random.integers(1, 10)), place)


def calendar(page: Page) -> None:
    """Printed days with notes by hand."""
    random = page.random
    grid = Grid(np.linspace(page.left, page.right, 8), np.linspace(page.area[1], page.area[3], 6))
    _lines(page, grid)
    small = max(6.0, min(page.wide / 7, page.tall / 5) * 0.2)
    page.digit = max(12.0, min(page.digit, page.tall / 5 * 0.45, page.wide / 18))
    for day in range(1, 32):
        x, y, wide, tall = grid.cell((day - 1) // 7, (day - 1) % 7)
        page.print(str(day), x + 0.3 * small, y + 1.4 * small, small)
        if random.random() < 0.4:
            _write_in(page, page.number(2), (x, y + 0.25 * tall, wide, 0.75 * tall))


def _grid(page: Page, wide: float, tall: float, first: float = 1.0) -> Grid:
    """Cells `wide` and `tall` digit heights large, as many as fit; the first column `first` times as wide."""
    wide, tall = wide * page.digit, tall * page.digit
    columns = int(np.clip((page.wide / wide) - first + 1, 1, 14))
    rows = int(np.clip(page.tall / tall, 1, 16))
    x = page.left + wide * np.array([0.0, *(first + np.arange(columns))])
    return Grid(x, page.area[1] + tall * np.arange(rows + 1.0))


def _lines(page: Page, grid: Grid) -> None:
    random = page.random
    width = max(0.8, page.digit * random.uniform(0.02, 0.09))
    style = random.choice(("all", "rows", "frame"), p=(0.75, 0.15, 0.1))
    pen = page.print_pen if random.random() < 0.7 else Pen(tuple(random.uniform(60, 190, 3).tolist()), 0.05)
    for i, y in enumerate(grid.y):
        if style != "frame" or i in {0, 1, grid.rows}:
            page.rule((grid.x[0], y), (grid.x[-1], y), width * (2 if i < 2 and width < 3 else 1), pen)
    for i, x in enumerate(grid.x):
        if style == "all" or (style == "frame" and i in {0, grid.columns}):
            page.rule((x, grid.y[0]), (x, grid.y[-1]), width, pen)


def _hand_lines(page: Page, grid: Grid) -> None:
    for y in grid.y:
        page.draw(
            [np.array([[grid.x[0], y], [grid.x[-1], y]]) + page.random.normal(0, 0.08 * page.digit, (2, 2))], "line"
        )
    for x in grid.x:
        page.draw(
            [np.array([[x, grid.y[0]], [x, grid.y[-1]]]) + page.random.normal(0, 0.08 * page.digit, (2, 2))], "line"
        )


def _coloured(page: Page, grid: Grid) -> None:
    """A coloured first row or first column."""
    random, kind = page.random, page.random.random()
    for i in range(grid.columns if kind < 0.3 else grid.rows if kind < 0.6 else 0):
        x, y, wide, tall = grid.cell(*((0, i) if kind < 0.3 else (i, 0)))
        colour = random.uniform(90, 250, 3) if random.random() < 0.5 else np.array([200.0, 200, 200])
        page.sheet.fill((round(x), round(y), round(wide), round(tall)), tuple(colour.tolist()))


def _print_in(page: Page, text: str, cell: Cell) -> None:
    x, y, wide, tall = cell
    height = min(0.45 * tall, 0.9 * wide / max(1, len(text)))
    if height >= 5:
        start = x + max(0.08 * wide, (wide - page.print_width(text, height)) / 2)
        page.print(
            text, start, y + (tall + height) / 2, height, pen=Pen(BLACK, 0.1) if page.random.random() < 0.7 else None
        )


def _write_in(page: Page, text: str, cell: Cell) -> None:
    """By hand in a cell, not always quite inside it."""
    x, y, wide, tall = cell
    size = min(1.0, 0.82 * tall / page.digit, wide / (page.digit * (0.75 * len(text) + 0.25)))
    start = x + max(0.1 * page.digit, (wide - 0.72 * page.digit * size * len(text)) * page.random.uniform(0.2, 0.6))
    middle = y + tall / 2 + tall * page.random.normal(0, 0.06)
    page.write(text, start, middle + page.digit * size / 2, size=size)
