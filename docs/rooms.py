"""The rooms of the code and who imports whom, as `draw_architecture` draws them. Nothing is executed: grimp reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, TypeVar

import grimp

STAGES, BASE = ("train", "convert", "benchmarks"), "edgeproof"
Names = tuple[str, ...]
Arrow = tuple["Box", "Box"]  # from, to
T = TypeVar("T", str, "Box")


@dataclass(frozen=True)
class Box:
    """A room (a sub-package with its modules), or modules on top of a package that stand on the same rooms (no `room`)."""

    room: str
    modules: Names


@dataclass(frozen=True)
class Panel:
    """A package. rows: from the lowest to the highest; a box imports only lower ones. arrows: imports, without those that
    follow from others. uses: what it imports of the base.
    """

    name: str
    rows: tuple[tuple[Box, ...], ...]
    arrows: frozenset[Arrow]
    uses: Names


def panels() -> list[Panel]:
    """The stages, then the base that they import. Raises CycleError when rooms import each other in a circle."""
    graph = grimp.build_graph(BASE, *STAGES, exclude_type_checking_imports=True, cache_dir=None)
    return [_panel(graph, name) for name in (*STAGES, BASE)]


def _panel(graph: grimp.ImportGraph, name: str) -> Panel:
    parts = {child: graph.find_descendants(child) | {child} for child in graph.find_children(name)}
    parts = {child: modules for child, modules in parts.items() if child != f"{name}.__main__"}
    imports = {
        a: {b for b in parts if b != a and any(_imports(graph, module, parts[b]) for module in parts[a])} for a in parts
    }
    order = list(TopologicalSorter(imports).static_order())
    below = _reached(imports, order)
    box_of = _boxes(graph, order, below)
    arrows = {(box_of[a], box_of[b]) for a in imports for b in imports[a] if box_of[a] is not box_of[b]}
    direct = {box: {b for a, b in arrows if a == box} for box in box_of.values()}
    sequence = list(TopologicalSorter(direct).static_order())
    far = _reached(direct, sequence)
    arrows = {(a, b) for a, b in arrows if not any(b in far[c] for c in direct[a])}
    used = {_part(module) for part in parts.values() for one in part for module in _of_base(graph, one)} - {BASE}
    uses = sorted(used, key=lambda part: (not graph.find_children(part), part)) if name != BASE else []
    return Panel(name, _rows(direct, sequence), frozenset(arrows), tuple(_title(graph, part) for part in uses))


def _imports(graph: grimp.ImportGraph, module: str, others: set[str]) -> bool:
    return not graph.find_modules_directly_imported_by(module).isdisjoint(others)


def _of_base(graph: grimp.ImportGraph, module: str) -> Iterable[str]:
    return (other for other in graph.find_modules_directly_imported_by(module) if other.startswith(f"{BASE}."))


def _part(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _title(graph: grimp.ImportGraph, part: str) -> str:
    return part.rsplit(".", maxsplit=1)[-1] + ("/" if graph.find_children(part) else "")


def _reached(imports: Mapping[T, set[T]], order: list[T]) -> dict[T, set[T]]:
    """All that each one imports, through others too. `order`: the imported first."""
    reached: dict[T, set[T]] = {}
    for one in order:
        reached[one] = imports[one].union(*(reached[other] for other in imports[one]))
    return reached


def _boxes(graph: grimp.ImportGraph, order: list[str], below: Mapping[str, set[str]]) -> dict[str, Box]:
    """The box of each part. Modules share one when the same rooms are below them, and rooms above both or neither."""
    rooms = {part for part in order if graph.find_children(part)}
    groups: dict[Any, list[str]] = {}
    for part in order:
        alone = not any(part in below[room] for room in rooms)
        key = part if part in rooms else (frozenset(below[part] & rooms), alone)
        groups.setdefault(key, []).append(part)
    box_of: dict[str, Box] = {}
    for group in groups.values():
        is_room = group[0] in rooms
        inside = graph.find_children(group[0]) if is_room else group
        box = Box(_title(graph, group[0]) if is_room else "", tuple(sorted(_title(graph, one) for one in inside)))
        box_of |= dict.fromkeys(group, box)
    return box_of


def _rows(direct: Mapping[Box, set[Box]], sequence: list[Box]) -> tuple[tuple[Box, ...], ...]:
    """Each box one row above the highest that it imports."""
    row: dict[Box, int] = {}
    for box in sequence:
        row[box] = 1 + max((row[other] for other in direct[box]), default=-1)
    return tuple(
        tuple(sorted((box for box in row if row[box] == i), key=lambda box: box.modules))
        for i in range(max(row.values()) + 1)
    )


def said(panels: Iterable[Panel]) -> str:
    """The panels in words: a line per box, with what it holds and what it points at."""
    lines = []
    for one in panels:
        lines.append(f"{one.name} imports {' '.join(one.uses) or 'nothing of the others'}")
        for row in reversed(one.rows):
            for box in sorted(row, key=lambda box: box.modules):
                ends = sorted(_name(b) for a, b in one.arrows if a == box)
                lines.append(f"  {_name(box)}: {' '.join(box.modules)} -> {', '.join(ends) or 'nothing'}")
    return "\n".join(lines)


def _name(box: Box) -> str:
    return box.room or "+".join(box.modules)
