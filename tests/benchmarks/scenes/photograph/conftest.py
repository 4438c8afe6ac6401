"""What every disturbance keeps to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.scenes.conditions import Base
from benchmarks.scenes.photograph.light import Disturbance

CheckStrength = Callable[[Disturbance, float], None]


@pytest.fixture(scope="session")
def check_strength(small: list[Base]) -> CheckStrength:
    """`check_strength(disturb, full)`: no strength is no change, and more is more up to `full`.

    ± 2 levels at strength 0, of going to light and back in whole levels.
    """
    picture = small[0].scene.picture

    def check(disturb: Disturbance, full: float) -> None:
        change = []
        for strength in (0.0, 0.5 * full, full):
            after = disturb(picture, strength, np.random.default_rng(4))
            assert after.shape == picture.shape
            assert after.dtype == np.uint8
            change.append(float(np.abs(after.astype(np.int16) - picture).mean()))
        assert change[0] <= 2
        assert change[0] + 0.3 < change[1] < change[2]

    return check
