"""What a page says about each thing on it: digits stand in rows of digits, and rows of digits hold brackets and slashes.

The model sees one glyph at a time, and some are not to be told apart that way: a slash is a 1 that leans, a bracket a 1
that bends. The writer's other digits tell them apart. And what is a doubtful digit among digits is most likely
one, among hundreds of shapes that are none it most likely is not: the model's scores are for a prior that the page corrects.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.page.context.stroke_shape import lean, stroke_shapes
from edgeproof.page.geometry import MAX_DIGIT_ASPECT, MIN_SAMPLE, Box
from edgeproof.page.numbers import lines, words

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]

PAGE_WEIGHT_NEIGHBOURS = 2.0  # how many neighbours in a row the rest of the page counts for
MAX_CONTEXT_ODDS = 10.0  # by how much a row of digits may raise the odds of one more, or a row of none lower them

MAX_PLAIN_ROUGHNESS_SHARE = 0.05  # of a stroke's height; a 1 with a hook or a foot is rougher
BRACKET_BOW_SHARE = 0.14  # of a bracket's height; of 100 handwritten 1s one bends as much
# A stroke taller than the digits beside it needs less of a bow. By how much taller it needs none, as a share of their height,
# and how much of the bow that can make up for at most.
BRACKET_TALLER_SHARE, MAX_BRACKET_TALLER_CREDIT = 0.5, 0.6
# Standard deviations from the lean of the page's 1s from which one is a slash; a row with other signs is likelier to hold one.
SLASH_DEVIATIONS, SLASH_AMONG_SIGNS_DEVIATIONS = 2.7, 2.0
# How much taller than the digits it is for one deviation less, as a share of their height, and for how many at most.
SLASH_TALLER_SHARE, MAX_SLASH_TALLER_DEVIATIONS = 0.15, 1.5
MAX_HEIGHT_RATIO = 2.0  # of a 1 to the digits beside it

ONES_EXTRA_LEAN_DEG = 5.0  # by which 1s lean more than the other digits of a hand
USUAL_LEAN_SPREAD_DEG = 10.0  # standard deviation among the digits of one hand
SPREAD_PRIOR_DIGITS = 10  # how many digits of a page the usual spread counts for

CROWD_THINGS, CROWD_DIGIT_SHARE = 5, 0.25  # on a page with so many things, and so few digits, a lone stroke is no 1
WHOLE_WORD_LETTERS = 3  # a digit has no place in a word of so many
LETTER_MIN_HEIGHT_SHARE = 0.6  # of the digits of its word
LETTER_MIN_ASPECT = 0.4  # width over height: brackets and most operators are narrower


@dataclass(frozen=True)
class Verdicts:
    """Per candidate: label (−1 = refused), score (the probability of its best class, given its page), and the reason why it
    was refused, empty when it was not."""

    labels: NDArray[np.int64]
    scores: Floats
    reasons: tuple[str, ...]


def judge(
    boxes: Sequence[Box],
    glyphs: NDArray[np.uint8],
    probabilities: Floats,
    classes: tuple[str, ...],
    *,
    threshold: float,
    conf: float = 0.0,
) -> Verdicts:
    """The answer to each candidate of a page. `glyphs` uint8 (N, 28, 28), `probabilities` (N, classes) from the model.

    threshold: what the probability of a glyph that stands alone has to reach. On a page its odds are first multiplied by
    what the page says for or against a digit there: among digits a doubtful one is read, with its low score. conf: what
    every score has to reach; both 0..1.
    """
    rows = lines(boxes)
    among, odds = _given(probabilities, rows, classes)
    signs = _signs(boxes, glyphs, among, rows, classes)
    given, odds = _given(probabilities, rows, classes, list(signs)) if signs else (among, odds)
    labels, best = scores.decide_probabilities(given, classes, conf)
    alone = np.take_along_axis(probabilities, given.argmax(axis=1)[:, None], axis=1)[:, 0]
    labels[~scores.sure_enough(alone, threshold, odds)] = scores.REJECTED
    reasons = [""] * len(boxes)
    for i in np.flatnonzero(labels == scores.REJECTED):
        reasons[i] = _doubt(probabilities[i], given[i], classes, max(threshold, conf))
    for place, (_, _, width, height) in enumerate(boxes):
        if width >= MAX_DIGIT_ASPECT * height:
            reasons[place] = "wider than any digit"
    for sign, reason in signs.items():
        reasons[sign] = reason
    labels[[place for place, reason in enumerate(reasons) if reason]] = scores.REJECTED
    if classes[-1] == scores.REJECT:
        for letter in list(_letters(boxes, labels, signs)):
            labels[letter], reasons[letter] = scores.REJECTED, "a letter among letters"
    return Verdicts(labels, best, tuple(reasons))


def _given(
    probabilities: Floats, rows: Sequence[Sequence[int]], classes: tuple[str, ...], signs: Sequence[int] = ()
) -> tuple[Floats, Floats]:
    """The probabilities with what else is on the page taken into account, and by what it multiplied a digit's odds, (N,).

    `signs` are known to be no digits.
    """
    if classes[-1] != scores.REJECT:
        return probabilities, np.ones(len(probabilities), np.float32)
    digit_probability = 1 - probabilities[:, -1]
    digit_probability[list(signs)] = 0
    odds = _odds(digit_probability, rows)
    given: Floats = np.concatenate([probabilities[:, :-1] * odds[:, None], probabilities[:, -1:]], axis=1)
    given /= given.sum(axis=1, keepdims=True)
    return given, odds


def _doubt(alone: Floats, given: Floats, classes: tuple[str, ...], threshold: float) -> str:
    """Why the model's answer is no digit, in words."""
    name, score = classes[int(given.argmax())], float(given.max())
    if name != scores.REJECT:
        return f"a {name} at best, score {score:.2f} not enough for {threshold:.2f} with what is around it"
    digits = alone[:-1]
    closest = f"nearest digit {classes[int(digits.argmax())]} with {float(digits.max()):.2f}"
    if digits.max() > alone[-1]:
        return f"too little around it is a digit ({closest})"
    return f"no digit to the model, {float(alone[-1]):.2f} ({closest})"


