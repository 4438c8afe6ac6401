"""Long thin straight pieces of ink: what may be a line of a page, and is longer than most strokes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.page.geometry import MIN_DIGIT_HEIGHT_PX
from edgeproof.page.ink.lines import Flags, Floats, Lines, Places, Ruling
from edgeproof.page.ink.picture import scalar, square
from edgeproof.support.opencv import cv2

TURN_DEG = 4.0  # how exactly the direction of lines is found
MAX_BEND_SHARE = 0.125  # of half of a line's length, by which it may spread about its curve, and the curve bend

_POINTS = 64  # of an outline that a curve is put through


def tracks(masks: Sequence[Any], run: int, side: int) -> Ruling:
    """The straight pieces of ink, `run` pixels long or longer and less than `side` thick, level ones and upright ones, on a page
    that is turned by up to 45°.

    masks: uint8 0/255 (H, W), of one picture: its full ink, and all that is darker than paper.
    """
    ink, thin = _thin(masks, 2 * (side // 2))
    spread = cv2.dilate(thin, square(3))  # a line of one pixel, on a slant, is a staircase
    level, upright = (cv2.bitwise_and(_runs(spread, run, angles), thin) for angles in _directions(thin, run))
    both = cv2.bitwise_or(level, upright)
    full = 2 * cv2.countNonZero(cv2.bitwise_and(both, masks[0])) >= cv2.countNonZero(both)
    # Lines end where their ink ends; at the level of faint ones a stroke beside a dark line touches it.
    ends = masks[0 if full else -1]
    near = cv2.dilate(ink, square(3))
    return Ruling(
        _grown(_tracks(level, near, run, side), ends),
        _grown(_tracks(cv2.transpose(upright), cv2.transpose(near), run, side), cv2.transpose(ends)),
    )


def _thin(masks: Sequence[Any], side: int) -> tuple[Any, Any]:
    """The ink at any of the levels, and what of it is at one of them nowhere as broad as `side`, an even number of pixels.

    Opening by an even side moves broad ink by a pixel, so that a rim of it stays: the straight edge of a shadow is a line.
    """
    ink, thin = np.zeros_like(masks[0]), np.zeros_like(masks[0])
    for mask in masks:
        broad = cv2.morphologyEx(mask, cv2.MORPH_OPEN, square(side))
        ink, thin = cv2.bitwise_or(ink, mask), cv2.bitwise_or(thin, cv2.subtract(mask, broad))
    return ink, thin


def _directions(mask: Any, run: int) -> tuple[list[float], list[float]]:
    """The directions of the level and of the upright lines, radians clockwise from level: the likeliest, and one to either
    side of it, for a page that bends."""
    small, turn = reduced(mask, 2), np.radians(TURN_DEG)
    length = max(run // 2, MIN_DIGIT_HEIGHT_PX)

    def inked(angle: float) -> int:
        return cv2.countNonZero(_runs(small, length, [angle]))

    steps = int(np.pi / 4 / (2 * turn))
    coarse = 2 * turn * np.arange(-steps, steps + 1)
    turned = max(coarse.tolist(), key=lambda angle: inked(angle) + inked(angle + np.pi / 2))
    # In perspective they are not quite at right angles.
    level, upright = (
        max((turned + base + beside for beside in (0, -turn, turn)), key=inked) for base in (0, np.pi / 2)
    )
    return [level - turn, level, level + turn], [upright - turn, upright, upright + turn]


def _runs(mask: Any, length: int, angles: Sequence[float]) -> Any:
    """The pixels of `mask` on straight runs of `length` pixels in one of the directions."""
    found, *others = (cv2.morphologyEx(mask, cv2.MORPH_OPEN, _segment(length, angle)) for angle in angles)
    for other in others:
        found = cv2.bitwise_or(found, other)
    return found


def _segment(length: int, angle: float) -> NDArray[np.uint8]:
    """A structuring element: a line of `length` pixels in the direction `angle`."""
    half_x, half_y = (round(abs(part) * length / 2) for part in (np.cos(angle), np.sin(angle)))
    element = np.zeros((2 * half_y + 1, 2 * half_x + 1), np.uint8)
    falls = np.cos(angle) * np.sin(angle) >= 0
    start, end = ((0, 0), (2 * half_x, 2 * half_y)) if falls else ((0, 2 * half_y), (2 * half_x, 0))
    return cv2.line(element, start, end, 1)  # type: ignore[return-value]


def reduced(mask: Any, reduction: int) -> Any:
    """A mask in which so many pixels become one in each direction: ink where a line of one pixel leaves half of itself."""
    if reduction == 1:
        return mask
    size = (max(1, mask.shape[1] // reduction), max(1, mask.shape[0] // reduction))
    averaged = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    return cv2.compare(averaged, scalar(255 / (2 * reduction)), cv2.CMP_GE)


def _tracks(runs: Any, ink: Any, shortest: int, broadest: int) -> Lines:
    """The pieces of `runs` that are long enough and straight, as lines along x, those that go on from each other as one."""
    bridged = cv2.morphologyEx(runs, cv2.MORPH_CLOSE, np.ones((1, shortest // 3 | 1), np.uint8))  # over what crosses
    contours, _ = cv2.findContours(bridged, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = [outline[:, 0] for outline in contours if len(outline) >= 2 * shortest - 2]
    ends = np.array([(each[:, 0].min(), each[:, 0].max()) for each in outlines], np.float64).reshape(-1, 2)
    length = ends[:, 1] - ends[:, 0] + 1
    long = [i for i in np.argsort(-length, kind="stable").tolist() if length[i] >= shortest][
        : min(runs.shape)
    ]  # no page has more
    if not long:
        return Lines.none()
    some = [outlines[i][:: max(1, len(outlines[i]) // _POINTS)] for i in long]
    own, points = np.repeat(np.arange(len(some)), [len(each) for each in some]), np.concatenate(some).astype(np.float64)
    pieces, straight = _fitted(own, points, ends[long], broadest)
    whole = _joined(pieces, straight, ink)
    count = int(whole.max()) + 1
    if count == len(pieces):
        return pieces.some(straight)
    joined = np.tile([np.inf, -np.inf], (count, 1))
    np.minimum.at(joined[:, 0], whole, pieces.start)
    np.maximum.at(joined[:, 1], whole, pieces.end)
    lines, well = _fitted(whole[own], points, joined, broadest)
    return lines.some(well) + pieces.some(straight & ~well[whole])


def _fitted(own: Places, points: Floats, ends: Floats, broadest: int) -> tuple[Lines, Flags]:
    """A curve through the outline points (P, 2) of each piece, and which pieces are straight: they spread little about it."""
    count = len(ends)
    middle, half = ends.mean(axis=1), np.maximum((ends[:, 1] - ends[:, 0]) / 2, 1)
    place, across = (points[:, 0] - middle[own]) / half[own], points[:, 1]
    powers = place ** np.arange(3)[:, None]
    high = np.concatenate([powers, powers[1:] * powers[2]])
    weights: Floats = np.ones_like(place)
    for _ in range(4):  # first of all points, then without those of strokes that hang on
        sums = np.stack([np.bincount(own, weights * power, count) for power in high], axis=1)
        products = np.stack([np.bincount(own, weights * across * power, count) for power in powers], axis=1)
        equations = sums[:, np.add.outer(np.arange(3), np.arange(3))] + 1e-6 * np.eye(3)
        curve = np.linalg.solve(equations, products[..., None])[..., 0].astype(np.float64)
        off = np.abs(across - (curve[own].T * powers).sum(axis=0))
        spread = np.bincount(own, weights * off, count) / np.maximum(sums[:, 0], 1)
        weights = (off <= 2 * spread[own] + 0.5).astype(np.float64)
    most = 2 * np.bincount(own, weights, count) > np.bincount(own, minlength=count)
    bent = np.maximum(spread, np.abs(curve[:, 2])) > MAX_BEND_SHARE * half
    return Lines(ends[:, 0], ends[:, 1], curve, 2 * spread + 1), most & ~bent & (2 * spread <= broadest)


def _joined(pieces: Lines, straight: Flags, ink: Any) -> Places:
    """Per piece the number of the line that it is of: pieces go on from each other over ink, in which a stroke crosses."""
    whole = np.arange(len(pieces))
    gap = pieces.start - pieces.end[:, None]
    between = (pieces.start + pieces.end[:, None]) / 2
    off = np.abs(pieces.at(between) - pieces.at(between.T).T)
    level = (
        (off <= 2 + MAX_BEND_SHARE * gap / 2) & (gap > 0) & (gap < np.maximum(pieces.length, pieces.length[:, None]))
    )
    after, before = pieces.at(pieces.end), pieces.at(pieces.start)
    for one, other in np.argwhere(level & straight & straight[:, None]).tolist():
        ends = [pieces.end[one], pieces.start[other]]
        along = np.arange(ends[0] + 1, ends[1])
        across = np.interp(along, ends, [after[one], before[other]]).round().astype(np.intp)
        if ink[np.clip(across, 0, ink.shape[0] - 1), along.astype(np.intp)].all():
            whole[whole == whole[other]] = whole[one]
    joined: Places = np.unique(whole, return_inverse=True)[1]
    return joined


def _grown(lines: Lines, ink: Any) -> Lines:
    """The lines as far as there is ink along them: beside the border, or a stroke, they are too short for a run."""
    ink = cv2.dilate(ink, np.ones((3, 1), np.uint8))
    along = np.arange(ink.shape[1])
    across = lines.at(np.tile(along.astype(np.float64), (len(lines), 1))).round().astype(np.intp)
    bare = ink[np.clip(across, 0, ink.shape[0] - 1), along] == 0
    own = ~bare & (along >= lines.start[:, None]) & (along <= lines.end[:, None])
    first, last = own.argmax(axis=1)[:, None], len(along) - 1 - own[:, ::-1].argmax(axis=1)[:, None]
    start = np.where(bare & (along < first), along + 1, 0).max(axis=1, initial=0)
    end = np.where(bare & (along > last), along - 1, len(along) - 1).min(axis=1, initial=len(along) - 1)
    return lines.between(start.astype(np.float64), end.astype(np.float64))
