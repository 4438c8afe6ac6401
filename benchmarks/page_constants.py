"""The constants of the page reader: which there are, and the reader with one of them changed.

A constant is a number that a module of `edgeproof.page` gives an upper-case name, alone or in a tuple. It is changed in its
module's source before that is compiled, so that whatever imports it or is computed from it follows.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

PACKAGE = "edgeproof.page"


@dataclass(frozen=True)
class Constant:
    """A number with a name. place: of it in its tuple, −1 when it stands alone. value: without its sign.

    line, column: where the number stands in the module's source, as `ast` counts.
    """

    module: str
    name: str
    place: int
    value: float
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.module}.{self.name}" + (f"[{self.place}]" if self.place >= 0 else "")


@dataclass(frozen=True)
class Change:
    """`constant` with another value."""

    constant: Constant
    value: float


def constants() -> list[Constant]:
    """All of the page reader, by module and line."""
    package = find_spec(PACKAGE)
    assert package is not None and package.submodule_search_locations
    return [
        constant
        for folder in map(Path, package.submodule_search_locations)
        for file in sorted(folder.rglob("*.py"))
        for constant in constants_in(
            ".".join(file.relative_to(folder).with_suffix("").parts), file.read_text(encoding="utf-8")
        )
    ]


def constants_in(module: str, source: str) -> Iterator[Constant]:
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                yield from _named(module, target, statement.value)
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield from _named(module, statement.target, statement.value)


def _named(module: str, target: ast.expr, value: ast.expr) -> Iterator[Constant]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, part in zip(target.elts, value.elts, strict=True):
            yield from _named(module, one, part)
    if not isinstance(target, ast.Name) or not target.id.isupper():
        return
    several = isinstance(value, ast.Tuple)
    numbers = [_number(part) for part in (value.elts if isinstance(value, ast.Tuple) else [value])]
    for place, number in enumerate(numbers):
        if None not in numbers and number is not None:
            known: Any = number.value
            yield Constant(module, target.id, place if several else -1, known, number.lineno, number.col_offset)


def _number(value: ast.expr) -> ast.Constant | None:
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        value = value.operand
    return value if isinstance(value, ast.Constant) and type(value.value) in (int, float) else None


def changed(value: float, share: float) -> float:
    """`value` with so much of itself added, or taken when `share` is negative; a whole number stays one and moves by 1 at
    least."""
    if isinstance(value, int):
        step = max(1, round(abs(share) * value))
        return value + step if share > 0 else value - step
    return value * (1 + share)


@contextmanager
def page_reader(change: Change | None) -> Iterator[ModuleType]:
    """The module `reader` of a page reader of its own, compiled with `change`; the one that was imported before is left
    alone, and is back afterwards."""
    parent = importlib.import_module(PACKAGE.rpartition(".")[0])
    attribute = PACKAGE.rpartition(".")[2]
    importlib.import_module(PACKAGE)
    before, held = _take_modules(), getattr(parent, attribute)
    finder = _Finder(change)
    sys.meta_path.insert(0, finder)
    try:
        yield importlib.import_module(f"{PACKAGE}.reader")
    finally:
        sys.meta_path.remove(finder)
        _take_modules()
        sys.modules.update(before)
        setattr(parent, attribute, held)


def _take_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}


class _Finder(MetaPathFinder):
    """Finds the one module that a change is about."""

    def __init__(self, change: Change | None) -> None:
        self._change = change

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if self._change is None or fullname != f"{PACKAGE}.{self._change.constant.module}":
            return None
        found = PathFinder.find_spec(fullname, path, target)
        assert found is not None and found.origin
        return spec_from_file_location(
            fullname, found.origin, loader=_Loader(fullname, found.origin, change=self._change)
        )


class _Loader(SourceFileLoader):
    """Compiles a module with a change, beside the cache of compiled modules."""

    def __init__(self, fullname: str, path: str, *, change: Change) -> None:
        super().__init__(fullname, path)
        self._change = change

    def get_code(self, fullname: str) -> CodeType:
        del fullname  # it finds one module only
        return compile(tree_with(self._change, self.get_data(self.path)), self.path, "exec")


def tree_with(change: Change, source: str | bytes) -> ast.Module:
    """The syntax tree of a module's source with the value of one constant changed."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and (node.lineno, node.col_offset) == (
            change.constant.line,
            change.constant.column,
        ):
            node.value = change.value
    return tree