def _odds(digit_probability: Floats, rows: Sequence[Sequence[int]]) -> Floats:
    """Per candidate, by how much its neighbours raise the odds that it is a digit (> 1) or lower them (< 1).

    The share of digits among the others of its row, with the page's share counting for PAGE_WEIGHT_NEIGHBOURS of them, and an
    even chance for two of the page's: a single thing on a page stays as the model scored it.
    """
    odds = np.ones(len(digit_probability), np.float32)
    total = float(digit_probability.sum())
    for row in rows:
        in_row = float(digit_probability[list(row)].sum())
        own = digit_probability[list(row)].astype(np.float64)
        page = (total - own + 1) / (len(digit_probability) - 1 + 2)
        share = (in_row - own + PAGE_WEIGHT_NEIGHBOURS * page) / (len(row) - 1 + PAGE_WEIGHT_NEIGHBOURS)
        odds[list(row)] = np.clip(share / np.maximum(1 - share, 1e-6), 1 / MAX_CONTEXT_ODDS, MAX_CONTEXT_ODDS)
    return odds


# ---- brackets and slashes --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stroke:
    """A plain stroke. bow: share of its height, ≥ 0. lean: degrees to the right. taller: than the digits beside it, as a share
    of their height."""

    bow: float
    lean: float
    taller: float


@dataclass(frozen=True)
class _Hand:
    """How the digits of a page lean, degrees to the right, and their standard deviation."""

    lean: float = 0.0
    spread: float = math.inf


def _signs(
    boxes: Sequence[Box],
    glyphs: NDArray[np.uint8],
    given: Floats,
    rows: Sequence[Sequence[int]],
    classes: tuple[str, ...],
) -> dict[int, str]:
    """Candidates that pass for a 1 and are a bracket or a slash, with the reason."""
    if "1" not in classes:
        return {}
    best, sure = given.argmax(axis=1), given.max(axis=1) >= scores.EVEN
    one = classes.index("1")
    reject = len(classes) - 1 if classes[-1] == scores.REJECT else len(classes)
    ones = np.flatnonzero(best == one)
    if ones.size == 0:
        return {}
    shape = stroke_shapes(glyphs[ones])
    plain = shape.rough <= MAX_PLAIN_ROUGHNESS_SHARE
    others = np.flatnonzero(sure & (best != one) & (best < reject))
    digits = {*others.tolist(), *ones[~plain].tolist()}
    hand = _hand(np.concatenate([lean(glyphs[others]), shape.lean[~plain]]))
    row_of = {i: number for number, row in enumerate(rows) for i in row}
    digits_in = [[i for i in row if i in digits] for row in rows]
    height_in = [median(boxes[i][3] for i in own) if own else None for own in digits_in]
    height = median(boxes[i][3] for i in digits) if digits else None
    among_signs = [bool((best[list(row)] == reject).any()) for row in rows]
    crowd = _is_crowd(len(boxes), len(digits))
    signs = {}
    for place in np.flatnonzero(plain):
        i = int(ones[place])
        row = row_of[i]
        beside = height_in[row] or height
        taller = boxes[i][3] / beside - 1 if beside else 0.0
        stroke = _Stroke(abs(float(shape.bow[place])), float(shape.lean[place]), taller)
        reason = _sign(stroke, hand, among_signs=among_signs[row])
        if not reason and not digits_in[row] and crowd:
            reason = "a plain stroke, no digit beside it, and little else on the page is one"
        if reason:
            signs[i] = reason
    undecided = [row for row in rows if not set(others.tolist()) & set(row)]
    return signs | _like_their_row(undecided, set(ones[plain].tolist()), signs)


