"""Each number of the page reader is held by a test of its own: a probe that fails when the number is off by 30 %.

A test module beside each module of `edgeproof.page` maps the module's constants to probes, functions without arguments that
assert what the constant decides, just inside and just outside. `held` runs a probe with the constant as it is and off by
30 % in either direction; `constants_of` lists what must have one.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import edgeproof.page
from tests.runtime.conftest import Digits

OFF = 0.3  # share of a constant, by which it is changed; a whole number at least by 1


@pytest.fixture(scope="session")
def constants_of() -> Callable[[ModuleType], set[str]]:
    """The names of a module's own numbers; of a tuple of numbers each element has its own, "NAME[0]"."""

    def names(module: ModuleType) -> set[str]:
        found: set[str] = set()
        for node in ast.parse(inspect.getsource(module)).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                for each in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(each, ast.Name) and each.id.isupper() and not each.id.startswith("_"):
                        value = getattr(module, each.id)
                        if _is_number(value):
                            found.add(each.id)
                        elif isinstance(value, tuple) and value and all(map(_is_number, value)):
                            found |= {f"{each.id}[{place}]" for place in range(len(value))}
        return found

    return names


@dataclass(frozen=True)
class Form:
    """A drawn table, or boxes: uint8 BGR, and per digit its label and its box."""

    frame: NDArray[np.uint8]
    digits: tuple[tuple[int, tuple[int, int, int, int]], ...]


@pytest.fixture(scope="session")
def draw_form(digits: Digits) -> Callable[..., Form]:
    """`draw_form(rows of texts, …)`: handwritten digits in the cells of a table, or in boxes that stand alone."""

    def draw(
        rows: Sequence[Sequence[str]],
        *,
        cell: tuple[int, int] = (90, 70),
        height: int = 44,
        apart: int = 0,
        rule: float = 50,
        ink: float = 60,
        thick: int = 3,
        bend: float = 0,
        angle: float = 0,
        down: float = 0.5,
        seed: int = 1,
    ) -> Form:
        """cell: width and height, pixels; height: of a digit. apart: between cells, 0 for a table. rule, ink: levels.

        bend: by how much lines sag, pixels. angle: of the page, degrees. down: where digits stand in their cells, 0..1.
        """
        random = np.random.default_rng(seed)
        page, found = np.full((480, 640), 225, np.float32), []
        for r, row in enumerate(rows):
            for c in range(len(row)):
                left, top = 40 + c * (cell[0] + apart), 40 + r * (cell[1] + apart)
                cv2.rectangle(page, (left, top), (left + cell[0], top + cell[1]), rule, thick)
        for r, row in enumerate(rows):
            for c, text in enumerate(row):
                x, y = 40 + c * (cell[0] + apart) + 8, round(40 + r * (cell[1] + apart) + down * (cell[1] - height))
                for character in text:
                    options = digits[int(character)]
                    part = options[int(random.integers(len(options)))]
                    part = part[(part > 40).any(axis=1)][:, (part > 40).any(axis=0)]
                    part = cv2.resize(
                        part, (round(part.shape[1] * height / len(part)), height), interpolation=cv2.INTER_CUBIC
                    )
                    spot = page[y : y + height, x : x + part.shape[1]]
                    np.minimum(spot, 225 - part / np.float32(255) * (225 - ink), out=spot)
                    found.append((int(character), (x, y, part.shape[1], height)))
                    x += part.shape[1] + 6
        turn = cv2.getRotationMatrix2D((320, 240), angle, 1.0)
        across, along = np.indices(page.shape, np.float32)
        sag = np.float32(bend) * ((along / 320 - 1) ** 2 - np.float32(0.5))
        page = cv2.remap(page, along, across + sag, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        page = cv2.GaussianBlur(cv2.warpAffine(page, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE), (0, 0), 0.7)
        page += random.normal(0, 2, page.shape)
        frame = cv2.cvtColor(np.clip(page, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)
        return Form(frame, tuple(found))

    return draw


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType, str, Callable[[], None]], None]:
    """`held(module, name, probe)`: the probe passes as it is, and fails with the constant 30 % smaller and 30 % larger."""

    def check(module: ModuleType, name: str, probe: Callable[[], None]) -> None:
        probe()
        for off in (-OFF, OFF):
            with monkeypatch.context() as patch:
                _change(patch, module, name, off)
                with pytest.raises(AssertionError):
                    probe()
                    pytest.fail(f"{name} {off:+.0%}: the probe still passes")

    return check


def _change(patch: pytest.MonkeyPatch, module: ModuleType, name: str, off: float) -> None:
    """The constant changed in its module, and wherever else in the package it was imported by its name."""
    plain, _, place = name.rstrip("]").partition("[")
    value = getattr(module, plain)
    if place:
        changed: Any = tuple(_off(each, off) if i == int(place) else each for i, each in enumerate(value))
    else:
        changed = _off(value, off)
    for found in pkgutil.walk_packages(edgeproof.page.__path__, "edgeproof.page."):
        other = importlib.import_module(found.name)
        if getattr(other, plain, None) is value:
            patch.setattr(other, plain, changed)
    patch.setattr(module, plain, changed)


def _off(value: float, off: float) -> float:
    if isinstance(value, int):
        return value + (1 if off > 0 else -1) * max(1, round(abs(off * value)))
    return value * (1 + off)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
