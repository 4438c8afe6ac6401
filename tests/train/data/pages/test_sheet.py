"""Surfaces: ink has an owner, what is on top hides what is below, and every kind of surface and ground can be made."""

from __future__ import annotations

import numpy as np
import pytest

from train.data.pages.hand.pen import Pen
from train.data.pages.sheet.ground import GROUNDS
from train.data.pages.sheet.noise import clouds, grain
from train.data.pages.sheet.paper import MAKERS
from train.data.pages.sheet.sheet import Sheet


def empty() -> Sheet:
    return Sheet(np.full((40, 60, 3), 200, np.uint8), (200.0, 200.0, 200.0), np.random.default_rng(0))


def test_ink_covers_and_is_owned() -> None:
    sheet = empty()
    owner = sheet.add("digit", "7")
    sheet.put(np.full((10, 10), 255, np.uint8), (20, 5), Pen((10.0, 20.0, 30.0), 0.1), owner)
    assert np.array_equal(np.unique(sheet.canvas[5:15, 20:30].reshape(-1, 3), axis=0), [[10, 20, 30]])
    assert (sheet.owners == owner).sum() == sheet.sizes[0] == 100
    assert (sheet.canvas[sheet.owners == 0] == 200).all()


def test_ink_beyond_the_sheet_is_lost() -> None:
    sheet = empty()
    for corner in ((-5, -5), (55, 35), (-50, 0), (0, 90)):
        sheet.put(np.full((10, 10), 255, np.uint8), corner, Pen((0.0, 0.0, 0.0), 0.1), sheet.add("digit", "1"))
    assert sheet.sizes == [25, 25, 0, 0]


def test_later_ink_owns_what_it_covers() -> None:
    sheet = empty()
    for corner in ((10, 10), (15, 10)):
        sheet.put(np.full((10, 10), 255, np.uint8), corner, Pen((0.0, 0.0, 0.0), 0.1), sheet.add("digit", "1"))
    assert np.bincount(sheet.owners.ravel())[1:].tolist() == [50, 100]
    assert sheet.sizes == [100, 100]


@pytest.mark.parametrize("name", MAKERS)
def test_every_surface(name: str) -> None:
    for seed in range(4):
        sheet = MAKERS[name]((200, 150), 30.0, np.random.default_rng(seed))
        assert sheet.canvas.shape == (150, 200, 3)
        assert np.abs(np.median(sheet.canvas, axis=(0, 1)) - sheet.colour).max() < 40
        assert all(kind in {"line", "texture"} for kind, _ in sheet.things)


@pytest.mark.parametrize("ground", GROUNDS, ids=lambda ground: ground.__name__)
def test_every_ground(ground: object) -> None:
    for seed in range(3):
        picture = ground((90, 140), np.random.default_rng(seed))  # type: ignore[operator]
        assert picture.shape == (90, 140, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 1


def test_noise_is_as_strong_as_it_says() -> None:
    noise = grain((700, 900), np.random.default_rng(0))
    assert abs(noise.mean() - 128) < 2
    assert abs(noise.std() - 37) < 2
    assert np.ptp(clouds((300, 300), 20, np.random.default_rng(0))) > 200