def _hand(leaning: Floats64) -> _Hand:
    """The hand of a page whose digits lean by so many degrees, (N,); unknown where they are few."""
    if len(leaning) < MIN_SAMPLE:
        return _Hand()
    middle = median(leaning.tolist())
    square = SPREAD_PRIOR_DIGITS * USUAL_LEAN_SPREAD_DEG**2 + float(((leaning - middle) ** 2).sum())
    return _Hand(middle, (square / (SPREAD_PRIOR_DIGITS + len(leaning))) ** 0.5)


def _sign(stroke: _Stroke, hand: _Hand, *, among_signs: bool) -> str:
    """Why a stroke that passes for a 1 is a sign; empty when it is none."""
    bent = stroke.bow / BRACKET_BOW_SHARE + _within(stroke.taller / BRACKET_TALLER_SHARE, MAX_BRACKET_TALLER_CREDIT)
    if bent > 1:
        return f"a bracket: a smooth stroke that bends by {stroke.bow:.0%} of its height"
    leans = (stroke.lean - hand.lean - ONES_EXTRA_LEAN_DEG) / hand.spread
    leans += _within(max(stroke.taller, 0) / SLASH_TALLER_SHARE, MAX_SLASH_TALLER_DEVIATIONS)
    if leans > (SLASH_AMONG_SIGNS_DEVIATIONS if among_signs else SLASH_DEVIATIONS):
        return f"a slash: leans {stroke.lean:.0f}°, the page's digits {hand.lean:.0f}°"
    if stroke.taller > MAX_HEIGHT_RATIO - 1:
        return f"a stroke {stroke.taller + 1:.1f} times as tall as the digits beside it"
    return ""


def _is_crowd(things: int, digits: int) -> bool:
    """Whether a page holds much, and hardly any of it is a digit."""
    return things >= CROWD_THINGS and digits < CROWD_DIGIT_SHARE * things


def _like_their_row(
    rows: Iterable[Sequence[int]], strokes: Collection[int], signs: Mapping[int, str]
) -> dict[int, str]:
    """The other plain strokes of rows in which most of them are signs, with the reason."""
    found: dict[int, str] = {}
    for row in rows:
        alike = [i for i in row if i in strokes]
        known = [i for i in alike if i in signs]
        if 0 < len(alike) - len(known) < len(known):
            reason = "like the other plain strokes of its row: " + signs[known[0]]
            found |= dict.fromkeys((i for i in alike if i not in signs), reason)
    return found


# ---- letters ---------------------------------------------------------------------------------------------------------


def _letters(boxes: Sequence[Box], labels: NDArray[np.int64], signs: Collection[int]) -> Iterator[int]:
    """Digits that stand in words among letters: an a may be written like a 9.

    Letters are what is refused, no sign, about as tall as the digits around it and no mere stroke. A sum has operators, but
    none beside another, and it does not begin and end with one. What stands before or after the letters may be a number
    and its unit, unless they make a whole word.
    """
    refused = labels == scores.REJECTED
    if not refused.any():
        return
    for word in words(boxes):
        heights = [boxes[i][3] for i in word if not refused[i]]
        if not heights or len(heights) == len(word):
            continue
        tall = LETTER_MIN_HEIGHT_SHARE * median(heights)
        letters = [
            place
            for place, i in enumerate(word)
            if refused[i] and i not in signs and boxes[i][3] >= tall and boxes[i][2] >= LETTER_MIN_ASPECT * boxes[i][3]
        ]
        if 2 * len(letters) < len(word):
            continue
        side_by_side = any(after - before == 1 for before, after in pairwise(letters))
        if side_by_side or (letters[0] == 0 and letters[-1] == len(word) - 1):
            among = word if len(letters) >= WHOLE_WORD_LETTERS else word[letters[0] : letters[-1]]
            yield from (i for i in among if not refused[i])


def _within(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
