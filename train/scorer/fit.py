"""The page scorer, fitted: boosted decision trees, by scikit-learn, in the form that a device computes with numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.manifest import HeldOut, Share
from edgeproof.page.context import features
from edgeproof.scorer import VERSION, Scorer, Tree
from train.scorer.readings import Readings

Floats = NDArray[np.float64]

TREES, LEAVES = 250, 8
RATE = 0.2  # of learning
FEWEST = 40  # things in a leaf
FOLDS = 4  # each holds out a quarter of the layouts

DIGIT_WEIGHT = 4.0
"""How many other things a digit counts for: what is drawn is fuller of other things, and of worse ones, than what people read."""

PAGE_WEIGHT = 0.25
"""A thing counts for this power of how few there are on its page, lest the fullest pages decide."""

ONE_WAY = {"digit": 1, "margin": 1, "bends": -1, "row_bends": -1, "slant": -1, "row_slant": -1}
"""Numbers of which more never speaks against a digit (1), or never for one (−1), however few pages show it."""


def fit(readings: Readings, artifact: str) -> Scorer:
    """The scorer for the model whose file has the sha256 `artifact`, with what it does to layouts that it was not fitted on."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the sums of several threads would be of another order on another machine
        held_out = _held_out(readings)
        model = _model(readings, np.ones(len(readings.right), np.bool_))
    usual = readings.numbers[readings.right].mean(axis=0)
    # scikit-learn's trees are no public attribute of its; a test holds their answers beside the scorer's.
    trees = tuple(_tree(stage[0].nodes) for stage in model._predictors)
    start = _short(float(model._baseline_prediction.ravel()[0]))
    return Scorer(VERSION, features.NAMES, artifact, tuple(map(_short, usual.tolist())), start, trees, held_out)


def _model(readings: Readings, chosen: NDArray[np.bool_]) -> Any:
    """scikit-learn's, fitted on the `chosen` things (N,)."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    used = chosen & readings.known
    weight = np.bincount(readings.page)[readings.page] ** -PAGE_WEIGHT * np.where(readings.right, DIGIT_WEIGHT, 1)
    model = HistGradientBoostingClassifier(
        max_iter=TREES, max_leaf_nodes=LEAVES, learning_rate=RATE, min_samples_leaf=FEWEST, l2_regularization=1,
        monotonic_cst=[ONE_WAY.get(name, 0) for name in features.NAMES], early_stopping=False, random_state=0,
    )  # fmt: skip
    return model.fit(readings.numbers[used], readings.right[used], weight[used] / weight[used].mean())


def _held_out(readings: Readings) -> HeldOut:
    """Each layout judged by a model that saw none of its pages."""
    names = np.unique(readings.layout)
    fold = (np.searchsorted(names, readings.layout) % FOLDS)[readings.page]
    taken = np.zeros(len(readings.right), np.bool_)
    for number in range(FOLDS):
        held = fold == number
        taken[held] = _model(readings, ~held).predict(readings.numbers[held])
    right, taken = readings.right & readings.known, taken & readings.known
    return HeldOut(len(readings.layout), _share(right & taken, right), _share(taken & ~right, taken))


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Share:
    from scipy.stats import binomtest

    count, of = int(part.sum()), int(whole.sum())
    if not of:
        return Share(0, 0, 0.0, 1.0)
    low, high = binomtest(count, of).proportion_ci(method="wilson")
    return Share(count, of, float(low), float(high))


def _tree(nodes: NDArray[Any]) -> Tree:
    """A tree of scikit-learn's, as the scorer has it."""
    feature: list[int] = []
    above: list[float] = []
    left_of: list[tuple[int, int]] = []  # per split, the leaves on its left: the first, and past the last
    odds: list[float] = []

    def walk(number: int) -> None:
        node = nodes[number]
        if node["is_leaf"]:
            odds.append(_short(float(node["value"])))
            return
        place, first = len(feature), len(odds)
        feature.append(int(node["feature_idx"]))
        above.append(_short(float(node["num_threshold"])))
        left_of.append((0, 0))
        walk(int(node["left"]))
        left_of[place] = first, len(odds)
        walk(int(node["right"]))

    walk(0)
    every = (1 << len(odds)) - 1
    keeps = tuple(every & ~((1 << past) - (1 << first)) for first, past in left_of)
    return Tree(tuple(feature), tuple(above), keeps, tuple(odds))


def _short(value: float) -> float:
    """As many digits as matter."""
    return float(f"{value:.3g}")
