"""Light that falls otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scenes.conditions import Base
from benchmarks.scenes.photograph import light

LIGHTS = (light.gradient, light.soft_shadow, light.hard_shadow, light.wide_shadow, light.vignette, light.glare,
          light.colour_cast, light.darker, light.brighter)  # fmt: skip


@pytest.mark.parametrize("disturb", LIGHTS, ids=lambda one: one.__name__)
def test_no_strength_is_no_change_and_more_is_more(check_strength, disturb: light.Disturbance) -> None:
    check_strength(disturb, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_shadow_covers_more_than_half(small: list[Base], seed: int) -> None:
    """Two thirds, ± the place that its edge happens to have."""
    picture = small[0].scene.picture
    dark = light.wide_shadow(picture, 1, np.random.default_rng(seed)).mean(axis=2) < 0.75 * picture.mean(axis=2)
    assert 0.5 < dark.mean() < 0.85


def test_light_is_taken_as_stated(small: list[Base]) -> None:
    """An eighth of the light is 8 ** (−1 / 2.2) = 0.389 of a pixel's value."""
    picture = small[0].scene.picture
    dark = light.darker(picture, 1, np.random.default_rng(0))
    assert abs(float(dark.mean()) / float(picture.mean()) - 0.389) < 0.01
    assert (
        light.inverted(light.inverted(picture, 1, np.random.default_rng(0)), 1, np.random.default_rng(0)) == picture
    ).all()
