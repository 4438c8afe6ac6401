"""The answer to each thing on a page, given all that is on it.

The model sees one glyph at a time, and some are not to be told apart that way: a slash is a 1 that leans, a bracket a 1 that
bends, an a may be written like a 9. What stands around it tells, and a scorer in the bundle was fitted to that. A bundle without
one answers as its model does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.page.context import features
from edgeproof.page.context.features import Page
from edgeproof.scorer import Scorer

Floats = NDArray[np.float64]

#: Which of the numbers say what, in words that follow "a 1 at 3 %:".
_SAYS: dict[str, tuple[str, ...]] = {
    "the model doubts it": ("digit", "margin", *(f"is_{digit}" for digit in range(10))),
    "its shape": ("narrow", "ink", "rough"),
    "bends": ("bends", "row_bends"),
    "leans": ("leaning", "lean", "slant", "row_slant"),
    "at the picture's edge": ("edge",),
    "cut from something larger": ("part",),
    "another pen": ("pen",),
    "another size": ("taller_row", "taller", "left_taller", "right_taller"),
    "off its row": ("left_head", "left_foot", "right_head", "right_foot"),
    "what stands beside it": ("left_digit", "right_digit", "left_digit_2", "right_digit_2", "left_gap", "right_gap"),
    "among letters": ("left_letter", "right_letter", "word_letters", "row_letters", "page_letters"),
    "among strokes": ("word_ones", "row_ones", "page_ones"),
    "few digits around it": ("word_share", "row_share", "page_share", "things"),
}
_COLUMNS = [[features.NAMES.index(name) for name in names] for names in _SAYS.values()]


@dataclass(frozen=True)
class Verdicts:
    """Per candidate: label (−1 = refused), and score (of its best class, 0..1, given its page). why: makes the
    reasons."""

    labels: NDArray[np.int64]
    scores: NDArray[np.float32]
    why: Callable[[], tuple[str, ...]]

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Per candidate why it was refused, empty when it was not; made when somebody asks."""
        return self.why()


def judge(
    page: Page, classes: tuple[str, ...], *, threshold: float, conf: float = 0.0, scorer: Scorer | None = None
) -> Verdicts:
    """The answer to each thing on a page.

    threshold: what the model's probability has to reach where there is no `scorer`. conf: what every score has to reach; both
    0..1.
    """
    if scorer is None:
        labels, best = scores.decide_probabilities(page.probabilities, classes, max(threshold, conf))
        return Verdicts(labels, best, partial(_doubts, page, classes, labels, max(threshold, conf)))
    things = features.things(page)
    numbers = things.numbers()
    labels = page.probabilities[:, :10].argmax(axis=1)
    likely = np.empty(len(labels), np.float32)
    likely[things.order] = 1 / (1 + np.exp(-scorer.log_odds(numbers)))
    answers = np.where(likely >= conf, labels, scores.REJECTED)
    return Verdicts(answers, likely, partial(_refusals, numbers, things.order, labels, likely, conf, scorer))


def _doubts(page: Page, classes: tuple[str, ...], labels: NDArray[np.int64], threshold: float) -> tuple[str, ...]:
    """Why the model's answers are not taken."""
    reasons = [""] * len(labels)
    for i in np.flatnonzero(labels == scores.REJECTED):
        name, score = classes[int(page.probabilities[i].argmax())], float(page.probabilities[i].max())
        none = name == scores.REJECT
        reasons[i] = (
            f"no digit to the model, {score:.2f}" if none else f"a {name} at best, {score:.2f} is not {threshold:.2f}"
        )
    return tuple(reasons)


def _refusals(  # noqa: PLR0917 (all that `judge` knows)
    numbers: Floats,
    order: NDArray[np.int64],
    labels: NDArray[np.int64],
    likely: NDArray[np.float32],
    conf: float,
    scorer: Scorer,
) -> tuple[str, ...]:
    """What spoke against each that was refused: by how much its log odds (natural) would be higher if that were as usual.

    numbers: of each thing, in that `order`.
    """
    reasons = [""] * len(labels)
    numbers = numbers[np.argsort(order)]
    refused = np.flatnonzero(likely < conf)
    odds = scorer.log_odds(numbers[refused])
    against = np.empty((len(_SAYS), len(refused)))
    for place, columns in enumerate(_COLUMNS):
        otherwise = numbers[refused]
        otherwise[:, columns] = np.array(scorer.usual)[columns]
        against[place] = odds - scorer.log_odds(otherwise)
    words = list(_SAYS)
    for i, speak in zip(refused.tolist(), against.T, strict=True):
        said = [f"{words[place]} ({speak[place]:.1f})" for place in np.argsort(speak)[:3] if speak[place] < 0]
        reasons[i] = f"a {labels[i]} at {likely[i]:.0%}: {', '.join(said)}"
    return tuple(reasons)
