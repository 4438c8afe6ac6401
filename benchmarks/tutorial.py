"""The usual tutorial's way to read digits: adaptive threshold, external contours, 28×28, a classifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scoring import Labelled
from edgeproof import scores
from edgeproof.classifier import Classifier

Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]

LOWEST = 20  # pixels: contours that are not so high are no digits
#: Block (pixels) and offset (levels) of the adaptive threshold: tutorials write 11 to 31 and 2 to 10; of blocks from 31 to
#: 201, offsets of 10 and 15 and LOWEST of 16 to 30 these are the best on photographs.
PHOTOGRAPHS = (101, 15)
QUICK = (31, 10)  # will do for a clear page, and takes an eighth of the time


def read(picture: Picture, classifier: Classifier, threshold: tuple[int, int] = PHOTOGRAPHS) -> list[Labelled]:
    """Digits with their boxes in `picture`, uint8 BGR (H, W, 3). A class for what is no digit is respected."""
    dark = binarized(picture, threshold)
    boxes = list(digit_boxes(dark))
    if not boxes:
        return []
    glyphs = np.stack([_glyph(dark, box) for box in boxes])
    labels, _ = scores.decide(classifier.logits(glyphs), classifier.bundle.manifest.classes, 1.0, 0.0)
    return [(int(label), box) for label, box in zip(labels, boxes, strict=True) if label != scores.REJECTED]


def binarized(picture: Picture, threshold: tuple[int, int] = PHOTOGRAPHS) -> Picture:
    """Ink 255 on paper 0, (H, W). threshold: block in pixels, offset in levels."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (5, 5), 0)
    dark = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, *threshold)
    return np.asarray(dark, np.uint8)


def digit_boxes(dark: Picture) -> Iterator[Box]:
    """x, y, width, height of outer contours that could be a digit by their shape."""
    contours, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        x, y, width, height = cv2.boundingRect(contour)
        if height >= LOWEST and width <= 1.6 * height and height <= 0.9 * dark.shape[0]:
            yield x, y, width, height


def _glyph(dark: Picture, box: Box) -> NDArray[np.uint8]:
    x, y, width, height = box
    scale = 20 / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    part: Any = cv2.resize(dark[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
    mass = cv2.moments(part)
    left = min(max(0, round(14 - mass["m10"] / mass["m00"])), 28 - size[0])
    top = min(max(0, round(14 - mass["m01"] / mass["m00"])), 28 - size[1])
    image = np.zeros((28, 28), np.uint8)
    image[top : top + size[1], left : left + size[0]] = part
    return image
