"""A pen on paper: strokes of points become a crop of ink, each in another hand."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Random = np.random.Generator
Points = NDArray[np.float64]  # (n, 2): x to the right, y down

CANVAS = 96  # pixels; large against the glyph's 28, so that strokes are smooth after scaling
WIDTHS = (3, 12)  # of a pen, pixels: at least, less than


def drawn(strokes: list[Points], random: Random, *, wobble: float) -> NDArray[np.uint8]:
    """The strokes with one pen on uint8 (CANVAS, CANVAS), ink 255: each point moved by about `wobble` pixels, in a random slant.

    A stroke of one point is a dot.
    """
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    width = int(random.integers(*WIDTHS))
    slant = random.uniform(-0.25, 0.25)
    for stroke in strokes:
        points = stroke + random.normal(scale=wobble, size=stroke.shape)
        points = points + slant * (points[:, 1:] - CANVAS / 2) * (1, 0)
        pixels = np.rint(points * 8).astype(np.int32)  # cv2 takes fixed point: 3 fractional bits
        if len(pixels) == 1:
            cv2.circle(canvas, tuple(pixels[0].tolist()), width * 6, 255, -1, cv2.LINE_AA, shift=3)
        else:
            cv2.polylines(canvas, [pixels], False, 255, width, cv2.LINE_AA, shift=3)
    return canvas


def curve(points: Points) -> Points:
    """A smooth curve near `points`: corners cut three times (Chaikin, 1974). Two points stay a straight line."""
    if len(points) < 3:
        return points
    for _ in range(3):
        cut = np.concatenate([0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], axis=1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
    return points


def arc(centre: tuple[float, float], radii: tuple[float, float], start_deg: float, end_deg: float) -> list[list[float]]:
    """Nine points of an ellipse; the angle grows from the right over the bottom to the left."""
    angles = np.deg2rad(np.linspace(start_deg, end_deg, 9))
    return [[centre[0] + radii[0] * np.cos(a), centre[1] + radii[1] * np.sin(a)] for a in angles]
