"""The camera elsewhere: labels go along, nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes.conditions import Base
from benchmarks.scenes.photograph import moves


@pytest.mark.parametrize(
    ("move", "strength"),
    [(moves.turned, 15), (moves.turned, -15), (moves.tilted, 0.3), (moves.scaled, 0.5), (moves.scaled, 3)],
)
def test_moves_take_the_labels_along(small: list[Base], check_ink, move: moves.Move, strength: float) -> None:
    """A turned outline is looser than its ink by a few pixels where the hull was a polygon's corner; scaled by the move."""
    for base in small:
        scene, matrix = moves.moved(base.scene, move, strength, np.random.default_rng(1))
        slack = round(4 * max(1.0, strength if move is moves.scaled else 1)) + 1
        check_ink(scene.picture, [mark.box for mark in scene.marks], slack)
        assert not np.allclose(matrix, np.eye(3))
        assert [mark.text for mark in scene.marks] == [mark.text for mark in base.scene.marks]


def test_nothing_is_lost_when_the_camera_moves(small: list[Base]) -> None:
    for move, strength in ((moves.turned, 30), (moves.tilted, 0.4)):
        scene, _ = moves.moved(small[0].scene, move, strength, np.random.default_rng(2))
        height, width = scene.picture.shape[:2]
        for mark in scene.marks:
            x, y, w, h = mark.box
            assert 0 <= x <= x + w <= width
            assert 0 <= y <= y + h <= height


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_quarter_turns_are_exact(small: list[Base], turns: int) -> None:
    """Every pixel keeps its value, every box the pixels that it held; four turns are none."""
    scene = small[0].scene
    turned, matrix = moves.quarter_turned(scene, turns)
    assert (turned.picture == np.rot90(scene.picture, -turns)).all()
    for before, after in zip(scene.marks, turned.marks, strict=True):
        (x, y, w, h), (a, b, c, d) = before.box, after.box
        assert (turned.picture[b : b + d, a : a + c] == np.rot90(scene.picture[y : y + h, x : x + w], -turns)).all()
    back, way = moves.quarter_turned(turned, -turns)
    assert (back.picture == scene.picture).all()
    assert np.allclose(way @ matrix, np.eye(3))
