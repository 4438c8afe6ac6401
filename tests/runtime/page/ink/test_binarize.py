"""Paper, light and ink: each limit just inside and just outside, on small drawn pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import binarize as module
from edgeproof.page.ink import line_removal, picture
from edgeproof.page.ink.binarize import Page, flatten, ink_mask
from edgeproof.page.ink.lines import Lines, Ruling

Picture = NDArray[np.uint8]


def plain(level: int, height: int = 100, width: int = 100) -> Picture:
    return np.full((height, width), level, np.uint8)


def grainy(level: int, deviation: float, height: int = 100, width: int = 100) -> Picture:
    noise = np.random.default_rng(0).normal(level, deviation, (height, width))
    return noise.round().clip(0, 255).astype(np.uint8)


# --- polarity and light ---


def writing_is_ink(glint: int) -> bool:
    """Whether dense writing, a little darker than its paper, is the ink of a page with a white spot so many pixels wide."""
    picture = plain(120)
    picture[::4] = picture[:, ::9] = 105
    picture[50 : 50 + glint, 50 : 50 + glint] = 250
    page = flatten(picture)
    assert page is not None
    return bool(page.ink[20, 20] > page.ink[50, 50])


def both_polarities_are_tried_unless_one_is_plain() -> None:
    assert writing_is_ink(glint=1)
    assert not writing_is_ink(glint=3)


def light_is_measured_at_every_pixel_of_a_small_picture() -> None:
    assert picture.smaller(plain(200, 90, 160)).shape == (90, 160)
    assert picture.smaller(plain(200, 90, 161)).shape == (45, 80)


def half_dark(share: float) -> Page:
    ink = plain(0)
    ink[: round(100 * share)] = 200
    return Page(ink, edge=100, clear=12)


def paper_covers_more_than_half_of_a_page() -> None:
    assert module._is_page(half_dark(0.42))
    assert not module._is_page(half_dark(0.48))


def paper_is_high_on_the_scale_and_its_noise_is_not_cut_off() -> None:
    written = grainy(200, 6)
    written[40:60, 40:43] = 0
    page = flatten(written)
    assert page is not None
    assert np.median(page.ink[42:58, 41]) > 200
    assert page.clear > 5 * 6


def a_dark_table_is_paper_and_the_night_is_not() -> None:
    def level(grey: int) -> int:
        return module._reflectance(plain(grey), plain(grey), inverted=False)[1]

    assert level(52) == level(200)
    assert level(44) < 0.95 * level(200)


# --- noise ---


def has_edges(contrast: int, noise: float) -> bool:
    """Whether a stroke of so much contrast stands clear of noise of so many levels."""
    picture = plain(200)
    picture[40:60, 40:43] -= contrast
    return module._page(picture, 200, noise).edge > 0


def what_paper_varies_by_is_no_edge() -> None:
    assert has_edges(33, noise=5)
    assert not has_edges(27, noise=5)


def the_palest_ink_stands_clear_of_clean_paper() -> None:
    assert has_edges(13, noise=0.5)
    assert not has_edges(11, noise=0.5)


def statistics_are_taken_of_a_sample_of_a_larger_picture() -> None:
    assert module._sampled(plain(0, 280, 400)).size == 280 * 400
    assert module._sampled(plain(0, 284, 400)).size == 142 * 200


def as_page(reflectance: Picture) -> Page:
    return module._page(reflectance, *module._paper_level(reflectance))


def noisy_strokes(height: int, deviation: float) -> tuple[Picture, Page]:
    """Upright strokes of so many pixels in noise: their reflectance, and the page as it is."""
    picture = plain(160, 240, 240).astype(np.float32)
    for top in range(20, 240 - height, height + 12):
        for column in range(3):
            picture[top : top + height, 20 + column : 220 : 20] = 50
    picture += np.random.default_rng(0).normal(0, deviation, picture.shape)
    reflectance = picture.round().clip(0, 255).astype(np.uint8)
    return reflectance, as_page(reflectance)


def strokes_that_stay_noisy_are_averaged_twice() -> None:
    reflectance, noisy = noisy_strokes(height=40, deviation=28)
    twice: Any = reflectance
    for _ in range(2):
        twice = cv2.GaussianBlur(twice, (5, 5), 1)
    assert np.array_equal(module._smoothed(reflectance, noisy).ink, as_page(twice).ink)


def low_characters_are_not_averaged() -> None:
    for height, averaged in (15, False), (19, True):
        reflectance, noisy = noisy_strokes(height, deviation=16)
        assert (module._smoothed(reflectance, noisy) is not noisy) == averaged


# --- grain ---


def grainy_dots(count: int, across: int, down: int) -> bool:
    """Whether so many dots of 2 × 2 pixels are grain, 200 in a row, so far from one to the next."""
    mask = plain(0, down * (count // 200), across * 200)
    for y in range(2):
        for x in range(2):
            mask[2 + y :: down, 2 + x :: across] = 255
    return module.is_grainy(mask)


def strokes_are_larger_than_dots() -> None:
    assert grainy_dots(1000, across=6, down=6)
    assert not grainy_dots(1000, across=7, down=6)


def no_picture_has_so_many_strokes() -> None:
    assert grainy_dots(52_000, across=8, down=8)
    assert not grainy_dots(48_000, across=8, down=8)


# --- strokes ---


def inked(level: int) -> bool:
    """Whether a spot of so much ink belongs to a stroke, on a page whose edges are at 100."""
    ink = plain(0)
    ink[40:60, 40:60] = level
    return bool(ink_mask(Page(ink, edge=100, clear=12))[50, 50])


def bridged(level: int) -> bool:
    """Whether so much ink closes a gap of a pixel in a stroke, on a page whose edges are at 100."""
    ink = plain(0)
    ink[40:60, 40:43] = 150
    ink[50, 40:43] = level
    return bool(ink_mask(Page(ink, edge=100, clear=12))[50, 41])


def a_stroke_is_followed_to_where_the_pen_presses_less() -> None:
    assert inked(62)
    assert not inked(58)


def a_gap_in_a_stroke_is_bridged_over_traces_of_ink() -> None:
    assert bridged(37)
    assert not bridged(33)


def dash_is_seen(share: float) -> bool:
    """Whether a dash that lies in a ruled line, as thick as it, is told from it by its level; the line's is `share` of it."""
    ink = plain(0, 400, 400)
    ink[100:130, 100:104] = ink[100:130, 140:144] = 200
    ink[300:303] = round(share * 200)
    ink[300:303, 100:130] = 200
    page = Page(ink, edge=module.edge_level(ink[:200], 12), clear=12)
    line = Lines(np.zeros(1), np.array([399.0]), np.array([[301.0, 0, 0]]), np.array([3.0]))
    return bool(line_removal.without(page, Ruling(line, Lines.none())).mask[301, 115])


