"""Ink that is no darker than its paper, but of another colour."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import colour as module
from edgeproof.page.ink.colour import by_colour
from edgeproof.page.ink.picture import PAPER_LEVEL

Picture = NDArray[np.uint8]
BROWN, PINK = (60, 100, 140), (128, 80, 153)  # BGR, of the same brightness


def page(
    paper: tuple[int, int, int], ink: tuple[int, int, int], *, texture: float = 2.0, width: int = 320
) -> tuple[Picture, NDArray[np.bool_]]:
    """Strokes of `ink` on `paper`, whose brightness varies by `texture` levels, as that of wood does; and where they are."""
    picture = np.full((width * 3 // 4, width, 3), paper, np.float64)
    grain = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, picture.shape[:2]), (0, 0), 2)
    strokes = np.zeros(picture.shape[:2], np.uint8)
    for x in range(width // 8, width - 20, width // 8):
        cv2.line(strokes, (x, width // 8), (x + 8, width // 4), 255, 3)
    picture[strokes > 0] = ink
    return np.clip(picture + texture * (grain / grain.std())[..., None], 0, 255).astype(np.uint8), strokes > 0


@pytest.mark.parametrize("ink", [PINK, (20, 117, 114), (60, 60, 230), (255, 100, 60), (10, 10, 10), (250, 250, 250)])
def test_ink_of_any_colour_is_dark(ink):
    frame, inked = page(BROWN, ink)
    made = by_colour(frame)
    assert made is not None
    # The paper's grain moves it by a few levels; half of the contrast is what an edge level is put at.
    assert np.median(made[inked]) < PAPER_LEVEL - 80
    assert abs(float(np.median(made[~inked])) - PAPER_LEVEL) < 12


def test_texture_of_the_paper_is_paler_than_ink_of_its_brightness():
    frame, inked = page(BROWN, PINK, texture=8)
    made = by_colour(frame)
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(float)

    def clearness(picture):
        return abs(np.median(picture[inked]) - np.median(picture[~inked])) / picture[~inked].std()

    assert clearness(made.astype(float)) > 5 * clearness(grey)


def test_light_from_one_side_is_evened():
    frame, _ = page((200, 200, 200), (120, 60, 40))
    light = np.linspace(1, 0.4, frame.shape[1])[None, :, None]
    made = by_colour((frame * light).astype(np.uint8))
    paper = made[: frame.shape[0] // 10]
    assert np.ptp(paper.mean(axis=0)) < 25


def test_without_colours_there_is_nothing_to_find():
    assert by_colour(np.full((90, 120), 200, np.uint8)) is None
    assert by_colour(np.full((90, 120, 3), 200, np.uint8)) is None  # nothing is written


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3), (7, 9, 3), (6, 2000, 3)])
def test_any_shape_goes_through(shape):
    made = by_colour(np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8))
    assert made is None or made.shape == shape[:2]


# --- constants ---


def the_clearest_ink_is_at_the_foot_of_the_scale() -> None:
    frame, inked = page(BROWN, PINK)
    assert 125 < PAPER_LEVEL - float(np.median(by_colour(frame)[inked])) < 200


def a_glint_is_not_the_clearest_ink() -> None:
    """Four in 4,800 places of the sample leave the scale to the strokes, six take it."""
    for count, clear in ((4, True), (6, False)):
        frame, inked = page(BROWN, (60, 100, 190), width=320)
        for place in range(count):
            frame[:2, 8 * place : 8 * place + 2] = (60, 100, 255)  # where the sample has a pixel
        assert (float(np.median(by_colour(frame)[inked])) < PAPER_LEVEL - 130) == clear


PROBES: dict[str, Callable[[], None]] = {
    "INK_LEVELS": the_clearest_ink_is_at_the_foot_of_the_scale,
    "CLEAREST_SHARE": a_glint_is_not_the_clearest_ink,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)
