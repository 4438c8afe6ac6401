"""How the sheet moved between two frames: the one shift, turn and zoom that brings most digits to where digits are now.

Places are complex numbers, x + iy in pixels: a turn with a zoom is then one factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.complex128]

NEAR_HEIGHTS = 0.4  # of a digit: how well places agree before turn and zoom are known (standard deviation)
CLOSE_HEIGHTS = 0.15  # afterwards: the box of one and the same digit is a little different in each frame
TURN_AND_ZOOM = 0.1  # between two frames, as a share: 6 degrees or 10 % (standard deviation)
OTHER_DIGIT = 0.3  # how much a place counts at which another digit is read: it may be misread, or just rewritten
PER_HEIGHT = 0.02  # of a digit's vote, for each height that the sheet would have to jump: it mostly moves little
MOST_SHIFTS, MOST_VOTERS = 200, 40  # that are tried, and that vote: enough to tell, and quick on a full page
ROUNDS = 4  # of fitting; what belongs together is mostly settled after two


@dataclass(frozen=True)
class Motion:
    """From a place in the frame before to that in this one: `factor` × (place − centre) + centre + shift."""

    factor: complex = 1 + 0j
    centre: complex = 0j
    shift: complex = 0j

    def __call__(self, places: Any) -> Any:
        return self.factor * (places - self.centre) + self.centre + self.shift


def common_motion(  # noqa: PLR0917 (what was, then what is)
    before: Places, names: Sequence[object], now: Places, names_now: Sequence[object], height: float, expected: complex
) -> Motion:
    """The motion that brings most of the digits `before` to digits `now`, best to those of the same name.

    height: of a digit, pixels. expected: the shift by which the sheet would go on as it did, pixels.
    """
    if not len(before) or not len(now):
        return Motion(shift=expected)
    agree = np.array([[1.0 if name == other else OTHER_DIGIT for other in names_now] for name in names])
    motion = Motion(shift=_likeliest_shift(before, now, agree, height, expected))
    for _ in range(ROUNDS):
        apart = now[None] - motion(before)[:, None]
        votes = agree * np.exp(-(np.abs(apart) ** 2) / (2 * (NEAR_HEIGHTS * height) ** 2))
        nearest = votes.argmax(axis=1)
        weight = votes.max(axis=1)
        if weight.sum() < 1e-3:
            break
        motion = _fitted(before, now[nearest], weight, height)
    return motion


def _likeliest_shift(
    before: Places, now: Places, agree: NDArray[np.float64], height: float, expected: complex
) -> complex:
    """Of the shifts that bring some digit to one of its name, that for which most digits vote."""
    apart = (now[None] - before[:, None])[agree == 1]
    nearest = apart[np.argsort(np.abs(apart - expected), kind="stable")[:MOST_SHIFTS]]
    shifts = np.concatenate([[expected, 0], nearest])
    voters = np.linspace(0, len(before) - 1, min(len(before), MOST_VOTERS)).astype(int)
    far = np.abs(before[voters][None, :, None] + shifts[:, None, None] - now[None, None]) / height
    votes = (agree[voters][None] * np.exp(-(far**2) / (2 * NEAR_HEIGHTS**2))).max(axis=2).sum(axis=1)
    votes -= PER_HEIGHT * np.abs(shifts - expected) / height
    return complex(shifts[votes.argmax()])


def _fitted(before: Places, now: Places, weight: NDArray[np.float64], height: float) -> Motion:
    """Least squares, with little turn and zoom taken for likelier than much."""
    whole = weight.sum()
    centre, there = complex((weight * before).sum() / whole), complex((weight * now).sum() / whole)
    u, v = before - centre, now - there
    doubt = (CLOSE_HEIGHTS * height / TURN_AND_ZOOM) ** 2
    factor = 1 + (weight * np.conj(u) * (v - u)).sum() / ((weight * np.abs(u) ** 2).sum() + doubt)
    return Motion(complex(factor), centre, there - centre)
