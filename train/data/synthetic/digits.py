"""Digits in forms that MNIST's writers do not use, drawn here, so that a model of MNIST reads other hands too.

MNIST was written in the United States (Grother, NIST Special Database 19, 1995). Elsewhere a 1 has a flag as long as half
its stem, and often a foot, a 7 a bar through it, and a 4 is left open, its stem begun at the bar.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeproof.glyph import make_glyphs
from train.data.synthetic.pen import Points, Random, drawn

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


def draw_digits(count: int, seed: int) -> tuple[Images, Labels]:
    """`count` glyphs uint8 (count, 28, 28) of such digits, and which they are, int64 (count,). The same seed draws the same."""
    random = np.random.default_rng([seed, 11])
    kinds, weights = zip(*_KINDS.items(), strict=True)
    chosen = random.choice(len(kinds), size=count, p=np.array(weights) / sum(weights))
    crops = []
    for kind in chosen:
        size = random.uniform((38, 56), (56, 64))  # width and height, pixels
        crops.append(drawn([stroke * size + (36, 16) for stroke in kinds[kind][1](random)], random, wobble=0.8))
    return make_glyphs(crops), np.array([kinds[kind][0] for kind in chosen], np.int64)


# --- kinds: strokes of one digit, y from 0 at its top to 1 at its foot ------------------------------------------------


def _flagged_one(random: Random) -> list[Points]:
    """A flag nearer to upright than to level: a level one would be a 7's bar."""
    length, from_stem = random.uniform(0.25, 0.75), np.deg2rad(random.uniform(28, 58))
    flag = np.array([-length * np.sin(from_stem), length * np.cos(from_stem)])
    top, end = np.array([0.0, 0.0]), np.array([random.normal(0, 0.06), 1.0])
    strokes = [np.array([flag, top, end])]
    if random.random() < 0.25:
        left, right = random.uniform(0.12, 0.35, 2)
        strokes.append(end + np.array([[-left, 0], [right, random.normal(0, 0.03)]]))
    return strokes


def _crossed_seven(random: Random) -> list[Points]:
    width = random.uniform(0.4, 0.8)
    end = np.array([width * random.uniform(0.1, 0.6), 1.0])
    corner = np.array([width, random.normal(0, 0.03)])
    top = [[0, random.uniform(0.1, 0.2)]] if random.random() < 0.3 else []
    stem = corner + random.uniform(0.4, 0.6) * (end - corner)
    half, climb = random.uniform(0.15, 0.32), random.normal(0, 0.05)
    bar = stem + np.array([[-half, climb], [half, -climb]])
    return [np.array([*top, [0, random.normal(0, 0.03)], corner, end]), bar]


def _open_four(random: Random) -> list[Points]:
    """The stem begins at the bar or above it; where it begins far above, MNIST has it."""
    bar, width = random.uniform(0.5, 0.68), random.uniform(0.5, 0.8)
    stem = width * random.uniform(0.75, 1.0)
    first = np.array([[random.uniform(0.3, 0.7) * width, 0], [0, bar], [width, bar + random.normal(0, 0.04)]])
    second = np.array([[stem, bar - random.uniform(0, 0.3)], [stem + random.normal(0, 0.05), 1]])
    return [first, second]


_KINDS: dict[tuple[int, Callable[[Random], list[Points]]], float] = {
    (1, _flagged_one): 5,
    (7, _crossed_seven): 3,
    (4, _open_four): 2,
}
"""Each digit and form with its share."""
