"""Where a sheet lies in the picture: as homographies, and the sheet seen through one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.pages.sheet.sheet import Sheet
from train.data.pages.truth import Kind

Random = np.random.Generator
Size = tuple[int, int]
Matrix = NDArray[np.float64]


@dataclass
class Shot:
    """What the camera will see. picture: uint8 BGR (H, W, 3). owners: as of a `Sheet`. things: kind and text of each.

    whole: float64, per thing the share of its ink that is still visible.
    """

    picture: NDArray[np.uint8]
    owners: NDArray[np.uint16]
    things: list[tuple[Kind, str]]
    whole: list[float]

    def add(self, kind: Kind) -> int:
        self.things.append((kind, ""))
        self.whole.append(1.0)
        return len(self.things)


def any_place(sheet: Size, picture: Size, random: Random, *, flat: bool) -> Matrix:
    """Of a sheet (width, height) in a picture: float64 (3, 3) from sheet pixels to picture pixels.

    `flat`: scanned, or a screen that fills the picture; else seen by a camera at some angle.
    """
    width, height = picture
    middle = np.array([width, height]) / 2
    corners = np.array([[0, 0], [sheet[0], 0], [sheet[0], sheet[1]], [0, sheet[1]]], np.float64)
    turn = 0.0 if flat else np.deg2rad(random.choice((random.normal(0, 2), random.uniform(-15, 15)), p=(0.6, 0.4)))
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    placed = (corners - np.array(sheet) / 2) @ rotate.T
    if not flat:
        strength = random.choice((0.01, 0.04, 0.1), p=(0.5, 0.35, 0.15))
        placed *= 1 + random.normal(0, strength, (4, 1))
        middle = middle + random.normal(0, 0.02, 2) * (width, height)
    moved = (placed + middle).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners.astype(np.float32), moved), np.float64)


def see(sheet: Sheet, matrix: Matrix, shot: Shot, random: Random, *, edge: bool) -> None:
    """Lay `sheet` over what `shot` shows, its shadow around it; its edge becomes a thing of its own if `edge`."""
    height, width = shot.owners.shape
    seen = np.asarray(
        cv2.warpPerspective(np.full(sheet.owners.shape, 255, np.uint8), matrix, (width, height)), np.uint8
    )
    if edge:
        _cast(shot, seen, random)
    canvas = cv2.warpPerspective(sheet.canvas, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    shot.picture = _over(shot.picture, np.asarray(canvas, np.uint8), seen)
    owners = np.asarray(cv2.warpPerspective(sheet.owners, matrix, (width, height), flags=cv2.INTER_NEAREST), np.uint16)
    first = len(shot.things)
    inside = seen > 127
    shot.owners[inside] = 0
    mine = (owners > 0) & inside
    shot.owners[mine] = owners[mine] + np.uint16(first)
    shot.things += sheet.things
    shot.whole += _whole(sheet, matrix, (width, height))
    if edge:
        rim = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
        shot.owners[rim & ~mine] = shot.add("edge")


def _over(below: NDArray[np.uint8], above: NDArray[np.uint8], cover: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`above` where `cover` (H, W) is 255, mixed where it is less."""
    result = below.copy()
    cv2.copyTo(above, cover, result)
    y, x = np.nonzero((cover > 0) & (cover < 255))
    share = cover[y, x, None].astype(np.float32) / 255
    result[y, x] = (below[y, x] + share * (above[y, x].astype(np.float32) - below[y, x])).astype(np.uint8)
    return result


def _cast(shot: Shot, seen: NDArray[np.uint8], random: Random) -> None:
    """The sheet's own shadow on what is below it."""
    x, y = random.normal(0, 0.006 * max(seen.shape), 2)
    soft = random.uniform(1, 8)
    small = cv2.resize(seen, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    moved = cv2.warpAffine(small, np.array([[1, 0, x / 4], [0, 1, y / 4]]), (small.shape[1], small.shape[0]))
    dark = cv2.resize(cv2.GaussianBlur(moved, (0, 0), soft / 2), (seen.shape[1], seen.shape[0]))
    light = cv2.convertScaleAbs(dark, None, -random.uniform(0.1, 0.6), 255)
    shot.picture = np.asarray(cv2.multiply(shot.picture, cv2.merge([light] * 3), scale=1 / 255), np.uint8)


def _whole(sheet: Sheet, matrix: Matrix, picture: Size) -> list[float]:
    """Per thing: the share of its ink that no later ink hides, times the share of it that lies in the picture."""
    count = len(sheet.things)
    left = np.bincount(sheet.owners.ravel(), minlength=count + 1)[1:]
    shares = left / np.maximum(sheet.sizes, 1)
    width, height = picture
    y, x = np.nonzero(sheet.owners)
    points = (
        cv2.perspectiveTransform(np.stack([x, y], axis=1)[None].astype(np.float64), matrix)[0]
        if len(x)
        else np.zeros((0, 2))
    )
    within = (points[:, 0] >= 1) & (points[:, 1] >= 1) & (points[:, 0] < width - 1) & (points[:, 1] < height - 1)
    inside = np.bincount(sheet.owners[y, x], weights=within, minlength=count + 1)[1:]
    return [float(share) for share in shares * inside / np.maximum(left, 1)]
