"""What tracking is worth: films of hand-held sheets, read frame by frame, and the same readings tracked.

    python -m benchmarks tracking --run runs/digits-quick

The handwriting is any MNIST *test* image of the run's `test.npz`. Both columns come from the same readings: what differs is
tracking alone. The constants of `edgeproof.tracking` were chosen on the films of other seeds (101 to 106).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from benchmarks import published
from benchmarks.scenes.writer import Digits
from benchmarks.tracking import film
from benchmarks.tracking.film import Plan, Shot
from benchmarks.tracking.steadiness import Shown, Steadiness, count
from edgeproof.page.reader import Reader, open_reader
from edgeproof.page.reading import Reading
from edgeproof.run_folder import read_test
from edgeproof.tracking.tracker import Tracked, Tracker

SECTION = "tracking"
CHANGES_S = (1.2, 2.4, 3.6)

#: The films, and at which rates they are looked at, frames per second.
VARIANTS: dict[str, tuple[Plan, tuple[int, ...]]] = {
    "pale pencil": (Plan("pale pencil"), (15,)),
    "black ballpoint": (Plan("black ballpoint"), (15,)),
    "red marker, 960×540": (Plan("red marker", size=(960, 540)), (15,)),
    "a hand on a row for a second": (Plan("black ballpoint", covered_s=(2.0, 3.0)), (15,)),
    "a digit rewritten": (Plan("black ballpoint", fps=30, changes_s=CHANGES_S), (30, 15, 10)),
    "another sheet": (Plan("black ballpoint", swapped_s=2.0), (15,)),
}

Figures = tuple[str, Steadiness, Steadiness]  # name; frame by frame, tracked


def run(args: argparse.Namespace) -> int:
    """The verb: draw, read, track, count; print the table. Raises what `read_test` raises."""
    test = read_test(args.run)
    with open_reader(args.bundle) as reader:
        rows = list(measure(reader, (test.images, test.labels), args.films, args.seed))
        text = markdown(rows, f"{args.films} films of 5 s each, seed {args.seed}, `{reader.facts.artifact}`")
    print(text)
    if args.write:
        print(*published.replace(args.write, SECTION, text), sep="\n")
    return 0


def measure(reader: Reader, digits: Digits, films: int, seed: int) -> Iterator[Figures]:
    """The figures of every variant, over so many films each."""
    for name, (plan, rates) in VARIANTS.items():
        print(name, file=sys.stderr)
        read = [list(_read(reader, plan, digits, seed + i)) for i in range(films)]
        for rate in rates:
            step = round(plan.fps / rate)
            both = [compare(frames[::step], plan.fps / step) for frames in read]
            bare, tracked = (sum((pair[i] for pair in both), Steadiness()) for i in (0, 1))
            yield name if len(rates) == 1 else f"{name}, {rate} frames/s", bare, tracked


def _read(reader: Reader, plan: Plan, digits: Digits, seed: int) -> Iterator[tuple[Shot, Reading]]:
    turn = 0
    for shot in film.draw(plan, digits, seed):
        reading = reader.read(shot.scene.picture, turn)
        turn = reading.turn
        yield replace(shot, scene=replace(shot.scene, picture=np.empty((0, 0, 3), np.uint8))), reading


def compare(frames: Sequence[tuple[Shot, Reading]], fps: float) -> tuple[Steadiness, Steadiness]:
    """What is seen of a film frame by frame, and tracked."""
    shots, tracker = [shot for shot, _ in frames], Tracker()
    tracked = [tracker.update(shot.time_s, reading) for shot, reading in frames]
    return count(shots, [_shown(reading) for _, reading in frames], fps), count(shots, list(map(_shown, tracked)), fps)


def _shown(seen: Reading | Tracked) -> Shown:
    return Shown(
        tuple((digit.name, digit.box) for digit in seen.digits),
        tuple((number.text, number.box) for number in seen.numbers),
    )


def markdown(rows: Sequence[Figures], note: str) -> str:
    """The table; in each cell, frame by frame → tracked."""
    head = ["film", "flicker per digit and second", "flips of numbers per second", "digits: recall, precision",
            "numbers: recall, precision", "first shown after, s", "changes told, of all; after, s"]  # fmt: skip
    lines = [published.table_row(head), published.table_row(["---"] * len(head))]
    for name, bare, tracked in rows:
        cells = [f"{a} → {b}" for a, b in zip(_cells(bare), _cells(tracked), strict=True)]
        lines.append(published.table_row([name, *cells]))
    return "\n".join([*lines, "", f"Frame by frame → tracked. {note}."])


def _cells(one: Steadiness) -> Iterator[str]:
    yield f"{one.flicker:.3f}"
    yield f"{one.flips / one.seconds:.2f}"
    yield f"{_share(one.right, one.labelled)} {_share(one.right, one.shown)}"
    yield f"{_share(one.numbers_right, one.numbers)} {_share(one.numbers_right, one.numbers_shown)}"
    for delays in (one.first_s, one.change_s):
        known = [delay for delay in delays if delay is not None]
        times = f": {median(known):.2f}, at most {max(known):.2f}" if known else ""
        yield f"{len(known)} of {len(delays)}{times}" if delays else "–"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "–"
