"""The cheapest assignment, against all there are, and against an independent implementation."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from edgeproof.tracking.assignment import assign


def random_costs(seed: int, most: int) -> np.ndarray:
    """Of random shape; every second one with few different costs, so that many assignments are equal."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(0, most))
    shape = rows, rows + int(rng.integers(0, most))
    return rng.normal(size=shape) if seed % 2 else rng.integers(-3, 4, shape).astype(float)


def total(cost: np.ndarray) -> float:
    columns = assign(cost)
    assert len(set(columns.tolist())) == len(cost)
    return float(cost[np.arange(len(cost)), columns].sum())


@pytest.mark.parametrize("seed", range(40))
def test_no_assignment_is_cheaper(seed: int) -> None:
    cost = random_costs(seed, 4)
    every = permutations(range(cost.shape[1]), len(cost))
    assert total(cost) == pytest.approx(min(sum(cost[i, j] for i, j in enumerate(one)) for one in every))


def test_it_costs_what_scipy_finds() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    for seed in range(200):
        cost = random_costs(seed, 25)
        rows, columns = optimize.linear_sum_assignment(cost)
        assert total(cost) == pytest.approx(cost[rows, columns].sum())
