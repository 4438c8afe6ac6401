"""Readings made by hand: what a reader would have read of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgeproof.page.numbers import Mark, read_numbers
from edgeproof.page.reading import Digit, Reading

Box = tuple[int, int, int, int]
Page = Callable[..., Reading]


@pytest.fixture(scope="session")
def page() -> Page:
    """`page(rows, at=…, height=…, misread=…, missing=…, marks=…)`: a reading of rows of numbers with blanks between them.

    misread: names by the place of a digit, counted in writing order; missing: such places. A score is 0.98.
    """

    def read(
        rows: Sequence[str],
        *,
        at: tuple[float, float] = (60.0, 60.0),
        height: float = 40.0,
        misread: Mapping[int, str] | None = None,
        missing: Sequence[int] = (),
        marks: Sequence[tuple[Mark, Box]] = (),
    ) -> Reading:
        digits = []
        for r, row in enumerate(rows):
            for c, character in enumerate(row):
                left, top = at[0] + 0.9 * height * c, at[1] + 1.7 * height * r
                box = round(left), round(top), round(0.6 * height), round(height)
                digits += [] if character == " " else [Digit(int(character), character, 0.98, box)]
        for place, name in (misread or {}).items():
            digits[place] = replace(digits[place], label=int(name), name=name)
        kept = [digit for place, digit in enumerate(digits) if place not in missing]
        numbers = read_numbers(
            [digit.name for digit in kept], [digit.score for digit in kept], [digit.box for digit in kept], (), marks
        )
        return Reading(tuple(kept), numbers, 0, 0, np.zeros((len(kept), 28, 28), np.uint8), {})

    return read
