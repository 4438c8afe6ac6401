"""What each number of the page reader is worth: how pages are read with it 30 % smaller and 30 % larger.

    python -m benchmarks sensitivity --run runs/digits [--pictures DIR ...] [--write docs/sensitivity.md]

`page_constants` says what a constant is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import published, scoring, touching
from benchmarks.page_constants import Change, changed, constants, page_reader
from benchmarks.peers import pictures as labelled
from benchmarks.scenes import conditions, layout
from benchmarks.scenes.conditions import BASE, CHANGES
from benchmarks.scenes.kinds import catalogue
from benchmarks.scenes.scene import Scene
from benchmarks.scenes.writer import Digits
from benchmarks.scoring import Labelled, Tally
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.page.reader import Reader, open_reader
from edgeproof.run_folder import read_test
from edgeproof.sources.pictures.picture import decode

SHARE = 0.3  # of a constant, by which it is changed
KINDS = ("drawn scenes", "groups of touching digits", "photographs", "pictures without digits")
SCENES, TOUCHING, PHOTOGRAPHS, EMPTY = KINDS
HEADS = ("F1 drawn", "touching right", "F1 photographs", "false digits", "changed")
SECTION = "sensitivity"


# ---- pictures, and what is read on them -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """kind: one of KINDS. frame: uint8 BGR (H, W, 3). digits: what is written, and where. text: the same of TOUCHING digits, of
    which nobody can say where each ends."""

    kind: str
    frame: NDArray[np.uint8]
    digits: tuple[Labelled, ...] = ()
    text: str = ""

    def tally(self, found: Sequence[Labelled]) -> Tally:
        """The counts of what was read; of TOUCHING digits only whether all is right."""
        if self.kind == TOUCHING:
            read = "".join(str(label) for label, _ in sorted(found, key=lambda digit: digit[1][0]))
            return Tally(pictures=1, perfect=int(read == self.text))
        return scoring.tally(self.digits, found)


@dataclass(frozen=True)
class Outcome:
    """Per kind of picture, the counts, and how many readings differ from those of the reader as it is."""

    tallies: dict[str, Tally]
    changed: dict[str, int]


def draw(digits: Digits, count: int, seed: int) -> list[Picture]:
    """`count` scenes of each row of the robustness table, the kinds of writing in turn; one of each that is large."""
    bases = conditions.bases(digits, 2 * len(layout.WITH_DIGITS), seed)
    scenes: list[Scene] = []
    for place, condition in enumerate((BASE, *CHANGES)):
        scenes += [condition.make(bases[(place * count + i) % len(bases)])[0] for i in range(count)]
    for height in conditions.SIZES:
        scenes += conditions.sized(digits, height, 1 if height >= 100 else count, seed)
    scenes += conditions.small_and_large(digits, 1, seed)
    scenes += [scene for kind in catalogue.KINDS for scene in kind.scenes(digits, count, seed)]
    empty = [scene for style in layout.WITHOUT_DIGITS for scene in conditions.empty(style, digits, 2 * count, seed)]
    return [
        Picture(SCENES if scene.digits else EMPTY, scene.picture, tuple((int(one.text), one.box) for one in scene.digits))
        for scene in (*scenes, *empty)
    ]  # fmt: skip


def draw_touching(reader: Reader, digits: Digits, count: int, seed: int) -> list[Picture]:
    """`count` pairs and as many triples at each overlap, of digits that `reader` reads when they stand alone."""
    kinds = [(size, overlap) for size in (2, 3) for overlap in touching.OVERLAPS]
    groups = (
        touching.groups(reader, digits, size=size, overlap=overlap, count=count, seed=seed) for size, overlap in kinds
    )
    return [Picture(TOUCHING, group.picture, text=group.text) for several in groups for group in several]


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
            tallies[picture.kind] += picture.tally(found)
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
    """Change, read, count; print the table. Raises what `read_test` and `load` raise."""
    test = read_test(args.run)
    digits = test.images[test.labels < 10], test.labels[test.labels < 10]
    pictures = draw(digits, args.scenes, args.seed)
    with open_reader(args.bundle) as reader:
        pictures += draw_touching(reader, digits, 4 * args.scenes, args.seed)
    for folder in args.pictures or labelled.named_folders():
        pictures += load(folder)
    found = constants()
    changes = [Change(one, changed(one.value, share)) for one in found for share in (-SHARE, SHARE)]
    base, *outcomes = measure(args.bundle, pictures, [None, *changes])
    text = markdown(base, list(zip(changes, outcomes, strict=True)))
    print(text)
    if args.write:
        published.replace(args.write, SECTION, text)
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
    sides = (f"−{100 * SHARE:.0f} %", f"+{100 * SHARE:.0f} %")
    head = ["constant", "value", *(f"{what} {side}" for what in HEADS for side in sides)]
    lines = [published.table_row(head), published.table_row(["---", *["---:"] * (len(head) - 1)])]
    lines.append(
        published.table_row(["as it is", "", *(cell for text in _figures(base) for cell in (text, text)), "", ""])
    )
    still = 0
    for (change, less), (_, more) in zip(rows[::2], rows[1::2], strict=True):
        cells = [cell for kind in KINDS for cell in (_cell(kind, base, less), _cell(kind, base, more))]
        moved = [sum(outcome.changed.values()) for outcome in (less, more)]
        still += not any(moved)
        lines.append(
            published.table_row([f"`{change.constant}`", _text(change.constant.value), *cells, *map(str, moved)])
        )
    counts = ", ".join(f"{base.tallies[kind].pictures} {kind}" for kind in KINDS)
    lines += [
        "",
        f"{len(rows) // 2} constants, of which {still} change no reading. Pictures: {counts}. F1: right digit and IoU ≥ "
        f"{scoring.OVERLAP}, in brackets the difference to the reader as it is. Empty where no reading changed. False digits: "
        "per picture. Changed: readings in which a digit, a box, a score, a number or the count of what was refused is another.",
    ]
    return "\n".join(lines)


def _figures(outcome: Outcome) -> list[str]:
    return [_rounded(kind, _figure(kind, outcome)) if outcome.tallies[kind].pictures else "" for kind in KINDS]


def _cell(kind: str, base: Outcome, outcome: Outcome) -> str:
    if not outcome.changed[kind]:
        return ""
    figure, before = _figure(kind, outcome), _figure(kind, base)
    sign = "−" if figure < before else "+" if figure > before else "±"
    return f"{_rounded(kind, figure)} ({sign}{_rounded(kind, abs(figure - before))})"


def _figure(kind: str, outcome: Outcome) -> float:
    tally = outcome.tallies[kind]
    if kind == TOUCHING:
        return 100 * tally.perfect / max(1, tally.pictures)
    return tally.false_per_picture if kind == EMPTY else tally.f1


def _rounded(kind: str, figure: float) -> str:
    return {TOUCHING: f"{figure:.1f} %", EMPTY: f"{figure:.2f}"}.get(kind, f"{figure:.4f}")


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3g}"
