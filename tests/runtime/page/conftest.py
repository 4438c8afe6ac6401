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
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import edgeproof.page

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
