"""What lies behind a sheet."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.scenes.kinds import backgrounds


@pytest.mark.parametrize(
    ("draw", "brightest"), [(backgrounds.cloth, 0.1), (backgrounds.dark_room, 0.15), (backgrounds.desk, 0.5)]
)
def test_backgrounds_are_darker_than_paper(draw, brightest: float) -> None:
    """Shares of light; 99 of 100 pixels."""
    picture = draw((120, 160), np.random.default_rng(1))
    assert picture.shape == (120, 160, 3)
    assert picture.dtype == np.float32
    assert np.quantile(picture, 0.99) < brightest
    assert picture.min() >= 0


def test_pores_of_wood_are_dark_strokes_along_it() -> None:
    """Longer than high by far, on a small share of the picture."""
    picture = backgrounds.oak((400, 600), np.random.default_rng(1)).mean(axis=2)
    dark = np.asarray(picture < 0.6 * np.median(picture), np.uint8)
    assert 0.01 < dark.mean() < 0.3
    _, _, stats, _ = cv2.connectedComponentsWithStats(dark)
    assert np.median(stats[1:, cv2.CC_STAT_WIDTH]) > 2 * np.median(stats[1:, cv2.CC_STAT_HEIGHT])


def test_the_thumb_lies_on_the_sheet_and_the_fingers_behind_it() -> None:
    """A sheet above row 100: fingers and palm are drawn mostly below it, the thumb reaches a finger's length into it."""
    for thumb, inside in ((True, 40), (False, 70)):
        picture = np.zeros((200, 200, 3), np.float32)
        backgrounds.fingers(picture, (100, 100), (0, 1), 40, thumb=thumb)
        rows = np.flatnonzero(picture.any(axis=(1, 2)))
        assert 100 - rows[0] == pytest.approx(inside, abs=8)
        assert rows[-1] == 199, "it comes from below the picture"