def ruled_lines_are_paler_than_writing() -> None:
    assert dash_is_seen(0.7)
    assert not dash_is_seen(0.8)


PROBES: dict[str, Callable[[], None]] = {
    "PLAIN_POLARITY_SHARE": both_polarities_are_tried_unless_one_is_plain,
    "MAX_DARK_SHARE": paper_covers_more_than_half_of_a_page,
    "MIN_PAPER_BRIGHTNESS": a_dark_table_is_paper_and_the_night_is_not,
    "NOISE_CLEARANCE_DEVIATIONS": what_paper_varies_by_is_no_edge,
    "STATISTICS_SAMPLE_PIXELS": statistics_are_taken_of_a_sample_of_a_larger_picture,
    "STROKE_EDGE_SHARE": a_stroke_is_followed_to_where_the_pen_presses_less,
    "GAP_EDGE_SHARE": a_gap_in_a_stroke_is_bridged_over_traces_of_ink,
    "PALE_EDGE_SHARE": ruled_lines_are_paler_than_writing,
    "MAX_SMOOTHINGS": strokes_that_stay_noisy_are_averaged_twice,
    "MIN_SMOOTHED_HEIGHT_PX": low_characters_are_not_averaged,
    "MIN_GRAIN_PX": strokes_are_larger_than_dots,
    "MAX_GRAINS": no_picture_has_so_many_strokes,
}


SHARED: dict[str, Callable[[], None]] = {
    "SMALL_PICTURE_SIDE_PX": light_is_measured_at_every_pixel_of_a_small_picture,
    "PAPER_LEVEL": paper_is_high_on_the_scale_and_its_noise_is_not_cut_off,
    "MIN_INK_LEVEL": the_palest_ink_stands_clear_of_clean_paper,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


@pytest.mark.parametrize("name", sorted(SHARED))
def test_each_constant_that_steps_share_is_held(name, held):
    held(picture, name, SHARED[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)
    assert set(SHARED) == constants_of(picture)


@pytest.mark.parametrize("mirrored", [False, True])
def test_slanted_lines_are_no_grain_and_holes_are(mirrored):
    """In reading order a stroke that climbs to the right begins at every pixel."""
    down, across = np.indices((300, 300))
    hatched = np.where((across + (down if mirrored else -down)) % 6 < 2, np.uint8(255), np.uint8(0))
    assert not module.is_grainy(hatched)
    assert module.is_grainy(np.where((across % 5 < 2) | (down % 5 < 2), np.uint8(255), np.uint8(0)))
