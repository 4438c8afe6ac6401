"""The glyph convention `ink-1`, held still by golden pictures: a change here is a change of the model's contract."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeproof import glyph
from edgeproof.bundle import load_bundle

#: Strokes of a few characters as corner points (x, y) in a unit box; OpenCV's own letters change with its version.
STROKES = {
    "0": [[(0.5 + 0.3 * np.sin(a), 0.5 - 0.5 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 40)]],
    "1": [[(0.3, 0.2), (0.5, 0), (0.5, 1)]],
    "4": [[(0.6, 0), (0, 0.65), (0.8, 0.65)], [(0.6, 0.35), (0.6, 1)]],
    "7": [[(0, 0), (0.7, 0), (0.25, 1)], [(0.2, 0.5), (0.6, 0.5)]],
}


def drawn(text: str, height: int, pen: int) -> np.ndarray:
    """`text` as ink (0 = paper), `height` pixels high, with a pen of `pen` pixels."""
    page = np.zeros((height + 4 * pen, height + 4 * pen), np.uint8)
    for stroke in STROKES[text]:
        points = np.rint(np.array(stroke) * (height - 1) + 2 * pen).astype(np.int32)
        cv2.polylines(page, [points], False, 255, pen)
    return page


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    mass = image.astype(float)
    return (
        float(mass.sum(1) @ np.arange(len(mass)) / mass.sum()),
        float(mass.sum(0) @ np.arange(mass.shape[1]) / mass.sum()),
    )


#: What was drawn for each golden picture: text, height and pen in pixels.
CASES = [(text, height, pen) for text in "0147" for height, pen in ((16, 1), (40, 4), (400, 6), (400, 60))]


def test_golden_pictures() -> None:
    """make_glyph still gives the stored glyphs; they may change only together with glyph.VERSION.

    OpenCV rounds a resized pixel differently between CPUs: 2 of 255 levels are permitted, a moved pixel is not.
    """
    with np.load(Path(__file__).with_name("golden_glyphs.npz")) as golden:
        expected = golden[glyph.VERSION]
    found = glyph.make_glyphs([drawn(*case) for case in CASES])
    difference = np.abs(expected.astype(int) - found).max(axis=(1, 2))
    assert dict(zip(CASES, difference.tolist(), strict=True)) == dict.fromkeys(CASES, pytest.approx(0, abs=2))


@pytest.mark.parametrize("height", [8, 20, 60, 200, 800])
@pytest.mark.parametrize("text", sorted(STROKES))
def test_box_centre_and_contrast(text: str, height: int) -> None:
    image = glyph.make_glyph(drawn(text, height, max(1, height // 12)))
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert image.max() == 255
    rows, columns = np.flatnonzero((image >= glyph.INK).any(1)), np.flatnonzero((image >= glyph.INK).any(0))
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    assert 18 <= longer <= 20, "20 pixels, less what falls below INK at the edge of a resized stroke"
    assert all(abs(c - glyph.CENTRE) <= 0.5 for c in centre_of_mass(image)), (
        "whole-pixel moves leave at most half a pixel"
    )


@pytest.mark.parametrize("height", [100, 400, 800])
def test_thin_strokes_survive(height: int) -> None:
    """A one-pixel pen line 800 pixels high would average to 2 % grey; it must stay a solid stroke."""
    image = glyph.make_glyph(drawn("4", height, 1))
    assert glyph.stroke_width(image) >= 0.75 * glyph.THINNEST
    assert (image >= 128).sum() >= 30, "a 4 has about 45 pixels of stroke"


def test_scale_free() -> None:
    """The same shape at 60 and at 600 pixels gives nearly the same glyph: mean difference below 4 % of full ink."""
    large = drawn("4", 600, 60)
    small = cv2.resize(large, None, fx=0.1, fy=0.1, interpolation=cv2.INTER_AREA)
    difference = glyph.make_glyph(small).astype(int) - glyph.make_glyph(large)
    assert np.abs(difference).mean() < 0.04 * 255


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 7), (2000, 3)])
def test_odd_shapes(shape: tuple[int, int]) -> None:
    assert glyph.make_glyph(np.full(shape, 255, np.uint8)).max() == 255


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (40, 30)])
def test_no_ink_is_a_blank_glyph(shape: tuple[int, int]) -> None:
    assert not glyph.make_glyph(np.zeros(shape, np.uint8)).any()


def test_stroke_width_measures_bars() -> None:
    for width in (1, 2, 3, 6, 12):
        bar = np.zeros((100, 40), np.uint8)
        bar[10:90, 10 : 10 + width] = 255
        assert glyph.stroke_width(bar) == pytest.approx(width, rel=0.2)


def test_no_glyphs() -> None:
    assert glyph.make_glyphs([]).shape == (0, 28, 28)


def test_a_glyph_does_not_hang_on_what_is_made_beside_it() -> None:
    """Strokes of all inks are measured and thickened in one picture: none may see another, thin or broad, pale or clear."""
    images, random = load_bundle().golden.images, np.random.default_rng(1)
    inks = [np.zeros((0, 0), np.uint8), np.zeros((9, 9), np.uint8), np.full((3, 300), 255, np.uint8)]
    for image in images:
        scaled = cv2.resize(image, None, fx=(by := float(random.uniform(0.5, 5))), fy=by, interpolation=cv2.INTER_CUBIC)
        side = int(random.integers(1, 6))
        inks += [scaled, cv2.erode(scaled, np.ones((side, side), np.uint8)), scaled // 3]
    assert len(inks) > 2 * glyph.INKS_AT_ONCE
    thickened = glyph._thickened(inks)
    assert {ink.shape == thick.shape for ink, thick in zip(inks, thickened, strict=True)} == {True, False}
    alone = np.stack([glyph.make_glyph(ink) for ink in inks])
    assert np.array_equal(glyph.make_glyphs(inks), alone)


def test_a_stroke_is_thickened_within_its_own_paper() -> None:
    """The thinnest stroke of the largest ink grows into the paper around it, and not beyond."""
    thin = np.zeros((glyph.WORKING_BOX, glyph.WORKING_BOX), np.uint8)
    thin[:, 0] = thin[0] = 255
    (thick,) = glyph._thickened([thin])
    assert (thick.shape[0] - thin.shape[0]) // 2 <= glyph.RIM
