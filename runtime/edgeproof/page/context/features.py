"""What a page says about each thing on it, in numbers: how sure the model is, its shape, how it fits the page's hand, what stands
beside it in its row and word. `edgeproof.scorer` makes a probability of them.

All lengths are in the thing's own height or in that of the digits around it, so a page scaled by any factor gives the same
numbers. All are bounded: no page, however odd, leaves by far what the scorer was fitted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.context.stroke_shape import leaning, moments, stroke_shapes
from edgeproof.page.geometry import Box
from edgeproof.page.numbers import LONE_GAP_HEIGHTS, lines

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bounds = dict[str, tuple[float, float]]

USUAL_SPREAD = 1.0  # of the lean of one hand's digits, standard deviation, tens of degrees
SPREAD_DIGITS = 10.0  # so many digits have to be seen to say as much of how theirs spreads

# Each number by its name, with the least and the most that it can be. "digit": log odds of the model's best digit against none;
# "margin": to its second best. "bends", "rough", "leaning", "slant": of what the model takes for a 1; the last against the page,
# in standard deviations. "letter": how likely a neighbour is none, and broad as no stroke is. "ones": of the digits.
_OWN: Bounds = {
    "digit": (-15, 15), "margin": (0, 10), **{f"is_{digit}": (0, 1) for digit in range(10)},
    "narrow": (-3, 2), "ink": (0, 5), "bends": (-1, 0.5), "rough": (0, 0.5), "leaning": (-6, 6), "edge": (0, 1), "part": (0, 1),
}  # fmt: skip
_HAND: Bounds = {
    "taller_row": (-2, 2),
    "taller": (-2, 2),
    "pen": (-2, 2),
    "lean": (-6, 6),
    "slant": (0, 6),
    "row_bends": (-1, 0.5),
    "row_slant": (0, 6),
}
_SIDE: Bounds = {
    "digit": (0, 1), "letter": (0, 1), "taller": (-2, 2), "head": (-2, 2), "foot": (-2, 2), "gap": (-0.5, 3), "digit_2": (0, 1),
}  # fmt: skip
_GROUP: Bounds = {"letters": (0, 9), "share": (0, 1), "ones": (0, 1)}
_BOUNDS: Bounds = (
    _OWN
    | _HAND
    | {f"{side}_{what}": bounds for side in ("left", "right") for what, bounds in _SIDE.items()}
    | {f"{group}_{what}": bounds for group in ("word", "row", "page") for what, bounds in _GROUP.items()}
    | {"things": (0, 9)}
)
NAMES = tuple(_BOUNDS)
_LEAST, _MOST = (np.array(side, np.float64)[:, None] for side in zip(*_BOUNDS.values(), strict=True))

_DIGITS = np.arange(10)[:, None]
_NEVER = np.float32(1e-38)  # a probability; the logarithm of less is not finite in float32


@dataclass(frozen=True)
class Page:
    """What was found on a page.

    boxes: frame pixels. glyphs: uint8 (N, 28, 28). probabilities: (N, classes), from the model, the ten digits first. parts:
    (N,), whether it was cut from something larger. size: height and width of the frame, pixels. skew: degrees, clockwise, by
    which the page is askew.
    """

    boxes: Sequence[Box]
    glyphs: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    parts: Flags
    size: tuple[int, int]
    skew: float = 0.0


@dataclass(frozen=True)
class Things:
    """All things of a page, in reading order.

    order: their places among the boxes, (N,). own: (numbers, N), what is known of each by itself.
    box: (4, N), left, top, right, bottom, frame pixels. hand: (3, N), logarithms of height and of the stroke's width, pixels, and
    lean, tens of degrees to the right. broad: (N,), 0..1, little for an upright stroke. rows, words: whether it is the first of
    one, (N,).
    """

    order: NDArray[np.int64]
    own: Floats
    box: Floats
    hand: Floats
    broad: Floats
    rows: Flags
    words: Flags

    def numbers(self) -> Floats:
        """(N, len(NAMES))."""
        own = dict(zip(_OWN, self.own, strict=True))
        digit, one = 1 / (1 + np.exp(-own["digit"])), own["is_1"]  # how likely it is one to the model; whether a 1
        letter, height = (1 - digit) * self.broad, self.box[3] - self.box[1]
        tall, pen, lean = self.hand
        # How the page leans, and whether there are digits on it, is asked of what is no stroke.
        form, stroke = digit * (1 - one), digit * one
        counted = {
            "digits": digit, "tall": digit * tall, "pen": digit * pen,
            "forms": form, "lean": form * lean, "leans": form * lean**2,
            "strokes": stroke, "bends": stroke * own["bends"], "slant": stroke * lean,
            # A speck beside a digit, or ten, says little: where things are counted, they count by their height.
            "form": form * height, "letter": letter * height, "thing": height, "stroke": stroke * height,
        }  # fmt: skip
        others = dict(zip(counted, self._others(np.array([*counted.values()])).swapaxes(0, 1), strict=True))
        row, page = ({name: each[group] for name, each in others.items()} for group in (1, 2))
        # Where hardly another digit is known, a thing is like itself.
        usual_tall, usual_lean = (
            (page["tall"] + tall) / (page["digits"] + 1),
            (page["lean"] + lean) / (page["forms"] + 1),
        )
        varied = page["leans"] - page["lean"] ** 2 / np.maximum(page["forms"], _NEVER)
        spread = np.sqrt((SPREAD_DIGITS * USUAL_SPREAD**2 + np.maximum(varied, 0)) / (SPREAD_DIGITS + page["forms"]))
        hand = {
            "taller_row": tall - (row["tall"] + usual_tall) / (row["digits"] + 1),
            "taller": tall - usual_tall,
            "pen": pen - (page["pen"] + pen) / (page["digits"] + 1),
            "lean": lean - usual_lean,
            "slant": np.abs(lean - usual_lean) * one / spread,
            # As far as there are others: what all of a row do is no whim of one stroke.
            "row_bends": row["bends"] * one / (row["strokes"] + 1),
            "row_slant": np.abs(row["slant"] - usual_lean * row["strokes"]) * one / (row["strokes"] + 1) / spread,
        }
        around, things = _shares(others, height), np.log1p(page["thing"] / height)
        found = np.concatenate([self.own, [*hand.values()], self._beside(digit, letter), around, [things]])
        bounded: Floats = np.minimum(np.maximum(found, _LEAST), _MOST).T
        return bounded

    def _others(self, counted: Floats) -> Floats:
        """Of what is `counted` (K, N), per thing the sums over what else is in its word, its row, on its page, (3, K, N)."""
        sums = np.empty((3, *counted.shape))
        sums[0], sums[1] = _sums(counted, self.words), _sums(counted, self.rows)
        sums[2] = counted.sum(axis=1, keepdims=True)
        sums -= counted
        return sums

    def _beside(self, digit: Floats, letter: Floats) -> Floats:
        """What stands beside each thing in its row (2 · len(_SIDE), N), first to the left, given how likely each is a `digit`, a
        `letter` (N,)."""
        left, top, right, bottom = self.box
        height, joined = bottom - top, ~self.rows[1:]  # with the next one
        found = np.zeros((2, len(_SIDE), len(height)))
        before, after = found[0, :, 1:], found[1, :, :-1]
        before[0], before[1] = digit[:-1] * joined, letter[:-1] * joined
        after[0], after[1] = digit[1:] * joined, letter[1:] * joined
        before[2] = (self.hand[0, 1:] - self.hand[0, :-1]) * joined
        after[2] = -before[2]
        step = (self.box[1::2, 1:] - self.box[1::2, :-1]) * joined
        before[3:5], after[3:5] = -step / height[1:], step / height[:-1]
        found[0, 5, :1] = found[1, 5, -1:] = np.inf  # the gap where nothing stands
        gap = np.where(joined, left[1:] - right[:-1], np.inf)
        before[5], after[5] = gap / height[1:], gap / height[:-1]
        before[6], after[6] = found[0, 0, :-1] * joined, found[1, 0, 1:] * joined
        return found.reshape(2 * len(_SIDE), len(height))


def things(page: Page) -> Things:
    """All things of a page whose classes are the digits, or the digits and "reject"."""
    rows, count = lines(page.boxes), len(page.boxes)
    order = np.fromiter(chain.from_iterable(rows), np.int64, count)
    box = np.array(page.boxes, np.float64).reshape(-1, 4)[order].T
    box[2:] += box[:2]
    left, _, right, _ = box
    width, height = box[2:] - box[:2]
    longer = np.maximum(width, height)
    edge = np.minimum(box[:2], np.array(page.size[::-1])[:, None] - box[2:]).min(axis=0) / longer
    if page.skew:
        box += _levelling(box, page.skew)
    first = np.zeros(count, np.bool_)
    first[[0, *accumulate(map(len, rows[:-1]))][: len(rows)]] = True
    parted = first.copy()
    parted[1:] |= left[1:] - right[:-1] > LONE_GAP_HEIGHTS / 2 * (height[1:] + height[:-1])
    glyphs = page.glyphs[order]
    sums = moments(glyphs)
    ink = sums[0] / glyphs[:1].size / 25.5  # in tenths of the glyph
    known = np.log(np.maximum(_with_none(page.probabilities[order]), _NEVER))
    best = np.sort(known[:, :10], axis=1)[:, -2:].T
    own = np.empty((len(_OWN), count))
    own[0], own[1] = best[1] - known[:, 10], best[1] - best[0]
    own[2:12] = known[:, :10].argmax(axis=1) == _DIGITS
    own[12], own[13], own[14:17] = np.log(width / height), ink, 0
    ones = np.flatnonzero(own[3])
    if ones.size:
        shape = stroke_shapes(glyphs[ones])
        # A hook or a foot makes a parabola bend too, by about twice as much as it leaves of the way to it.
        own[14:17, ones] = np.abs(shape.bow) - 2 * shape.rough, shape.rough, shape.lean / 10
    own[17] = edge
    own[18] = page.parts[order]
    hand = np.array([np.log(height), np.log(np.maximum(ink, _NEVER) * longer), leaning(sums) / 10])
    return Things(order, own, box, hand, np.minimum(2 * width / height, 1), first, parted)


def _shares(others: dict[str, Floats], height: Floats) -> Floats:
    """_GROUP of the others of each group, (3 · len(_GROUP), N), counted by height, in things as tall as the one that is looked
    at: `height` (N,)."""
    form, letter, thing, stroke = (
        np.maximum(others[name], 0) / height for name in ("form", "letter", "thing", "stroke")
    )
    shares = np.log1p(letter), (form + 0.5) / (thing + 1), (stroke + 0.5) / (form + stroke + 1)
    return np.stack(shares, axis=1).reshape(3 * len(_GROUP), len(height))


def _levelling(box: Floats, skew: float) -> Floats:
    """By how much each is to be moved, (4, N), to stand where it does on the level page. box: (4, N), as in `Things`."""
    across, down = (box[:2] + box[2:]) / 2
    sine, cosine = np.sin(np.radians(skew)), np.cos(np.radians(skew))
    moved = across * (cosine - 1) + down * sine, down * (cosine - 1) - across * sine
    return np.stack([*moved, *moved])


def _with_none(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of the digits and of none, (N, 11): to a model that knows only digits, what is not its best is none."""
    if probabilities.shape[1] > 10:
        return probabilities
    return np.concatenate([probabilities, 1 - probabilities.max(axis=1, keepdims=True)], axis=1)


def _sums(values: Floats, first: Flags) -> Floats:
    """Of values (K, N), per thing the sum over its group; a group begins where `first` (N,)."""
    sums = np.add.reduceat(values, np.flatnonzero(first), axis=1) if first.size else values
    return sums[:, np.cumsum(first) - 1]
