"""Paper and light taken out of a picture: what is left is the ink, on the same scale everywhere.

A camera measures light × reflectance. The light changes slowly over the page (vignetting, shadow, a lamp at one side),
ink changes within a stroke's width, so the two are told apart by size: the paper is what remains when everything
narrower than a few strokes is closed over. Dividing by it leaves reflectance; ink in a shadow counts as much as ink in
the sun.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.glyph import Image
from edgeproof.page.ink.picture import MIN_INK_LEVEL, PAPER_LEVEL, paper_window, scalar, smaller, square
from edgeproof.support.opencv import cv2

PLAIN_POLARITY_SHARE = 0.8  # of the contrast; from there its sign says what is ink and what paper; on a mere page 0.95
MAX_DARK_SHARE = 0.45  # of a picture; where more is dark there is no paper at all: grass, noise
MIN_PAPER_BRIGHTNESS = 48  # of 255; a darker "paper" (a table, the night) is noise, and dividing by it would amplify it
NOISE_CLEARANCE_DEVIATIONS = 6.0  # of the paper's noise, by which 3×3 pixels of it do not vary
STATISTICS_SAMPLE_PIXELS = 50_000
STROKE_EDGE_SHARE = 0.6  # of the edge level, down to which a stroke is followed: pressure varies within a digit
GAP_EDGE_SHARE = 0.35  # the same, of a gap in one
PALE_EDGE_SHARE = 0.75  # of the edge level: paler lines and small writing are told from ink by their level alone
MAX_SMOOTHINGS = 2  # times over 5 × 5 pixels: more takes thin strokes
MIN_SMOOTHED_HEIGHT_PX = 18  # lower characters have strokes of a pixel or two, and lose them
MIN_GRAIN_PX = 40  # of a picture, per piece of ink and hole in it: with more of them it is dithered, screened, or noise
MAX_GRAINS = 50_000  # of a picture of any size: many times the pieces that are looked at

# Neighbours that come before a pixel in reading order: of pieces all that touch it, of holes those at its sides.
_BEFORE_PIECE = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0]], np.uint8)
_BEFORE_HOLE = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], np.uint8)


@dataclass(frozen=True)
class Page:
    """A picture as ink on paper.

    ink: uint8 (H, W), 0 = paper, larger = more ink, in 1/PAPER_LEVEL of the paper's own brightness.
    edge: level of `ink` at the edge of a stroke, half of the ink's contrast, 1..255.
    clear: level of `ink` that the paper's noise does not reach.
    plain: whether all that is dark in the picture, or all that is light, is writing; not where there is a table or a hard shadow.
    """

    ink: Image
    edge: int
    clear: float
    plain: bool = True


def flatten(grey: Any) -> Page | None:
    """The ink of a grey picture uint8 (H, W), whether it is dark on light or light on dark.

    None when nothing stands clear of the paper's noise.
    """
    small = smaller(grey)
    light = _light_on_dark(small)
    inverted = light > 0
    reflectance, level, noise = _reflectance(grey, small, inverted)
    if abs(light) < PLAIN_POLARITY_SHARE:
        other = _reflectance(grey, small, not inverted)
        # Else neither is much of a page, or it is an empty one.
        if other[2] < min(noise / 2, MIN_INK_LEVEL) and _is_page(_page(*other)):
            inverted, (reflectance, level, noise) = not inverted, other
    page = _page(reflectance, level, noise, reflectance)  # in place: a picture of its own costs the cache
    if page.clear > STROKE_EDGE_SHARE * page.edge:
        page = _smoothed(_reflectance(grey, small, inverted)[0], page)
    return replace(page, plain=abs(light) >= PLAIN_POLARITY_SHARE) if page.edge else None


def _is_page(page: Page) -> bool:
    """Whether it has ink, and paper around it."""
    return page.edge > 0 and cv2.countNonZero(ink_mask(page)) <= MAX_DARK_SHARE * page.ink.size


def _smoothed(reflectance: Any, page: Page) -> Page:
    """`page` with so much averaged that its ink, not its noise, decides what is a stroke: noise breaks thin ones.

    Averaged over a few pixels, noise falls faster than strokes do; where it does not, there is no more to win, and in
    characters of a few pixels much to lose.
    """
    noisy = page
    for _ in range(MAX_SMOOTHINGS):
        reflectance = averaged(reflectance)
        smoother = _page(reflectance, *_paper_level(reflectance))
        if page.edge and smoother.edge * page.clear <= page.edge * smoother.clear:
            break
        page = smoother
        if page.clear <= STROKE_EDGE_SHARE * page.edge:
            break
    return noisy if page.edge and page is not noisy and _height(page) < MIN_SMOOTHED_HEIGHT_PX else page


def averaged(picture: Any) -> Any:
    """A picture uint8 (H, W) with each pixel averaged over the few around it: noise becomes less, and dots become a tone."""
    return cv2.GaussianBlur(picture, (5, 5), 1)


def _height(page: Page) -> int:
    """How high the connected pieces are that hold half of the ink, pixels."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(ink_mask(page))
    pieces = statistics[1:]
    if not len(pieces):
        return 0
    order = np.argsort(pieces[:, cv2.CC_STAT_HEIGHT])
    inked = np.cumsum(pieces[order, cv2.CC_STAT_AREA])
    return int(pieces[order[np.searchsorted(inked, inked[-1] / 2)], cv2.CC_STAT_HEIGHT])


