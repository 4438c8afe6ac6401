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
SIZE = 0.25  # natural logarithm of the ratio of two heights of one digit (standard deviation)
TURN_AND_ZOOM = 0.1  # between two frames, as a share: 6 degrees or 10 % (standard deviation)
OTHER_DIGIT = 0.3  # how much a place counts at which another digit is read: it may be misread, or just rewritten
HASTE_HEIGHTS_PER_S = 10.0  # hands are rarely so fast: who says that they were needs one digit more for each such step
LONG_S = 1.0  # after which, or after an unknown time, a sheet may be anywhere
LEAST_VOTE = 0.5  # of all digits together; less is none of them
MOST_SHIFTS, MOST_VOTERS = 50, 20  # that are tried, and that vote: enough to tell, and quick on a full page
ROUNDS = 4  # of fitting; what belongs together is mostly settled after two


@dataclass(frozen=True)
class Digits:
    """Digits of a frame. places: complex (N,), of their middles. heights: float (N,), pixels. names: of their classes."""

    places: Places
    heights: NDArray[np.float64]
    names: Sequence[object]


@dataclass(frozen=True)
class Motion:
    """From a place in the frame before to that in this one: `factor` × (place − centre) + centre + shift.

    seen: whether digits told it; else it is only expected.
    """

    factor: complex = 1 + 0j
    centre: complex = 0j
    shift: complex = 0j
    seen: bool = False

    def __call__(self, places: Any) -> Any:
        return self.factor * (places - self.centre) + self.centre + self.shift


def common_motion(before: Digits, now: Digits, expected: complex, seconds: float) -> Motion:
    """The motion that brings most of the digits `before` to digits of the same name and size `now`.

    expected: the shift by which the sheet would go on as it did, pixels. seconds: from one frame to the other; 0: unknown.
    """
    if not len(before.places) or not len(now.places):
        return Motion(shift=expected)
    same = np.array([[name == other for other in now.names] for name in before.names])
    ratio = np.log(now.heights[None] / before.heights[:, None])
    like = np.where(same, 1, OTHER_DIGIT) * np.exp(-(ratio**2) / (2 * SIZE**2))
    height = float(np.median(before.heights))
    shifts = _shifts((now.places[None] - before.places[:, None])[same], expected)
    votes = _votes(shifts, before.places, now.places, like, NEAR_HEIGHTS * height)
    reach = HASTE_HEIGHTS_PER_S * height * min(seconds or LONG_S, LONG_S)
    motion = Motion(shift=complex(shifts[(votes - np.abs(shifts - expected) / reach).argmax()]))
    for _ in range(ROUNDS):
        apart = now.places[None] - motion(before.places)[:, None]
        fit = like * np.exp(-(np.abs(apart) ** 2) / (2 * (NEAR_HEIGHTS * height) ** 2))
        weight = fit.max(axis=1)
        if weight.sum() < LEAST_VOTE:
            break
        motion = _fitted(before.places, now.places[fit.argmax(axis=1)], weight, height)
    return motion


def _shifts(apart: Places, expected: complex) -> Places:
    """The shifts to try: as before, none, and those that bring some digit to one of its name, the least surprising of them."""
    order = np.argsort(np.abs(apart - expected), kind="stable")
    return np.concatenate([[expected, 0], apart[order[:MOST_SHIFTS]]])


def _votes(shifts: Places, before: Places, now: Places, like: NDArray[np.float64], near: float) -> NDArray[np.float64]:
    """How many digits `before` each shift brings to digits `now`, as far as these are like them and about `near` pixels off."""
    voters = np.linspace(0, len(before) - 1, min(len(before), MOST_VOTERS)).astype(int)
    apart = before[voters][None, :, None] + shifts[:, None, None] - now[None, None]
    far = (apart.real**2 + apart.imag**2) / (2 * near**2)
    votes: NDArray[np.float64] = (like[voters][None] * np.exp(-far)).max(axis=2).sum(axis=1)
    return votes


def _fitted(before: Places, now: Places, weight: NDArray[np.float64], height: float) -> Motion:
    """Least squares, with little turn and zoom taken for likelier than much."""
    whole = weight.sum()
    centre, there = complex((weight * before).sum() / whole), complex((weight * now).sum() / whole)
    u, v = before - centre, now - there
    doubt = (CLOSE_HEIGHTS * height / TURN_AND_ZOOM) ** 2
    factor = 1 + (weight * np.conj(u) * (v - u)).sum() / ((weight * np.abs(u) ** 2).sum() + doubt)
    return Motion(complex(factor), centre, there - centre, seen=True)
