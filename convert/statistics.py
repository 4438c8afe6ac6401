"""What can be said from counts of right answers, and when nothing can be said.

An artifact and Keras answer the same images, so their accuracies are not independent: what counts are the images on which
one is right and the other wrong. `lost` of them Keras alone has right, `gained` the artifact alone. Ten thousand images
with 20 such pairs tell drops of 0.1 percentage points apart, which two unpaired intervals of ± 0.15 never could.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
Z_95_ONE_SIDED = 1.6448536269514722
SIGNIFICANT = 0.05  # of McNemar's p
Finding = Literal["worse", "better", "not distinguishable"]


@dataclass(frozen=True)
class Paired:
    """Two sets of answers to the same `images`: `lost` only the reference has right, `gained` only the other."""

    lost: int
    gained: int
    images: int

    def __post_init__(self) -> None:
        if min(self.lost, self.gained) < 0 or not 0 < self.images >= self.lost + self.gained:
            raise ValueError(f"expected lost + gained ≤ images, found {self.lost} + {self.gained} of {self.images}")

    @property
    def drop(self) -> float:
        """How much less accurate than the reference, −1..1."""
        return (self.lost - self.gained) / self.images

    @property
    def drop_limit(self) -> float:
        """One-sided 95 % upper limit of the drop in the population from which the images come."""
        return tango(self.lost, self.gained, self.images, Z_95_ONE_SIDED)[1]

    @property
    def p(self) -> float:
        return mcnemar(self.lost, self.gained)

    @property
    def verdict(self) -> Finding:
        """ "worse", "better" or "not distinguishable", by McNemar's exact test at 5 %, two-sided."""
        if self.p >= SIGNIFICANT:
            return "not distinguishable"
        return "worse" if self.lost > self.gained else "better"


def paired(reference: NDArray[Any], answers: NDArray[Any], labels: NDArray[Any]) -> Paired:
    """Count the pairs: `reference`, `answers` and `labels` are class indices, each (n,)."""
    right, wrong = reference == labels, answers != labels
    return Paired(int((right & wrong).sum()), int((~right & ~wrong).sum()), len(labels))


def wilson(correct: int, images: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (E. B. Wilson, 1927), both ends in 0..1.

    Unlike the textbook interval p ± z·√(p(1−p)/n) it stays inside 0..1 and holds its level near 100 %, where digits are.
    """
    if not 0 <= correct <= images or images == 0:
        raise ValueError(f"expected 0 ≤ correct ≤ images and images > 0, found {correct} of {images}")
    share = correct / images
    scale = 1 + z * z / images
    middle = (share + z * z / (2 * images)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / images + z * z / (4 * images * images))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))  # rounding must not exclude 0 or 1


def tango(lost: int, gained: int, images: int, z: float = Z_95) -> tuple[float, float]:
    """Score interval of the paired difference (lost − gained) / images (T. Tango, 1998), both ends in −1..1.

    It inverts the score test of "the difference is δ", with the variance that is likeliest under that δ. So it has a width
    even when no answer changed, where the textbook interval shrinks to nothing and any budget would seem to be kept.
    """
    from scipy.optimize import brentq

    estimate = (lost - gained) / images

    def excess(delta: float) -> float:
        """How many standard errors the counts lie above δ; 0 by convention where no error is possible."""
        a, b = 2 * images, (2 * images - lost + gained) * delta - lost - gained
        c = -gained * delta * (1 - delta)
        both_ways = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)  # likeliest P(gained), given δ
        variance = images * (2 * both_ways + delta * (1 - delta))
        distance = lost - gained - images * delta
        return (
            distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance) if distance else 0.0
        )

    def limit(sign: int) -> float:
        # From the estimate, where the excess is 0, to the end of the scale, where it is beyond any z that is in use.
        found = brentq(lambda delta: min(max(excess(delta), -1e9), 1e9) - sign * z, estimate, -sign * (1 - 1e-12))
        return float(found)

    return (limit(1) if estimate > -1 else -1.0), (limit(-1) if estimate < 1 else 1.0)


def smallest_budget(images: int) -> float:
    """The upper limit of the drop that remains when not one of `images` answers changed: no less can be promised."""
    return tango(0, 0, images, Z_95_ONE_SIDED)[1]


def mcnemar(lost: int, gained: int) -> float:
    """McNemar's exact p, two-sided: how often chance alone would split the changed answers at least so unevenly."""
    from scipy.stats import binomtest

    return float(binomtest(lost, lost + gained, 0.5).pvalue) if lost + gained else 1.0
