"""Digits among letters that mean something: algebra; and Greek letters and symbols alone."""

from __future__ import annotations

import re

import numpy as np

from benchmarks.scenes import signs
from benchmarks.scenes.kinds.page import Page, Size
from benchmarks.scenes.layout import PageWriter
from benchmarks.scenes.photograph.camera import Look
from benchmarks.scenes.writer import Writer

SIZE: Size = (800, 600)
#: n: a number of one digit, N: of two. What follows ^ is written small and high.
EQUATIONS = (
    "nx+n=N", "Nx−n=nx", "n(a+b)=N", "x^2+nx−n=n", "y=nx+N", "nab", "(x+n)(x−n)", "ny^2=N", "na−nb=n", "xy=N", "a^2+b^2=N",
    "nx^3−nx", "x=n", "n(y−n)+N", "b=N−na",
)  # fmt: skip


def algebra(writer: Writer) -> Page:
    """Equations by hand: a digit before a letter, exponents, brackets."""
    digit = 44.0
    rng, page = writer.rng, PageWriter(SIZE, digit, writer)
    for row in range(6):
        page.new_line()
        x, baseline = SIZE[0] * rng.uniform(0.08, 0.12), SIZE[1] * 0.08 + digit * (1.3 + 1.95 * row)
        for equation in rng.choice(EQUATIONS, 3):
            if x + digit * 0.8 * len(equation) > SIZE[0] * 0.90:
                break
            x = _write(page, str(equation), x, baseline) + digit * rng.uniform(1.2, 2.0)
    return Page(SIZE, digit, tuple(page.written))


def greek(writer: Writer) -> Page:
    """Greek letters and symbols of mathematics, no digit among them; now and then on squared paper."""
    digit = 44.0
    rng, page = writer.rng, PageWriter(SIZE, digit, writer)
    for row in range(5):
        page.new_line()
        x, baseline = SIZE[0] * rng.uniform(0.08, 0.12), SIZE[1] * 0.08 + digit * (1.4 + 2.2 * row)
        while x < SIZE[0] * 0.85:
            x = page.write(str(rng.choice(list(signs.GREEK))), x, baseline) + digit * rng.uniform(0.2, 0.9)
    return Page(SIZE, digit, tuple(page.written), look=Look("squared" if rng.random() < 0.5 else "plain"))


def _write(page: PageWriter, equation: str, x: float, baseline: float) -> float:
    for part in re.findall(r"\^.|[^^]+", _with_numbers(equation, page.rng)):
        up, size = (0.55 * page.digit, 0.6) if part[0] == "^" else (0.0, 1.0)
        x = page.write(part.lstrip("^"), x, baseline - up, size=size)
    return x


def _with_numbers(equation: str, rng: np.random.Generator) -> str:
    chosen = {"n": lambda: str(rng.integers(2, 10)), "N": lambda: str(rng.integers(10, 100))}
    return "".join(chosen[one]() if one in chosen else one for one in equation)
