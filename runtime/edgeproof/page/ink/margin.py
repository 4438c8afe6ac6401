"""A margin of one colour that a program put around a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeproof.page.ink.picture import MIN_INK_LEVEL, SMALL_PICTURE_SIDE_PX, nearest_inside, scalar, square
from edgeproof.support.opencv import cv2

MARGIN_VARIATION_LEVELS = 2  # what a margin of one colour varies by
MIN_PAGE_SHARE = 0.2  # of a picture with a margin: a lone broad 1 or minus sign on a drawn page takes less
MIN_PAGE_RECTANGULARITY = 0.95  # share of its own box, upright or turned, that a page in a margin fills
MARGIN_KERNEL_PX = 7  # a turned picture is blended into its margin, and its edge rings in JPEG


def without_margin(grey: Any) -> Any:
    """A grey picture uint8 (H, W) in which a margin of one exact colour goes on as its nearest paper.

    Letterboxes and pictures that a program turned have one. No camera saw it: it is neither paper nor table, and its edge is
    the strongest in the picture. A margin reaches a corner of the picture and is not what most of the picture looks like.
    """
    height, width = grey.shape
    corners = ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1))
    around = (cv2.minMaxLoc(grey[max(0, y - 3) : y + 4, max(0, x - 3) : x + 4]) for x, y in corners)
    flat = [
        corner
        for corner, (least, most, _, _) in zip(corners, around, strict=True)
        if most - least <= MARGIN_VARIATION_LEVELS
    ]
    if not flat:
        return grey
    found: Any = np.zeros((height + 2, width + 2), np.uint8)
    for x, y in flat:
        if not found[y + 1, x + 1]:
            how = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | 255 << 8
            levels = scalar(MARGIN_VARIATION_LEVELS)
            cv2.floodFill(grey, found, (x, y), scalar(0), levels, levels, how)
    margin = found[1:-1, 1:-1]
    if not margin.any() or not _is_margin(grey, margin):
        return grey
    margin = cv2.dilate(margin, square(MARGIN_KERNEL_PX))
    reduction = max(1, max(grey.shape) // SMALL_PICTURE_SIDE_PX)
    size = (max(1, width // reduction), max(1, height // reduction))
    small = cv2.medianBlur(cv2.resize(grey, size, interpolation=cv2.INTER_NEAREST), 3)
    outside = cv2.resize(margin, size, interpolation=cv2.INTER_NEAREST)
    going_on: Any = cv2.resize(nearest_inside(small, outside), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(margin > 0, going_on, grey)


def _is_margin(grey: Any, margin: Any) -> bool:
    """Whether what is left of a picture is one solid rectangle, level or turned, that looks like something else.

    The paper of a drawn page may be of one colour and reach the corners too: then what is left is its ink.
    """
    rest = cv2.bitwise_not(margin)
    area = cv2.countNonZero(rest)
    if area < MIN_PAGE_SHARE * rest.size:
        return False
    inner = cv2.erode(rest, square(MARGIN_KERNEL_PX))
    if cv2.countNonZero(cv2.dilate(inner, square(MARGIN_KERNEL_PX))) < MIN_PAGE_RECTANGULARITY * area:
        return False  # much of it is crumbs; each would be gone through
    contours, _ = cv2.findContours(rest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    page = max(contours, key=cv2.contourArea)
    _, sides, _ = cv2.minAreaRect(page)
    if cv2.contourArea(page) < MIN_PAGE_RECTANGULARITY * max(area, sides[0] * sides[1]):
        return False
    beside = grey[cv2.subtract(inner, cv2.erode(inner, square(MARGIN_KERNEL_PX))) > 0]
    if beside.size == 0 or int(np.ptp(grey[inner > 0])) <= MIN_INK_LEVEL:
        return False  # one thick stroke
    level = float(grey[margin > 0].mean())
    return float(np.median(np.abs(beside - level))) > MIN_INK_LEVEL
