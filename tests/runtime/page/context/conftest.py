"""Pages for the tests of what a page says: glyphs that are drawn here, and rows of them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edgeproof import glyph
from edgeproof.page.context.features import Page

SIZE = (400, 900)


def _stroke(bow: float = 0.0, lean: float = 0.0, hook: bool = False) -> np.ndarray:
    """The glyph of an upright pen stroke: bow as a share of its height, lean in degrees to the right, with the hook of a 1."""
    up = np.linspace(-0.5, 0.5, 30)
    x = -4 * bow * (0.25 - up**2) - np.tan(np.radians(lean)) * up
    points = np.stack([150 + 160 * x, 150 + 160 * up], axis=1)
    canvas = np.zeros((300, 300), np.uint8)
    cv2.polylines(canvas, [np.rint(points).astype(np.int32)], False, 255, 14, cv2.LINE_AA)
    if hook:
        cv2.line(canvas, (150, 70), (95, 120), 255, 14, cv2.LINE_AA)
    return glyph.make_glyph(canvas)


def _ring() -> np.ndarray:
    return glyph.make_glyph(cv2.ellipse(np.zeros((120, 120), np.uint8), (60, 60), (30, 45), 0, 0, 360, 255, 10))


def _page(*kinds: tuple[str, int], glyphs: list[np.ndarray] | None = None, height: int = 60, gap: int = 30) -> Page:
    """A row of things, each "0".."9" or "-" for none to the model, and how far below the top it stands, in pixels."""
    probabilities = np.full((len(kinds), 11), 1e-4, np.float32)
    for i, (kind, _) in enumerate(kinds):
        probabilities[i, 10 if kind == "-" else int(kind)] = 1 - 1e-3
    boxes = [(50 + (30 + gap) * i, 50 + down, 30, height) for i, (_, down) in enumerate(kinds)]
    images = np.array(glyphs or [_ring()] * len(kinds)).reshape(-1, 28, 28)
    return Page(boxes, images, probabilities, np.zeros(len(kinds), np.bool_), SIZE)


@pytest.fixture
def stroke() -> Callable[..., np.ndarray]:
    return _stroke


@pytest.fixture
def page() -> Callable[..., Page]:
    return _page
