"""Lines of a page as curves: where they run, where they meet, and how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgeproof.support.opencv import cv2

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

_SAMPLES = 33  # of a line that is followed
_NEAR_PX = 2  # how far off blur and rounding put an edge


@dataclass(frozen=True)
class Lines:
    """Lines (N,) in one direction, pixels: each is a curve, how far across the picture it is at each place along it.

    start, end: the first and the last place along. curve (N, 3): coefficients of the powers 0 to 2 of the place, as counted from
    the middle in half lengths. thick: across, about.
    """

    start: Floats
    end: Floats
    curve: Floats
    thick: Floats

    @classmethod
    def none(cls) -> Lines:
        return cls(np.zeros(0), np.zeros(0), np.zeros((0, 3)), np.zeros(0))

    def __len__(self) -> int:
        return len(self.start)

    def __add__(self, other: Lines) -> Lines:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Lines(*(np.concatenate(pair) for pair in pairs))

    @property
    def length(self) -> Floats:
        return self.end - self.start + 1

    @property
    def middle(self) -> Floats:
        """The places (N,) along of their middles."""
        return (self.start + self.end) / 2

    def at(self, along: Floats) -> Floats:
        """Where the lines are across, (N, …), at places (N, …) along; beyond its ends each goes on straight."""
        each = (-1,) + (1,) * (along.ndim - 1)
        start, end = self.start.reshape(each), self.end.reshape(each)
        constant, slope, bend = (part.reshape(each) for part in self.curve.T)
        place = (2 * along - start - end) / np.maximum(end - start, 1)
        inside = np.clip(place, -1, 1)
        across: Floats = constant + inside * (slope + bend * inside) + (place - inside) * (slope + 2 * bend * inside)
        return across

    def between(self, start: Floats, end: Floats) -> Lines:
        """The same lines from other places (N,) along to others."""
        low, middle, high = self.at(np.stack([start, (start + end) / 2, end], axis=1)).T
        return Lines(start, end, np.stack([middle, (high - low) / 2, (high + low) / 2 - middle], axis=1), self.thick)

    def some(self, which: Flags | Places) -> Lines:
        return Lines(self.start[which], self.end[which], self.curve[which], self.thick[which])

    def scaled(self, along: float, across: float) -> Lines:
        """The same in a picture that is so many times as large in both directions: the middles of pixels stay that."""
        first, last = (along * place + (along - 1) / 2 for place in (self.start, self.end))
        curve = across * self.curve + np.array([(across - 1) / 2, 0, 0])
        return Lines(first, last, curve, across * self.thick)


@dataclass(frozen=True)
class Ruling:
    """The lines of a page: `level` ones, along x, and `upright` ones, along y."""

    level: Lines
    upright: Lines

    def scaled(self, width: float, height: float) -> Ruling:
        """The same in a picture that is so many times as wide and as high."""
        return Ruling(self.level.scaled(width, height), self.upright.scaled(height, width))


@dataclass(frozen=True)
class Meeting:
    """Where lines meet, (level, upright) each.

    meets: whether they do. first, last: whether it is at the start, and at the end, of the level ones; and of the upright ones.
    """

    meets: Flags
    first: tuple[Flags, Flags]
    last: tuple[Flags, Flags]


def meeting(ruling: Ruling) -> Meeting:
    """Where the lines of a page meet."""
    level, upright = ruling.level, ruling.upright
    x = np.tile(upright.curve[:, 0], (len(level), 1))
    for _ in range(2):
        y = level.at(x)
        x = upright.at(y.T).T
    corner = (level.thick[:, None] + upright.thick) / 2 + _NEAR_PX
    of_level = (x - level.start[:, None], level.end[:, None] - x)
    of_upright = (y - upright.start, upright.end - y)
    meets = np.all([inside >= -_NEAR_PX for inside in (*of_level, *of_upright)], axis=0)
    first, last = (
        (np.abs(one) <= corner, np.abs(other) <= corner) for one, other in zip(of_level, of_upright, strict=True)
    )
    return Meeting(meets, first, last)


@dataclass(frozen=True)
class Drawn:
    """Lines (N,) as they are drawn: places (N, S) in the middle of their ink, and how thick they are, pixels."""

    x: Floats
    y: Floats
    thick: Places

    def band(self, shape: tuple[int, ...], which: Flags | None = None) -> Any:
        """A mask uint8 0/255 of `shape` with the lines and their rims; of all, or of those `which` (N,)."""
        band = np.zeros(shape, np.uint8)
        curves = np.ascontiguousarray(np.stack([self.x, self.y], axis=-1).round(), np.int32)
        for i in range(len(curves)) if which is None else np.flatnonzero(which).tolist():
            cv2.polylines(band, [curves[i]], False, 255, int(self.thick[i]) + 2 * _NEAR_PX)
        return band


def drawn(ruling: Ruling, mask: Any | None = None) -> tuple[Drawn, Drawn]:
    """The level and the upright lines of a page, followed in its ink `mask`, uint8 0/255; without one as they were found."""
    along, across, thick = followed(ruling.level, mask)
    down, aside, broad = followed(ruling.upright, None if mask is None else cv2.transpose(mask))
    return Drawn(along, across, thick), Drawn(aside, down, broad)


def followed(lines: Lines, mask: Any | None) -> tuple[Floats, Floats, Places]:
    """Places along (N, S) lines along x, how far across the middle of their ink is there, and how thick they are, (N,), in a mask
    uint8 0/255; without one as they were found. Where a stroke crosses a line, it goes straight on."""
    along = np.linspace(lines.start, lines.end, _SAMPLES, axis=1)
    across = lines.at(along)
    if mask is None or not len(lines):
        return along, across, lines.thick.round().astype(np.intp)
    reach = int(lines.thick.max()) + _NEAR_PX
    rows = across.round().astype(np.intp)[..., None] + np.arange(-reach, reach + 1)
    columns = along.round().astype(np.intp)[..., None]
    inked = mask[np.clip(rows, 0, mask.shape[0] - 1), np.clip(columns, 0, mask.shape[1] - 1)] > 0
    nearest = np.where(inked, np.abs(np.arange(-reach, reach + 1)), 2 * reach).argmin(axis=-1)[..., None]
    run = np.cumsum(np.diff(inked, axis=-1, prepend=False), axis=-1)
    own = (run == np.take_along_axis(run, nearest, axis=-1)) & inked
    wide = own.sum(axis=-1)
    thick = np.median(np.maximum(wide, 1), axis=1).round().astype(np.intp)
    off = (own * rows).sum(axis=-1) / np.maximum(wide, 1) - across
    alone = (wide > 0) & (wide <= thick[:, None] + _NEAR_PX) & (np.abs(off) <= thick[:, None] / 2 + _NEAR_PX)
    for i in np.flatnonzero(alone.any(axis=1)).tolist():
        off[i] = np.interp(along[i], along[i, alone[i]], off[i, alone[i]])
    off[~alone.any(axis=1)] = 0
    reach = _SAMPLES // 8
    around = np.pad(off, ((0, 0), (reach, reach)), "edge")
    return along, across + np.median(sliding_window_view(around, 2 * reach + 1, axis=1), axis=2), thick