def _page(reflectance: Any, level: int, noise: float, into: Any | None = None) -> Page:
    """The ink of a picture without its light, in a picture of its own or in `into`. `edge` is 0 when nothing stands clear of
    the noise."""
    ink: Any = cv2.subtract(scalar(level), reflectance, into)  # stops at 0
    clear = max(NOISE_CLEARANCE_DEVIATIONS * noise, MIN_INK_LEVEL)
    return Page(ink, edge_level(ink, clear), clear)


def ink_mask(page: Page) -> Any:
    """Where on a page there is ink, uint8 0/255, clear of the noise.

    Down to STROKE_EDGE_SHARE of the edge level, and over a pixel or two down to GAP_EDGE_SHARE of it: pencil leaves the
    valleys of the paper bare.
    """
    strokes, traces = (
        from_level(page.ink, max(share * page.edge, page.clear)) for share in (STROKE_EDGE_SHARE, GAP_EDGE_SHARE)
    )
    bridged = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, square(3), strokes)
    return cv2.bitwise_and(bridged, traces, bridged)  # strokes are in both


def from_level(ink: Any, level: float) -> Any:
    """Where there is so much ink or more, uint8 0/255. (cv2.compare does the same and takes twice as long.)"""
    return cv2.threshold(ink, math.ceil(level) - 1, 255, cv2.THRESH_BINARY)[1]


def is_grainy(mask: Any) -> bool:
    """Whether a mask uint8 0/255 (H, W) has so many pieces, and holes in them, that its pixels are tones and not strokes.

    They are not counted but bounded from above, in a tenth of the time that finding them takes (thousands of holes in one piece
    take OpenCV the square of it): each has a pixel with none of it before, in reading order or in its mirror image. Most pages
    have so few runs of ink that these suffice.
    """
    most: float = min(mask.size / MIN_GRAIN_PX, MAX_GRAINS)
    runs = cv2.countNonZero(cv2.subtract(mask[:, 1:], mask[:, :-1])) + mask.shape[0]
    if 2 * runs <= most:
        return False
    beginnings: int = _beginnings(mask, _BEFORE_PIECE) + _beginnings(cv2.bitwise_not(mask), _BEFORE_HOLE)
    return beginnings > most


def _beginnings(mask: Any, before: NDArray[np.uint8]) -> int:
    """How many pixels of `mask` have none of it among the neighbours `before` them, or, where that is less, mirrored: strokes
    that climb to the right begin at every pixel, those that fall do not."""
    ways = (before, np.ascontiguousarray(before[:, ::-1]))
    return min(cv2.countNonZero(cv2.subtract(mask, cv2.dilate(mask, way))) for way in ways)


