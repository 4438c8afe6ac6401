"""What can be said from a count of right answers."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


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
