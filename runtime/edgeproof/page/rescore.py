"""What a page says about each thing on it: digits stand in rows of digits, and rows of digits hold brackets and slashes.

The model sees one glyph at a time, and some are not to be told apart that way: a slash is a 1 that leans, a bracket a 1
that bends. The writer's other digits tell them apart. And what is a doubtful digit among digits is most likely
one, among hundreds of shapes that are none it most likely is not: the model's scores are for a prior that the page corrects.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.page.geometry import FLAT, Box
from edgeproof.page.numbers import lines, words
from edgeproof.page.stroke_shape import lean, strokes

Floats = NDArray[np.float32]

PAGE_WEIGHT = 2.0  # how many neighbours the rest of the page counts for in a row
STRONGEST = 10.0  # by how much a row of digits, or of none, may change the odds
SMOOTH = 0.05  # roughness up to which a stroke is a plain one; a 1 with a hook or a foot is rougher
BENT = 0.14  # bow of a bracket, as a share of its height; of 100 handwritten 1s one bends as much
BENT_TALLER = 0.5  # how much taller than the digits beside it a bracket is that needs no bow; MOST of that counts
# Deviations from the lean of the page's 1s from which one is a slash; a row with other signs is likelier to hold one.
LEANS, LEANS_AMONG_SIGNS = 2.7, 2.0
LEANS_TALLER = 0.15  # how much taller than the digits a slash is for one of those deviations less; MOST of them count
MOST_BENT, MOST_LEANS = 0.6, 1.5
TOWERS = 2.0  # times the height of the row's digits: no 1 is
ONES_LEAN = 5.0  # degrees by which 1s lean more than the other digits of a hand
# Degrees by which the digits of one hand differ in lean, and from how many digits a page's own spread is known.
USUAL_SPREAD, KNOWN_FROM = 10.0, 10
CROWD, FEW_DIGITS = 5, 0.25  # on a page with so many things, so small a share of digits: a stroke alone is not one
FEWEST_LETTERS, WHOLE_WORD = 2, 3  # of a word, and of one in which a digit has no place at all
LETTER_TALL, LETTER_WIDE = 0.6, 0.4  # of the word's height, and width over height: brackets and most operators are less
FEWEST = 3  # digits that it takes to know how a page leans


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
        if width >= FLAT * height:
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
    digitness = 1 - probabilities[:, -1]
    digitness[list(signs)] = 0
    odds = _odds(digitness, rows)
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


def _odds(digitness: Floats, rows: Sequence[Sequence[int]]) -> Floats:
    """Per candidate, by how much its neighbours raise the odds that it is a digit (> 1) or lower them (< 1).

    The share of digits among the others of its row, with the page's share counting for PAGE_WEIGHT of them, and an even
    chance for two of the page's: a single thing on a page stays as the model scored it.
    """
    odds = np.ones(len(digitness), np.float32)
    total = float(digitness.sum())
    for row in rows:
        in_row = float(digitness[list(row)].sum())
        for i in row:
            own = float(digitness[i])
            page = (total - own + 1) / (len(digitness) - 1 + 2)
            share = (in_row - own + PAGE_WEIGHT * page) / (len(row) - 1 + PAGE_WEIGHT)
            odds[i] = min(max(share / max(1 - share, 1e-6), 1 / STRONGEST), STRONGEST)
    return odds


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
    shape = strokes(glyphs[ones])
    plain = shape.rough <= SMOOTH
    row_of = {i: row for row in rows for i in row}
    others = np.flatnonzero(sure & (best != one) & (best < reject))
    hooked = ones[~plain]
    writing = np.concatenate([others, hooked])
    leaning = np.concatenate([lean(glyphs[others]), shape.lean[~plain]])
    page_lean, spread = 0.0, np.inf
    if len(writing) >= FEWEST:
        page_lean = median(leaning.tolist())
        square = KNOWN_FROM * USUAL_SPREAD**2 + float(((leaning - page_lean) ** 2).sum())
        spread = (square / (KNOWN_FROM + len(writing))) ** 0.5
    members = set(writing.tolist())
    plain_ones = set(ones[plain].tolist())
    signs = {}
    for place in np.flatnonzero(plain):
        i = int(ones[place])
        heights = [boxes[j][3] for j in row_of[i] if j in members] or [boxes[j][3] for j in members]
        taller = boxes[i][3] / median(heights) - 1 if heights else 0.0
        bow, leans = abs(float(shape.bow[place])), (float(shape.lean[place]) - page_lean - ONES_LEAN) / spread
        limit = LEANS_AMONG_SIGNS if any(best[j] == reject for j in row_of[i]) else LEANS
        if bow / BENT + _within(taller / BENT_TALLER, MOST_BENT) > 1:
            signs[i] = f"a bracket: a smooth stroke that bends by {bow:.0%} of its height"
        elif leans + _within(max(taller, 0) / LEANS_TALLER, MOST_LEANS) > limit:
            signs[i] = f"a slash: leans {shape.lean[place]:.0f}°, the page's digits {page_lean:.0f}°"
        elif taller > TOWERS - 1:
            signs[i] = f"a stroke {taller + 1:.1f} times as tall as the digits beside it"
        elif not members & set(row_of[i]) and len(boxes) >= CROWD and len(members) < FEW_DIGITS * len(boxes):
            signs[i] = "a plain stroke, no digit beside it, and little else on the page is one"
    shaped = set(others.tolist())
    for row in rows:
        alike = [i for i in row if i in plain_ones]
        found = [i for i in alike if i in signs]
        # What most of the plain strokes of a row are, the others are.
        if not shaped & set(row) and 0 < len(alike) - len(found) < len(found):
            signs |= {i: "like the other plain strokes of its row: " + signs[found[0]] for i in alike if i not in signs}
    return signs


def _letters(boxes: Sequence[Box], labels: NDArray[np.int64], signs: Collection[int]) -> Iterator[int]:
    """Digits that stand in words among letters: an a may be written like a 9.

    Letters are what is refused, no sign, about as tall as the digits around it and no mere stroke. A sum has operators, but
    none beside another, and it does not begin and end with one. What stands before or after the letters may be a number
    and its unit, unless they make a whole word.
    """
    refused = labels == scores.REJECTED
    if np.count_nonzero(refused) < FEWEST_LETTERS:
        return
    for word in words(boxes):
        heights = [boxes[i][3] for i in word if not refused[i]]
        if not heights or len(heights) == len(word):
            continue
        tall = LETTER_TALL * median(heights)
        letters = [
            place
            for place, i in enumerate(word)
            if refused[i] and i not in signs and boxes[i][3] >= tall and boxes[i][2] >= LETTER_WIDE * boxes[i][3]
        ]
        if len(letters) < max(FEWEST_LETTERS, len(word) / 2):
            continue
        side_by_side = any(after - before == 1 for before, after in pairwise(letters))
        if side_by_side or (letters[0] == 0 and letters[-1] == len(word) - 1):
            among = word if len(letters) >= WHOLE_WORD else word[letters[0] : letters[-1]]
            yield from (i for i in among if not refused[i])


def _within(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
