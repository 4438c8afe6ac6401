"""Sheets of paper on something darker, and what is beyond their edges."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import sheets as module
from edgeproof.page.ink.sheets import without_surroundings

Picture = NDArray[np.uint8]
SHEET = ((60, 50), (270, 60), (255, 190), (50, 180))


def surroundings(kind: str) -> Picture:
    """Wood, a dark room with things in it, or cloth; uint8 BGR (240, 320, 3)."""
    random = np.random.default_rng(2)
    if kind == "wood":
        grain = cv2.GaussianBlur(random.normal(0, 1, (240, 320)), (0, 0), sigmaX=12, sigmaY=1)
        picture = np.array([50, 80, 120]) + 10 * (grain / grain.std())[..., None]
    elif kind == "room":
        picture = np.full((240, 320, 3), 18.0)
        cv2.rectangle(picture, (10, 5), (60, 40), (40, 45, 60), -1)
        cv2.circle(picture, (290, 60), 25, (30, 50, 70), -1)
    else:
        picture = np.full((240, 320, 3), (90.0, 60.0, 60.0))
    return np.clip(picture + random.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def held_up(picture: Picture, corners=SHEET, level: int = 210, *, write: bool = True) -> Picture:
    """A sheet with writing on it."""
    picture = picture.copy()
    cv2.fillPoly(picture, [np.array(corners, np.int32)], (level, level, level))
    x, y = np.mean(corners, axis=0).astype(int).tolist()
    if write:
        for at in range(x - 60, x + 60, 24):
            cv2.line(picture, (at, y - 15), (at + 4, y + 15), (30, 20, 20), 3)
    return picture


def inside(corners=SHEET, shrunk: int = 0) -> NDArray[np.bool_]:
    mask = np.zeros((240, 320), np.uint8)
    cv2.fillPoly(mask, [np.array(corners, np.int32)], 255)
    return cv2.erode(mask, np.ones((2 * shrunk + 1, 2 * shrunk + 1))) > 0


@pytest.mark.parametrize("kind", ["wood", "room", "cloth"])
def test_only_the_sheet_is_left(kind):
    picture = held_up(surroundings(kind))
    bare = without_surroundings(picture)
    assert bare is not None
    assert np.array_equal(bare[inside(shrunk=9)], picture[inside(shrunk=9)])  # all that is written is as it was
    assert bare[~inside()].min() > 190  # paper everywhere beyond the edge


def test_a_grey_picture_has_sheets_too():
    picture = cv2.cvtColor(held_up(surroundings("room")), cv2.COLOR_BGR2GRAY)
    bare = without_surroundings(picture)
    assert bare is not None
    assert bare.shape == picture.shape
    assert bare[~inside()].min() > 190


def test_each_of_several_sheets_is_left():
    left, right = ((20, 40), (140, 50), (135, 200), (15, 190)), ((180, 40), (300, 30), (305, 190), (185, 200))
    picture = held_up(held_up(surroundings("wood"), left, 220), right, 180)
    bare = without_surroundings(picture)
    assert bare is not None
    for corners, level in ((left, 220), (right, 180)):
        assert np.array_equal(bare[inside(corners, 9)], picture[inside(corners, 9)])
        x, y = min(corners)
        assert abs(int(bare[y, x - 8, 0]) - level) < 12


def test_a_sheet_that_the_picture_cuts_is_left():
    picture = held_up(surroundings("room"), ((0, 0), (220, 0), (215, 239), (0, 239)))
    bare = without_surroundings(picture)
    assert bare is not None
    assert bare[:, 230:].min() > 190


@pytest.mark.parametrize("light", ["even", "one side", "corners", "soft shadow"])
def test_a_page_that_fills_the_picture_has_no_surroundings(light):
    y, x = np.mgrid[:240, :320] / np.array([240, 320])[:, None, None]
    lights = {
        "even": np.ones_like(x),
        "one side": 1 - 0.8 * x,
        "corners": 1 - 0.9 * ((x - 0.5) ** 2 + (y - 0.5) ** 2),
        "soft shadow": 1 - 0.6 / (1 + np.exp((x - 0.6) / 0.06)),
    }
    page = held_up(np.full((240, 320, 3), 210, np.uint8)) * lights[light][..., None]
    assert without_surroundings(page.astype(np.uint8)) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3), (7, 9), (2000, 6)])
def test_any_shape_goes_through(shape):
    bare = without_surroundings(np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8))
    assert bare is None or bare.shape == shape


# --- constants ---


def is_found(picture: Picture) -> bool:
    return without_surroundings(picture) is not None


def centred(width: int, height: int) -> tuple[tuple[int, int], ...]:
    x, y = 160 - width // 2, 120 - height // 2
    return (x, y), (x + width - 1, y), (x + width - 1, y + height - 1), (x, y + height - 1)


def a_sheet_is_a_fair_part_of_the_picture() -> None:
    assert is_found(held_up(surroundings("room"), centred(76, 61), write=False))
    assert not is_found(held_up(surroundings("room"), centred(67, 54), write=False))


def what_is_narrow_on_a_sheet_is_writing() -> None:
    """A dark band across a sheet: narrow, it is on it; broad, it lies between two."""
    for broad, kept in ((22, True), (32, False)):
        picture = held_up(surroundings("room"), centred(260, 200), write=False)
        picture[:, 160 - broad // 2 : 160 + broad // 2] = 20
        assert (without_surroundings(picture)[120, 160].max() < 60) == kept


def surroundings_are_darker_than_the_sheet() -> None:
    for level, found in ((166, True), (174, False)):
        assert is_found(held_up(np.full((240, 320, 3), level, np.uint8), centred(180, 140), 200, write=False)) == found


def a_sheet_has_no_large_dents() -> None:
    for dent, found in ((50, True), (85, False)):
        picture = held_up(surroundings("cloth"), centred(180, 140), write=False)
        picture[50 : 50 + 140, 250 - dent : 251] = np.where(
            np.abs(np.arange(50, 190) - 120)[:, None, None] < 45, (90, 60, 60), picture[50:190, 250 - dent : 251]
        )
        assert is_found(picture) == found


PROBES: dict[str, Callable[[], None]] = {
    "MIN_SHEET_SHARE": a_sheet_is_a_fair_part_of_the_picture,
    "WRITING_SHARE": what_is_narrow_on_a_sheet_is_writing,
    "MIN_CONTRAST": surroundings_are_darker_than_the_sheet,
    "MIN_CLEARNESS": a_sheet_has_no_large_dents,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)
