"""Sheets seen whole."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.scenes.kinds.catalogue import KINDS
from benchmarks.scenes.scene import Scene
from benchmarks.scenes.writer import Digits

NAMED = {kind.name: kind for kind in KINDS}
WHOLE = ("score card on a wooden table", "notebook on dark cloth", "sheet held up in a dark room, webcam")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", WHOLE)
def test_a_sheet_covers_a_third_to_two_thirds(digits: Digits, name: str, seed: int) -> None:
    """By its brightness, its writing left out: all that surrounds it is darker."""
    kind = NAMED[name]
    bare = kind.shoot(tuple(replace(page, written=(), printed=()) for page in kind.pages(digits, seed)), seed)
    grey = bare.picture.max(axis=2)
    paper = cv2.medianBlur(np.asarray(grey > 0.7 * np.quantile(grey, 0.9), np.uint8), 9)
    assert 0.28 < paper.mean() < 0.66
    ring = np.concatenate([paper[0], paper[-1], paper[:, 0], paper[:, -1]])
    assert ring.mean() < 0.12, "hardly any of it reaches the picture's edge"


def test_several_sheets_number_their_lines_and_numbers_on(digits: Digits) -> None:
    scene: Scene = NAMED["four notes in one picture"].draw(digits, 2)
    assert len(scene.numbers) == 8
    assert len({mark.line for mark in scene.marks}) == 8
    height, width = scene.picture.shape[:2]
    quarters = {(mark.box[0] > width / 2, mark.box[1] > height / 2) for mark in scene.digits}
    assert len(quarters) == 4


def test_a_dark_room_is_dark_and_noisy(digits: Digits) -> None:
    scene = NAMED[WHOLE[2]].draw(digits, 1)
    assert scene.picture.shape == (480, 640, 3)
    corner = scene.picture[:60, :60].astype(float)
    assert corner.mean() < 90
    assert np.abs(np.diff(corner, axis=1)).mean() > 1.5
