"""The fitted scorer of a page: from numbers that say what a thing on it looks like and what stands around it to the probability
that the model's digit is what is written there.

`train` fits it on drawn pages and writes it as a JSON table, `convert` puts it into a bundle, `edgeproof.page.context` computes
the numbers and asks it. It holds for the model whose answers it was fitted on, and for the numbers of its version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError
from edgeproof.manifest import HeldOut, PageVersion, Sha256
from edgeproof.support import tables
from edgeproof.support.tables import Range

VERSION: PageVersion = "page-1"
MAX_SCORER_BYTES = 2**16
MAX_TREES, MAX_LEAVES = 1000, 8

Floats = NDArray[np.float64]
#: With numbers of this size no sum comes near to what a float holds.
Number = Annotated[float, Range(-1e4, 1e4)]
Name = Annotated[str, tables.Text(40)]

_ALL = np.uint8(2**MAX_LEAVES - 1)
#: Per set of leaves, as bits, the first of them.
_FIRST = np.array([max(0, (bits & -bits).bit_length() - 1) for bits in range(2**MAX_LEAVES)])


@dataclass(frozen=True)
class Tree:
    """A decision tree. Its leaves are numbered from where no number is above its split's.

    feature, above: of each split, which number is compared with what. keeps: bits of the leaves that are left where it is above.
    odds: of each leaf, what it adds to the logarithm of the odds.
    """

    feature: tuple[Annotated[int, Range(0, 255)], ...]
    above: tuple[Number, ...]
    keeps: tuple[Annotated[int, Range(1, 2**MAX_LEAVES - 1)], ...]
    odds: tuple[Number, ...]

    def __post_init__(self) -> None:
        leaves = len(self.odds)
        tables.require(1 <= leaves <= MAX_LEAVES, "odds", f"1 to {MAX_LEAVES} numbers", leaves)
        for name, column in (("feature", self.feature), ("above", self.above), ("keeps", self.keeps)):
            tables.require(len(column) == leaves - 1, name, f"{leaves - 1} numbers", len(column))
        # Whatever is above what, the last leaf is never ruled out.
        last = 1 << (leaves - 1)
        tables.require(all(keeps & last for keeps in self.keeps), "keeps", "the last leaf in each", self.keeps)


@dataclass(frozen=True)
class Scorer:
    """version: of the numbers that it takes. features: their names, in order. artifact: sha256 of the model's file whose answers
    it was fitted on. usual: what each number is on average where a digit was read rightly.
    start: the logarithm of the odds to which each tree adds. held_out: how well it does.
    """

    version: PageVersion
    features: tuple[Name, ...]
    artifact: Sha256
    usual: tuple[Number, ...]
    start: Number
    trees: tuple[Tree, ...]
    held_out: HeldOut

    def __post_init__(self) -> None:
        count = len(self.features)
        tables.require(len(self.usual) == count, "usual", f"{count} numbers", len(self.usual))
        tables.require(1 <= len(self.trees) <= MAX_TREES, "trees", f"1 to {MAX_TREES}", len(self.trees))
        most = max((feature for tree in self.trees for feature in tree.feature), default=0)
        tables.require(most < count, "trees", f"features below {count}", most)

    def log_odds(self, numbers: Floats) -> Floats:
        """Natural logarithm of the odds (N,) that the model's digit is right, from what is known of each thing (N, features)."""
        feature, above, rules_out, odds = self._columns
        are_above = np.take(numbers.T, feature, axis=0) > above
        leaves = _FIRST.take(_ALL ^ np.bitwise_or.reduce(are_above * rules_out, axis=0))
        leaves += np.arange(0, odds.size, MAX_LEAVES)[
            :, None
        ]  # as places among all trees' (np.take is the quickest way there)
        found: Floats = self.start + odds.take(leaves).sum(axis=0)
        return found

    @cached_property
    def _columns(self) -> tuple[NDArray[np.int64], Floats, NDArray[np.uint8], Floats]:
        """Of all trees: feature (MAX_LEAVES − 1, trees), above, bits of the leaves that it rules out (both with an axis of 1 for
        the things); odds (trees, MAX_LEAVES). What a tree lacks rules out nothing."""
        feature = np.zeros((MAX_LEAVES - 1, len(self.trees)), np.int64)
        above, rules_out = np.full((*feature.shape, 1), np.inf), np.zeros((*feature.shape, 1), np.uint8)
        odds = np.zeros((len(self.trees), MAX_LEAVES))
        for place, tree in enumerate(self.trees):
            splits = len(tree.feature)
            feature[:splits, place], above[:splits, place, 0], odds[place, : splits + 1] = (
                tree.feature,
                tree.above,
                tree.odds,
            )
            rules_out[:splits, place, 0] = [_ALL ^ keeps for keeps in tree.keeps]
        return feature, above, rules_out, odds


def scorer_of(table: Mapping[str, Any], where: str) -> Scorer:
    """The scorer in a parsed page.json; `where` names it in messages. Raises IntegrityError for what does not fit."""
    return tables.from_table(Scorer, table, where, IntegrityError)


def scorer_bytes(scorer: Scorer) -> bytes:
    """The page.json of a scorer."""
    return (json.dumps(tables.to_table(scorer), separators=(",", ":")) + "\n").encode()
