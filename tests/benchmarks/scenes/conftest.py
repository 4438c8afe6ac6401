"""Drawn pages that several tests look at."""

from __future__ import annotations

import pytest

from benchmarks.scenes import conditions, layout
from benchmarks.scenes.conditions import Base
from benchmarks.scenes.writer import Digits

SMALL = (480, 360)


@pytest.fixture(scope="session")
def small(digits: Digits) -> list[Base]:
    """One small page of each kind of writing with digits."""
    return [
        conditions.make_base(style, digits, seed, SMALL, 40) for seed, style in enumerate(layout.WITH_DIGITS, start=3)
    ]
