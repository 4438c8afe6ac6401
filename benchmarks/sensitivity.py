"""What each number of the page reader is worth: how pages are read with it 30 % smaller and 30 % larger.

    python -m benchmarks sensitivity --run runs/digits [--pictures DIR ...] [--write docs/sensitivity.md]

A constant is a number that a module of `edgeproof.page` gives an upper-case name, alone or in a tuple. It is changed in its
module's source before that is compiled, so that whatever imports it or is computed from it follows.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec, spec_from_file_location
from multiprocessing import get_context
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import published, run_folder, scoring
from benchmarks.peers import pictures as labelled
from benchmarks.scenes import conditions, layout
from benchmarks.scenes.conditions import BASE, CHANGES, Digits
from benchmarks.scenes.scene import Scene
from benchmarks.scoring import Labelled, Tally
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.sources.picture import decode
from edgeproof.support import files

PACKAGE = "edgeproof.page"
SHARE = 0.3  # of a constant, by which it is changed
SCENES, PHOTOGRAPHS, EMPTY = KINDS = ("drawn scenes", "photographs", "pictures without digits")
HEADS = ("F1 drawn", "F1 photographs", "false digits", "changed")
DECIMALS = dict(zip(KINDS, (4, 4, 2), strict=True))
BEGIN, END = "<!-- sensitivity -->", "<!-- /sensitivity -->"


# ---- constants ------------------------------------------------------------------------------------------------------


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
        for folder in package.submodule_search_locations
        for file in sorted(Path(folder).glob("*.py"))
        for constant in constants_in(file.stem, file.read_text(encoding="utf-8"))
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


# ---- the page reader with a constant changed ------------------------------------------------------------------------


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


# ---- pictures, and what is read on them -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """kind: SCENES, PHOTOGRAPHS or EMPTY. frame: uint8 BGR (H, W, 3). digits: what is written, and where."""

    kind: str
    frame: NDArray[np.uint8]
    digits: tuple[Labelled, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """Per kind of picture, the counts, and how many readings differ from those of the reader as it is."""

    tallies: dict[str, Tally]
    changed: dict[str, int]


def draw(digits: Digits, count: int, seed: int) -> list[Picture]:
    """`count` scenes of each condition of the robustness table, the kinds of writing in turn; one of each that is large."""
    bases = conditions.bases(digits, 2 * len(layout.WITH_DIGITS), seed)
    scenes: list[Scene] = []
    for place, condition in enumerate((BASE, *CHANGES)):
        scenes += [condition.make(bases[(place * count + i) % len(bases)])[0] for i in range(count)]
    for height in conditions.SIZES:
        scenes += conditions.sized(digits, height, 1 if height >= 100 else count, seed)
    scenes += conditions.small_and_large(digits, 1, seed)
    empty = [scene for style in layout.WITHOUT_DIGITS for scene in conditions.empty(style, digits, 2 * count, seed)]
    return [
        Picture(SCENES if scene.digits else EMPTY, scene.picture, tuple((int(one.text), one.box) for one in scene.digits))
        for scene in (*scenes, *empty)
    ]  # fmt: skip


def load(folder: Path) -> Iterator[Picture]:
    """The photographs of a folder with a labels.jsonl. Raises what `benchmarks.peers.pictures.load` raises."""
    for picture in labelled.load(folder, empty=True):
        frame = decode(picture.path.read_bytes(), str(picture.path))
        yield Picture(PHOTOGRAPHS if picture.digits else EMPTY, frame, picture.digits)


@dataclass(frozen=True)
class Answer:
    """What is compared of a reading. digits: label, box, score. numbers: text, box. refused: candidates."""

    digits: tuple[tuple[int, Any, float], ...]
    numbers: tuple[tuple[str, Any], ...]
    refused: int


class Bench:
    """An opened model, the pictures, and what the page reader as it is answers to them. Use as a context manager."""

    def __init__(self, bundle: Path | None, pictures: Sequence[Picture]) -> None:
        self._pictures = pictures
        self._classifier = open_classifier(load_bundle(bundle))
        self._base = self._answers(None)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._classifier.close()

    def outcome(self, change: Change | None) -> Outcome:
        tallies, differ = dict.fromkeys(KINDS, Tally()), dict.fromkeys(KINDS, 0)
        for picture, answer, base in zip(self._pictures, self._answers(change), self._base, strict=True):
            found = [(label, box) for label, box, _ in answer.digits]
            tallies[picture.kind] += scoring.tally(picture.digits, found)
            differ[picture.kind] += answer != base
        return Outcome(tallies, differ)

    def _answers(self, change: Change | None) -> list[Answer]:
        with page_reader(change) as module:
            reader = module.Reader(self._classifier)
            readings = (reader.read(picture.frame) for picture in self._pictures)
            return [
                Answer(
                    tuple((digit.label, digit.box, digit.score) for digit in reading.digits),
                    tuple((number.text, number.box) for number in reading.numbers),
                    reading.rejected,
                )
                for reading in readings
            ]


# ---- the verb -------------------------------------------------------------------------------------------------------


def run(args: argparse.Namespace) -> int:
    """Change, read, count; print the table. Raises what `run_folder.load_test_images` and `load` raise."""
    images, labels, _ = run_folder.load_test_images(args.run)
    pictures = draw((images, labels), args.scenes, args.seed)
    for folder in args.pictures or map(Path, filter(None, [os.environ.get("EDGEPROOF_PHOTOS")])):
        pictures += load(folder)
    found = constants()
    changes = [Change(one, changed(one.value, share)) for one in found for share in (-SHARE, SHARE)]
    base, *outcomes = measure(args.bundle, pictures, [None, *changes])
    text = markdown(base, list(zip(changes, outcomes, strict=True)))
    print(text)
    if args.write:
        before = args.write.read_text(encoding="utf-8") if args.write.is_file() else ""
        files.write_atomic(args.write, files.replace_between(before, BEGIN, END, text, str(args.write)).encode())
        print(args.write)
    return 0


def measure(bundle: Path | None, pictures: Sequence[Picture], changes: Sequence[Change | None]) -> list[Outcome]:
    """The outcome of each change, None being the reader as it is; on as many processes as there are cores."""
    outcomes = []
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _open, (bundle, pictures)) as pool:
        for place, outcome in enumerate(pool.map(_outcome, changes), start=1):
            change = changes[place - 1]
            what = f"{change.constant} = {_text(change.value)}" if change else "as it is"
            print(f"{place} of {len(changes)}: {what}", file=sys.stderr)
            outcomes.append(outcome)
    return outcomes


_bench: Bench  # of a process that measures


def _open(bundle: Path | None, pictures: Sequence[Picture]) -> None:
    global _bench  # noqa: PLW0603 (how a process of a pool keeps what it opened)
    cv2.setNumThreads(1)
    _bench = Bench(bundle, pictures)


def _outcome(change: Change | None) -> Outcome:
    return _bench.outcome(change)


# ---- the table ------------------------------------------------------------------------------------------------------


def markdown(base: Outcome, rows: Sequence[tuple[Change, Outcome]]) -> str:
    """One line per constant, from the outcomes of its smaller and its larger value, one after the other."""
    sides = (f"−{SHARE:.0%}", f"+{SHARE:.0%}")
    head = ["constant", "value", *(f"{what} {side}" for what in HEADS for side in sides)]
    lines = [published.line(head), published.line(["---", *["---:"] * (len(head) - 1)])]
    lines.append(published.line(["as it is", "", *(cell for text in _figures(base) for cell in (text, text)), "", ""]))
    still = 0
    for (change, less), (_, more) in zip(rows[::2], rows[1::2], strict=True):
        cells = [cell for kind in KINDS for cell in (_cell(kind, base, less), _cell(kind, base, more))]
        moved = [sum(outcome.changed.values()) for outcome in (less, more)]
        still += not any(moved)
        lines.append(published.line([f"`{change.constant}`", _text(change.constant.value), *cells, *map(str, moved)]))
    counts = ", ".join(f"{base.tallies[kind].pictures} {kind}" for kind in KINDS)
    lines += [
        "",
        f"{len(rows) // 2} constants, of which {still} change no reading. Pictures: {counts}. F1: right digit and IoU ≥ "
        f"{scoring.OVERLAP}, in brackets the difference to the reader as it is. Empty where no reading changed. False digits: "
        "per picture. Changed: readings in which a digit, a box, a score, a number or the count of what was refused is another.",
    ]
    return "\n".join(lines)


def _figures(outcome: Outcome) -> list[str]:
    return [f"{_figure(kind, outcome):.{DECIMALS[kind]}f}" if outcome.tallies[kind].pictures else "" for kind in KINDS]


def _cell(kind: str, base: Outcome, outcome: Outcome) -> str:
    if not outcome.changed[kind]:
        return ""
    decimals = DECIMALS[kind]
    figure, before = _figure(kind, outcome), _figure(kind, base)
    return f"{figure:.{decimals}f} ({f'{figure - before:+.{decimals}f}'.replace('-', '−')})"


def _figure(kind: str, outcome: Outcome) -> float:
    tally = outcome.tallies[kind]
    return tally.false_per_picture if kind == EMPTY else tally.f1


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3g}"
