"""What lens, sensor and compression take away."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes.conditions import Base
from benchmarks.scenes.photograph import lens
from benchmarks.scenes.photograph.light import Disturbance


@pytest.mark.parametrize(("disturb", "full"), [(lens.defocus, 3.0), (lens.shaken, 8.0), (lens.noisy, 16.0)])
def test_no_strength_is_no_change_and_more_is_more(check_strength, disturb: Disturbance, full: float) -> None:
    check_strength(disturb, full)


def test_lower_quality_is_further_away(small: list[Base]) -> None:
    picture, rng = small[0].scene.picture, np.random.default_rng(0)
    change = [np.abs(lens.compressed(picture, loss, rng).astype(int) - picture).mean() for loss in (5, 60, 85)]
    assert 0 < change[0] < change[1] < change[2]
