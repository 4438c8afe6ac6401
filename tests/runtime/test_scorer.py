"""The page scorer's file: what it computes, and what of it is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeproof.bundle import default_bundle, load_bundle, read_scorer
from edgeproof.errors import IntegrityError
from edgeproof.manifest import HeldOut, Share
from edgeproof.manifest_file import PAGE
from edgeproof.page.context import features
from edgeproof.scorer import MAX_SCORER_BYTES, VERSION, Scorer, Tree, scorer_bytes

SHIPPED = (default_bundle() / PAGE).read_bytes()


def scorer(start: float, *trees: Tree) -> Scorer:
    """Of two numbers."""
    none = Share(0, 0, 0, 1)
    return Scorer(VERSION, ("a", "b"), "0" * 64, (0.0, 0.0), start, trees, HeldOut(0, none, none))


def test_a_tree_goes_left_up_to_a_split_and_right_above_it() -> None:
    """0 ≤ 1: leaf 0; else the second number decides between the leaves 1 and 2."""
    tree = Tree(feature=(0, 1), above=(1.0, 5.0), keeps=(0b110, 0b101), odds=(10.0, 20.0, 30.0))
    numbers = np.array([[1.0, 9.0], [1.1, 5.0], [1.1, 5.1], [0.0, 0.0]])
    assert scorer(1.0, tree).log_odds(numbers).tolist() == [11, 21, 31, 11]
    other = Tree((), (), (), (0.5,))
    assert scorer(0.0, tree, other, tree).log_odds(numbers).tolist() == [20.5, 40.5, 60.5, 20.5]


def test_nothing_is_scored_as_nothing() -> None:
    assert scorer(0.0, Tree((), (), (), (1.0,))).log_odds(np.zeros((0, 2))).shape == (0,)


def test_the_shipped_scorer_takes_what_a_page_gives() -> None:
    shipped = load_bundle().scorer
    assert shipped is not None
    assert shipped.features == features.NAMES
    assert len(SHIPPED) <= MAX_SCORER_BYTES
    assert scorer_bytes(shipped) == SHIPPED
    assert shipped.held_out.read.count > 0.8 * shipped.held_out.read.of


def tree(table: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = table["trees"][0]
    return found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda table: table.update(version="page-0"), "version"),
        (lambda table: table.update(artifact="../x"), "artifact"),
        (lambda table: table.update(more=1), "more"),
        (lambda table: table.pop("usual"), "usual"),
        (lambda table: table["usual"].pop(), "usual: expected"),
        (lambda table: table["usual"].__setitem__(0, float("nan")), "NaN"),
        (lambda table: table["usual"].__setitem__(0, 1e300), "usual"),
        (lambda table: table.update(trees=[]), "trees: expected 1 to"),
        (lambda table: table.update(trees={}), "trees: expected a list"),
        (lambda table: table.update(start=float("inf")), "Infinity"),
        (lambda table: tree(table)["odds"].pop(), "feature: expected"),
        (lambda table: tree(table)["odds"].extend([0.0] * 9), "odds"),
        (lambda table: tree(table)["above"].__setitem__(0, "1"), "above"),
        (lambda table: tree(table)["above"].__setitem__(0, 1e9), "above"),
        (lambda table: tree(table)["keeps"].__setitem__(0, 0), "keeps"),
        (lambda table: tree(table)["keeps"].__setitem__(0, 1), "the last leaf"),
        (lambda table: tree(table)["keeps"].__setitem__(0, 2**40), "keeps"),
        (lambda table: tree(table)["feature"].__setitem__(0, 200), "features below"),
        (lambda table: tree(table)["feature"].__setitem__(0, -1), "feature"),
        (lambda table: tree(table)["feature"].__setitem__(0, 1.5), "feature"),
        (lambda table: table["held_out"]["read"].update(count=10**8), "held_out"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: Callable[[dict[str, Any]], None], field: str) -> None:
    table = copy.deepcopy(json.loads(SHIPPED))
    change(table)
    with pytest.raises(IntegrityError, match=field):
        read_scorer(json.dumps(table, separators=(",", ":")).encode(), "page.json")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\x80\x04N.", b"PK\3\4", b"[" * 9000, b"\xff\xfe", b" " * 2**15]
)
def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"page\.json"):
        read_scorer(content, "page.json")
