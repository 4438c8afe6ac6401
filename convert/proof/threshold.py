"""From which score on an answer is taken: found on the artifact's own answers to images held out from the training.

The score is the probability of the best class. Four were tried on networks of this kind: this one, the margin between the two
best logits, the energy of all logits, and its difference from the reject logit. With 99 % of the digits taken, the first two
leave half as many mistakes as the energies; the probability is the one that a person sees.

The error of an auto-encoder was tried too, on `digits-quick` with 99 % of the digits taken: one with a code of 16 numbers and
71,000 parameters refuses 94 % of Fashion-MNIST (energy 35 %, probability 27 %), but 46 % of drawn non-digits (energy 48 %,
probability 39 %), and lets twice as many mistakes pass as the probability. The class "reject" of `digits`, which was trained on
such drawn non-digits and on no clothes, refuses 98 % and 95 % and lets a third as many pass: so there is no auto-encoder.

The rule, on n held-out digits, both parts with the correction for a finite n that makes them hold for the next digit
(split conformal prediction; conformal risk control, Angelopoulos et al., 2022):

    at least COVERAGE of the digits are taken: at most ⌊(n + 1) · (1 − COVERAGE)⌋ of them have a lower score;
    the lowest threshold at which an answer is taken and wrong at most RISK of the time: (wrong + 1) / (n + 1) ≤ RISK,
    and none below EVEN, where the best class is less likely than all the others together.

Where both cannot be had, the first holds. A class called "reject" has done its part before: what it wins is never taken.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from convert.statistics import wilson
from edgeproof import scores
from edgeproof.manifest import Decided, Deciding, Share

COVERAGE, RISK, EVEN = 0.99, 0.001, 0.5
WIDEST = 8.0  # a bias lies within ±: odds of 1 to 3,000
LEAST = 1e-12  # probability: its logarithm is still a number
STEPS = 10_000  # thresholds are rounded to so many steps of 0..1, in the direction that keeps the rule
#: A run without held-out images, or with too few of them, and a recipe that states none.
USUAL = 0.5

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


# `Deciding`, the manifest's key `deciding` and the run's deciding.npz are file contracts: they keep that name.
def artifact_threshold(
    validation: tuple[Floats, Labels],
    test: tuple[Floats, Labels],
    classes: tuple[str, ...],
    temperature: float,
    stated: float | None = None,
) -> Deciding | None:
    """The threshold of an artifact, from its logits (n, classes) and the labels (n,) of both sets; `test` is only counted.

    `stated`: the recipe's own, which is then only counted too. None where the validation images are too few to tell.
    """
    bias = fit_reject_bias(*validation, classes, temperature)
    if bias:
        validation, test = ((scores.with_reject_bias(logits, bias), labels) for logits, labels in (validation, test))
    if stated is None:
        best, right = _best(*validation, classes, temperature)
        found = find_threshold(best, right)
        if found is None:
            return None
        threshold, reason = found
    else:
        threshold, reason = stated, "stated by the recipe"
    chosen, unseen = (decided(*part, classes, temperature, threshold) for part in (validation, test))
    return Deciding("probability", threshold, reason, chosen, unseen, bias)


def fit_reject_bias(logits: Floats, labels: Labels, classes: tuple[str, ...], temperature: float) -> float:
    """What to add to the logit of "reject" so that the labels become likeliest; 0 without that class or images of it.

    A network may expect few non-digits, for the sake of ugly digits, or have learned so from its teacher; on a page they
    are frequent. (A bias beside the temperature, both by likelihood: Alexandari, Kundaje and Shrikumar, 2020.)
    """
    from scipy.optimize import minimize_scalar

    of_class = _of_class(labels, classes)
    if of_class.all() or not of_class.any():
        return 0.0

    def loss(bias: float) -> float:
        likely = scores.softmax(scores.with_reject_bias(logits, bias), temperature)[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(likely, LEAST)).mean())

    return round(float(minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded").x), 2)


def find_threshold(best: Floats, right: NDArray[np.bool_]) -> tuple[float, str] | None:
    """The threshold by the rule above, and in words what it keeps; None when n is too small for COVERAGE.

    best (n,): score of each digit's answer, 0 where that is "reject". right (n,): whether the answer is the label.
    """
    count = len(best)
    few = math.floor((count + 1) * (1 - COVERAGE) + 1e-9)
    if few == 0:
        return None
    highest = math.floor(float(np.sort(best)[few - 1]) * STEPS) / STEPS
    if highest == 0:
        return 0.0, f"none: “{scores.REJECT}” wins more than {1 - COVERAGE:.0%} of the images as it is"
    permitted = math.floor((count + 1) * RISK + 1e-9) - 1
    mistakes = np.sort(best[~right])[::-1]  # of those that "reject" won, 0, no threshold needs to speak
    taken = f"{COVERAGE:.0%} of the images are taken"
    if permitted < 0:
        return highest, f"so high that {taken}: too few images to promise fewer mistakes"
    needed = 0.0
    if len(mistakes) > permitted:
        needed = (math.floor(float(mistakes[permitted]) * STEPS + 1e-3) + 1) / STEPS  # above it in float32 too
    if needed > highest:
        return highest, f"so high that {taken}; {RISK:.1%} of wrong answers would take more"
    return min(max(needed, EVEN), highest), f"so low that {RISK:.1%} of the images are taken and wrong; {taken} or more"


def decided(logits: Floats, labels: Labels, classes: tuple[str, ...], temperature: float, threshold: float) -> Decided:
    """What `threshold` makes of images; labels of "reject" are those that should be refused."""
    answers, _ = scores.decide(logits, classes, temperature, threshold)
    of_class, taken = _of_class(labels, classes), answers != scores.REJECTED
    return Decided(
        accepted=_share(taken[of_class]),
        wrong=_share((answers != labels)[taken & of_class]),
        refused=_share(~taken[~of_class]),
    )


def _best(
    logits: Floats, labels: Labels, classes: tuple[str, ...], temperature: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Score and rightness of the answers to the images of a class, as `find_threshold` takes them."""
    answers, best = scores.decide(logits, classes, temperature, 0.0)
    best[answers == scores.REJECTED] = 0.0
    of_class = _of_class(labels, classes)
    return best[of_class], (answers == labels)[of_class]


def _of_class(labels: Labels, classes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Whether each image is of a class, and not of what is to be refused."""
    return labels < len(classes) - (classes[-1] == scores.REJECT)


def _share(found: NDArray[np.bool_]) -> Share:
    count = int(found.sum())
    return Share(count, len(found), *(wilson(count, len(found)) if len(found) else (0.0, 1.0)))
