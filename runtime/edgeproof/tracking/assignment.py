"""The assignment of rows to columns that costs least, exactly: Kuhn's method with shortest augmenting paths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def assign(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column of each row, int64 (N,), all different, with the least sum of `cost`, finite (N, M), N ≤ M.

    Each row is added to those before it along the cheapest path of exchanges; N² · M steps at most.
    """
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)  # the row that has a column
    for start in range(rows):
        reached, way_back = np.full(columns, np.inf), np.full(columns, -1)
        settled = np.zeros(columns, np.bool_)
        row, column, length = start, -1, 0.0
        while row >= 0:
            further = length + cost[row] - row_price[row] - column_price
            nearer = ~settled & (further < reached)
            reached[nearer], way_back[nearer] = further[nearer], column
            column = int(np.where(settled, np.inf, reached).argmin())
            length = float(reached[column])
            settled[column] = True
            row = int(owner[column])
        # Prices move so that what lies on the path costs nothing more, and nothing else becomes cheaper than that.
        saved = length - reached[settled]
        row_price[start] += length
        taken = owner[settled]
        row_price[taken[taken >= 0]] += saved[taken >= 0]
        column_price[settled] -= saved
        while column >= 0:
            before = int(way_back[column])
            owner[column] = owner[before] if before >= 0 else start
            column = before
    found = np.empty(rows, np.int64)
    held = np.flatnonzero(owner >= 0)
    found[owner[held]] = held
    return found
