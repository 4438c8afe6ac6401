"""Tables: the cells between a page's lines, and the numbers in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.geometry import MIN_DIGIT_HEIGHT_PX, Box
from edgeproof.page.ink.lines import Lines, Ruling, meeting
from edgeproof.page.numbers import Mark, Number, read_numbers

Cell = tuple[int, int]  # row and column, from 0
Table = tuple[tuple[str, ...], ...]  # rows of the texts in their cells


@dataclass(frozen=True)
class Grid:
    """The borders of a table's cells, frame pixels: of its rows, from top to bottom, and of its columns, from left to right."""

    level: Lines
    upright: Lines

    @property
    def rows(self) -> int:
        return len(self.level) - 1

    @property
    def columns(self) -> int:
        return len(self.upright) - 1

    def cells(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[Cell | None]:
        """The cells in which points (N,) lie, None for those in none."""
        row = (self.level.at(np.tile(x, (len(self.level), 1))) < y).sum(axis=0) - 1
        column = (self.upright.at(np.tile(y, (len(self.upright), 1))) < x).sum(axis=0) - 1
        inside = (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns)
        places = zip(row.tolist(), column.tolist(), inside.tolist(), strict=True)
        return [(down, across) if within else None for down, across, within in places]

    def scaled(self, scale: tuple[float, float]) -> Grid:
        """The same in a picture that is so many times as wide and as high."""
        return Grid(self.level.scaled(*scale), self.upright.scaled(*scale[::-1]))


def grid_of(ruling: Ruling) -> Grid | None:
    """The table on a page with these lines, the largest; None where there is none.

    It has two cells or more, and two corners or more at which its lines end: those of squared paper go on.
    """
    level, upright, places = ruling.level, ruling.upright, meeting(ruling)
    rows, columns = _largest(places.meets)
    while True:  # what crosses only some of the others is no border of all
        left = places.meets & rows[:, None] & columns
        now = 2 * left.sum(axis=1) > columns.sum(), 2 * left.sum(axis=0) > rows.sum()
        if (now[0] >= rows).all() and (now[1] >= columns).all():
            break
        rows, columns = rows & now[0], columns & now[1]
    if min(rows.sum(), columns.sum()) < 2:
        return None
    borders = _borders(level, rows), _borders(upright, columns)
    if min(map(len, borders)) < 2 or max(map(len, borders)) < 3:
        return None
    corners = 0
    for row, down in ((borders[0][0], places.first[1]), (borders[0][-1], places.last[1])):
        for column, along in ((borders[1][0], places.first[0]), (borders[1][-1], places.last[0])):
            corners += bool(places.meets[row, column] and along[row, column] and down[row, column])
    return Grid(level.some(borders[0]), upright.some(borders[1])) if corners >= 2 else None


def _largest(meets: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The lines (level, upright) that hang together, those with the most crossings."""
    best, most = (np.zeros(len(meets), np.bool_), np.zeros(meets.shape[1], np.bool_)), 0
    seen = np.zeros(len(meets), np.bool_)
    for start in np.flatnonzero(meets.any(axis=1)).tolist():
        if seen[start]:
            continue
        rows = np.arange(len(meets)) == start
        while True:
            columns = meets[rows].any(axis=0)
            more = meets[:, columns].any(axis=1)
            if (more == rows).all():
                break
            rows = more
        seen |= rows
        count = int(meets[np.ix_(rows, columns)].sum())
        if count > most:
            best, most = (rows, columns), count
    return best


def _borders(lines: Lines, which: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Which lines are borders of cells, in their order: of lines that run side by side, or on from each other, the longest."""
    places = np.flatnonzero(which)
    some = lines.some(places)
    middle = np.full((len(some), 1), (some.start.min() + some.end.max()) / 2)
    across = some.at(middle)[:, 0]
    kept: list[int] = []
    for i in np.argsort(-some.length).tolist():
        if all(abs(across[i] - across[other]) > 2 * MIN_DIGIT_HEIGHT_PX for other in kept):
            kept.append(i)
    return places[sorted(kept, key=lambda i: float(across[i]))]


def read_table(  # noqa: PLR0917 (as `read_numbers`)
    grid: Grid | None,
    names: Sequence[str],
    scores: Sequence[float],
    boxes: Sequence[Box],
    between: Sequence[Box],
    marks: Sequence[tuple[Mark, Box]],
) -> tuple[tuple[Number, ...], Table | None]:
    """`read_numbers` of a page, with a grid on it cell by cell; and what its table says, None where there is none.

    A grid in which most digits lie across a border is the paper that they are written on. What stands above the table comes
    before it, other things beside it come after it.
    """
    if grid is None or _are_across(grid, boxes):
        return read_numbers(names, scores, boxes, between, marks), None
    digits_in, signs_in, marks_in = (_by_cell(grid, some) for some in (boxes, between, [box for _, box in marks]))
    texts = [[""] * grid.columns for _ in range(grid.rows)]
    cells: list[Number] = []
    outside: list[Number] = []
    for cell in sorted(digits_in, key=lambda cell: cell or ()):
        own = digits_in[cell]
        found = read_numbers(
            [names[i] for i in own],
            [scores[i] for i in own],
            [boxes[i] for i in own],
            [between[i] for i in signs_in.get(cell, ())],
            [marks[i] for i in marks_in.get(cell, ())],
        )
        whole = [replace(number, digits=tuple(own[i] for i in number.digits)) for number in found]
        if cell is None:
            outside = whole
        else:
            cells += [replace(number, cell=cell) for number in whole]
            texts[cell[0]][cell[1]] = " ".join(number.text for number in whole)
    top = float(grid.level.at(np.full((len(grid.level), 1), (grid.level.start[0] + grid.level.end[0]) / 2))[0, 0])
    above = [number for number in outside if number.box[1] + number.box[3] / 2 < top]
    beside = [number for number in outside if number.box[1] + number.box[3] / 2 >= top]
    return (*above, *cells, *beside), tuple(map(tuple, texts))


def _by_cell(grid: Grid, boxes: Sequence[Box]) -> dict[Cell | None, list[int]]:
    """Indices of the boxes whose centres lie in each cell, and in none."""
    found: dict[Cell | None, list[int]] = {}
    for i, cell in enumerate(_cells(grid, boxes, 0.5, 0.5)):
        found.setdefault(cell, []).append(i)
    return found


def _cells(grid: Grid, boxes: Sequence[Box], across: float, down: float) -> list[Cell | None]:
    """The cells of the boxes' points at these shares of their width and height."""
    x, y, width, height = np.array(boxes, np.float64).reshape(-1, 4).T
    return grid.cells(x + across * width, y + down * height)


def _are_across(grid: Grid, boxes: Sequence[Box]) -> bool:
    """Whether of the boxes on a grid most lie across a border, by a quarter of their size and more."""
    corners = zip(_cells(grid, boxes, 0.25, 0.25), _cells(grid, boxes, 0.75, 0.75), strict=True)
    inside = [one == other for one, other in corners if (one, other) != (None, None)]
    return 2 * sum(inside) < len(inside)