def _reflectance(grey: Any, small: Any, inverted: bool) -> tuple[Any, int, float]:
    """A grey picture uint8 (H, W), or its negative, divided by its paper; the level of that paper, and its noise."""
    if inverted:
        grey, small = cv2.bitwise_not(grey), cv2.bitwise_not(small)
    size = (grey.shape[1], grey.shape[0])
    paper: Any = cv2.resize(np.maximum(_paper(small), MIN_PAPER_BRIGHTNESS), size, interpolation=cv2.INTER_LINEAR)
    reflectance: Any = cv2.divide(grey, paper, paper, scale=PAPER_LEVEL)  # in place: one of its own costs the cache
    return reflectance, *_paper_level(reflectance)


def _light_on_dark(small: Image) -> float:
    """How clearly the writing is lighter than what it stands on (1), or darker (−1).

    Ink covers less than half of any neighbourhood, so a wide median is paper, and ink is the far side of it. Where a table
    or a hard shadow is more than half, the page beside it is on the far side too, and the answer lies somewhere between.
    """
    tiny: Any = (
        cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if min(small.shape) > 16 else small
    )
    paper: Any = cv2.medianBlur(tiny, max(3, max(tiny.shape) // 3) | 1)
    away = tiny.astype(np.float32) - paper
    cubes = away * away * away  # what is far away counts, noise on both sides cancels
    return float(cubes.sum()) / max(1.0, float(np.abs(cubes).sum()))


def _paper(small: Image) -> Any:
    """The paper under dark ink: everything dark and narrower than a quarter of the picture closed over."""
    side = paper_window(small)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, square(side))
    return cv2.blur(closed, (side // 2 | 1, side // 2 | 1))


def _paper_level(reflectance: Image) -> tuple[int, float]:
    """Where the paper's pixels lie on the scale of reflectance, and their standard deviation.

    The most frequent level is paper; ink only adds to the dark side, so the noise is measured on the bright side.
    """
    histogram: Any = cv2.calcHist([_sampled(reflectance)], [0], None, [256], [0, 256]).ravel()
    level = int(np.convolve(histogram, np.ones(5), "same")[:255].argmax())
    brighter = np.cumsum(histogram[int(level) :])
    spread = int(np.searchsorted(brighter, 0.683 * brighter[-1]))
    return level, max(0.5, float(spread))


def edge_level(ink: Any, clear: Any) -> int:
    """The level of ink on the edges of strokes: its mean, weighted by the local contrast as far as that exceeds `clear`.

    (The "simple image statistic" of Kittler, Illingworth and Föglein, 1985.) Half of the contrast of any stroke, wide or
    thin; a soft shadow has no edges and no say. 0 when there is no edge.
    """
    weights: Any = cv2.subtract(_sampled_contrast(ink), scalar(clear))  # stops at 0
    total = cv2.sumElems(weights)[0]
    weighted = cv2.sumElems(np.multiply(weights, _sampled(ink), dtype=np.uint16))[0]
    return max(1, round(weighted / total)) if total else 0


def _sampled_contrast(ink: Image) -> Image:
    """By how much ink changes within the 3 × 3 pixels around each pixel of `_sampled`: of the rows between them no more is looked
    at than that takes."""
    step = _sampling_step(ink)
    most, least = ink[::step].copy(), ink[::step].copy()
    for first, others in ((0, ink[1::step]), (1, ink[step - 1 :: step])):
        rows = slice(first, first + len(others))
        near = others[: len(most[rows])]
        cv2.max(most[rows], near, most[rows])
        cv2.min(least[rows], near, least[rows])
    across = np.ones((1, 3), np.uint8)
    contrast: Any = cv2.subtract(cv2.dilate(most, across), cv2.erode(least, across))
    return _columns(contrast, step)


def _sampled(picture: Image) -> Image:
    """A regular sample of the pixels, enough for statistics, so that their cost does not grow with the camera."""
    step = _sampling_step(picture)
    return _columns(picture[::step], step)


def _sampling_step(picture: Image) -> int:
    return max(1, round(math.sqrt(picture.size / STATISTICS_SAMPLE_PIXELS)))


def _columns(rows: Image, step: int) -> Image:
    """Every column whose place `step` divides."""
    if step in {2, 4, 8} and rows.shape[1] % step == 0:
        return rows.view(f"<u{step}").astype(np.uint8)  # the lowest byte of each is the first: a fifth of the time
    return np.ascontiguousarray(rows[:, ::step])
