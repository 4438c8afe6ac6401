"""Draws docs/architecture.png from the imports of the code: a box per room, an arrow from whoever imports.

    python docs/draw_architecture.py            # `make architecture`
    python docs/draw_architecture.py --check    # exit 1 when the picture shows other code than this

The picture carries what it shows as text, so that a picture that fell behind is noticed.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError
from itertools import combinations, pairwise, permutations
from pathlib import Path
from random import Random
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image
from rooms import Arrow, Box, Names, Panel, panels, said

PICTURE = Path(__file__).with_name("architecture.png")
KEY = "Description"  # of the PNG's text
COLOURS = {
    "train": ("#e3eefa", "#2b6cb0"), "convert": ("#fdecd9", "#b7621b"),
    "benchmarks": ("#e2f3e6", "#2f7d4a"), "edgeproof": ("#ebe7f6", "#5b45a0"),
}  # fmt: skip
INK, ARROW = "#222222", "#555555"

# Inches on the page.
WIDTH, GAP, MARGIN, LEGEND = 13.5, 0.25, 0.15, 0.4
TITLE, FOOT = 0.4, 0.12  # of a panel, above and below its boxes
LINE, PADDING = 0.165, 0.09  # of a box: height of a line, and what is left free around the lines
ROW_GAP, BOX_GAP = 0.26, 0.14
CORRIDOR = 0.2  # left free in a row for an arrow that passes it
STARTS = 30  # orders that are bettered, beside the one by name: with more no panel has come out better
MONO_PT, TITLE_PT = 8.0, 9.5
MONO_IN = 0.602 * MONO_PT / 72  # width of a letter of DejaVu Sans Mono


@dataclass(frozen=True)
class Passage:
    """Where an arrow passes a row in which it neither begins nor ends."""

    arrow: Arrow
    row: int


Item = Box | Passage


class Rect(NamedTuple):
    """Inches, from the lower left."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def top(self) -> float:
        return self.bottom + self.height

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def placed(panel: Panel, left: float, bottom: float, width: float) -> dict[Item, Rect]:
    """Where boxes and passing arrows stand when the panel's lower left is at `left`, `bottom`: in an order within the rows in
    which arrows cross little, and then lean little. All orders are too many; from some of them each row in turn is put in its
    best, until none can be bettered alone.
    """
    rows = _items(panel)
    steps = [step for arrow in sorted(panel.arrows, key=_words) for step in pairwise(_way(arrow, rows))]

    def disorder(orders: Sequence[Sequence[Item]]) -> tuple[int, float]:
        rects = _standing(orders, left, bottom, width)
        return _disorder([(rects[low], rects[high]) for low, high in steps])

    draw = Random(0)
    starts = [rows, *([tuple(draw.sample(row, len(row))) for row in rows] for _ in range(STARTS))]
    return _standing(min((_bettered(start, disorder) for start in starts), key=disorder), left, bottom, width)


def _bettered(rows: Sequence[tuple[Item, ...]], disorder: Callable[..., tuple[int, float]]) -> list[tuple[Item, ...]]:
    better, before = list(rows), list[tuple[Item, ...]]()
    while better != before:
        before = list(better)
        for i in range(len(better)):
            better[i] = min(permutations(better[i]), key=lambda order: disorder([*better[:i], order, *better[i + 1 :]]))
    return better


def _items(panel: Panel) -> list[tuple[Item, ...]]:
    """The rows, with the arrows that pass each."""
    row_of = {box: i for i, row in enumerate(panel.rows) for box in row}
    arrows = sorted(panel.arrows, key=_words)
    return [
        (*row, *(Passage(arrow, i) for arrow in arrows if row_of[arrow[1]] < i < row_of[arrow[0]]))
        for i, row in enumerate(panel.rows)
    ]


def _words(arrow: Arrow) -> tuple[Names, Names]:
    return arrow[0].modules, arrow[1].modules


def _way(arrow: Arrow, rows: Sequence[Sequence[Item]]) -> list[Item]:
    """What an arrow touches, from its end up to its beginning."""
    passed = [item for row in rows for item in row if isinstance(item, Passage) and item.arrow == arrow]
    return [arrow[1], *passed, arrow[0]]


def _disorder(steps: Sequence[tuple[Rect, Rect]]) -> tuple[int, float]:
    """How many of the steps (lower, upper) cross, and how far they lean together."""
    middles = [(low.bottom, low.middle, high.middle) for low, high in steps]
    crossings = sum(a[0] == b[0] and (a[1] - b[1]) * (a[2] - b[2]) < 0 for a, b in combinations(middles, 2))
    return crossings, sum(max(0.0, low.left - high.right, high.left - low.right) for low, high in steps)


def _standing(rows: Sequence[Sequence[Item]], left: float, bottom: float, width: float) -> dict[Item, Rect]:
    found: dict[Item, Rect] = {}
    y = bottom + FOOT
    for row in rows:
        widths = _widths(row, width - 2 * BOX_GAP - (len(row) - 1) * BOX_GAP)
        height = max(_height(item, wide) for item, wide in zip(row, widths, strict=True))
        x = left + BOX_GAP
        for item, wide in zip(row, widths, strict=True):
            found[item] = Rect(x, y, wide, height)
            x += wide + BOX_GAP
        y += height + ROW_GAP
    return found


def _widths(row: Sequence[Item], free: float) -> list[float]:
    """Each item gets what it needs; boxes share the rest by the length of what is written in them."""
    needed = [_needed(item) for item in row]
    lengths = [len(" ".join(item.modules)) if isinstance(item, Box) else 0 for item in row]
    rest = free - sum(needed)
    return [need + rest * length / sum(lengths) for need, length in zip(needed, lengths, strict=True)]


def _needed(item: Item) -> float:
    """The width in which no word of a box is broken, or that of an arrow."""
    if not isinstance(item, Box):
        return CORRIDOR
    return max(map(len, (*item.modules, item.room + "  "))) * MONO_IN + 2.2 * PADDING


def panel_widths(panels: Sequence[Panel], free: float) -> list[float]:
    """Each panel gets what its fullest row needs, and an equal part of the rest."""
    needed = [max(sum(_needed(item) + BOX_GAP for item in row) + BOX_GAP for row in _items(panel)) for panel in panels]
    return [need + (free - sum(needed)) / len(panels) for need in needed]


def _lines(box: Box, width: float) -> list[str]:
    return textwrap.wrap(" ".join(box.modules), int((width - 2.1 * PADDING) / MONO_IN), break_long_words=False)


def _height(item: Item, width: float) -> float:
    if not isinstance(item, Box):
        return 0.0
    return 2 * PADDING + LINE * (len(_lines(item, width)) + bool(item.room))


# ---- drawing ---------------------------------------------------------------------------------------------------------


def draw(stages: Sequence[Panel], base: Panel) -> Figure:
    """The stages side by side, and below them what they import."""
    widths = panel_widths(stages, WIDTH - 2 * MARGIN - (len(stages) - 1) * GAP)
    lefts = [MARGIN + sum(widths[:i]) + i * GAP for i in range(len(stages))]
    base_boxes = placed(base, MARGIN, LEGEND, WIDTH - 2 * MARGIN)
    base_frame = _frame(base_boxes, MARGIN, LEGEND, WIDTH - 2 * MARGIN)
    bottom = base_frame.top + 4.8 * ROW_GAP
    boxes = [placed(stage, left, bottom, wide) for stage, left, wide in zip(stages, lefts, widths, strict=True)]
    frames = [_frame(some, left, bottom, wide) for some, left, wide in zip(boxes, lefts, widths, strict=True)]
    height = max(frame.top for frame in frames) + MARGIN
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, height))
    axes.axis("off")
    _draw_panel(axes, base, base_boxes, base_frame)
    for stage, some, frame in zip(stages, boxes, frames, strict=True):
        _draw_panel(axes, stage, some, frame)
        x = frame.middle
        _arrow(axes, [(x, frame.bottom), (x, base_frame.top)], COLOURS[stage.name][1], 2.0)
        words = textwrap.fill("imports " + ", ".join(stage.uses), int((frame.width / 2 - PADDING) / MONO_IN * 1.1))
        axes.text(x + PADDING, (frame.bottom + base_frame.top) / 2, words, size=7, color=INK, va="center")
    legend = (
        "Bold: a folder, with its modules. Else: modules on top of the package. An arrow: imports. What follows from other "
        "arrows is not drawn."
    )
    axes.text(MARGIN, LEGEND / 2, legend, size=8, color=INK, va="center")
    return figure


def _frame(boxes: Mapping[Item, Rect], left: float, bottom: float, width: float) -> Rect:
    return Rect(left, bottom, width, max(rect.top for rect in boxes.values()) + TITLE - bottom)


def _draw_panel(axes: Axes, panel: Panel, boxes: Mapping[Item, Rect], frame: Rect) -> None:
    pale, strong = COLOURS[panel.name]
    _rectangle(axes, frame, pale, strong)
    axes.text(
        frame.left + BOX_GAP, frame.top - TITLE / 2, f"{panel.name}/", size=13, weight="bold", color=strong, va="center"
    )
    for item, rect in boxes.items():
        if isinstance(item, Box):
            _draw_box(axes, item, rect, strong)
    for arrow in sorted(panel.arrows, key=lambda arrow: arrow[0].modules):
        _arrow(axes, _path(arrow, boxes), ARROW, 1.1)


def _draw_box(axes: Axes, box: Box, rect: Rect, colour: str) -> None:
    _rectangle(axes, rect, "white", colour)
    y = rect.top - PADDING
    if box.room:
        axes.text(rect.left + PADDING, y, box.room, size=TITLE_PT, weight="bold", color=INK, va="top")
        y -= LINE
    for line in _lines(box, rect.width):
        axes.text(rect.left + PADDING, y, line, size=MONO_PT, family="monospace", color=INK, va="top")
        y -= LINE


def _rectangle(axes: Axes, rect: Rect, face: str, edge: str) -> None:
    style = "round,pad=0,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch((rect.left, rect.bottom), rect.width, rect.height, boxstyle=style, fc=face, ec=edge, lw=0.9)
    )


def _path(arrow: Arrow, boxes: Mapping[Item, Rect]) -> list[tuple[float, float]]:
    """The points from the lower edge of the importer to the upper edge of the imported, as upright as may be."""
    start, end = boxes[arrow[0]], boxes[arrow[1]]
    passed = [rect for item, rect in boxes.items() if isinstance(item, Passage) and item.arrow == arrow]
    passed.sort(key=lambda rect: -rect.bottom)
    points = [(rect.middle, y) for rect in passed for y in (rect.top, rect.bottom)]
    middle = (max(start.left, end.left) + min(start.right, end.right)) / 2
    first, last = (points[0][0], points[-1][0]) if points else (middle, middle)
    return [(_within(start, first), start.bottom), *points, (_within(end, last), end.top)]


def _within(rect: Rect, x: float) -> float:
    return min(max(x, rect.left + CORRIDOR / 2), rect.right - CORRIDOR / 2)


def _arrow(axes: Axes, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
    xs, ys = zip(*points[:-1], strict=True)
    axes.plot(xs, ys, color=colour, linewidth=width, solid_capstyle="butt")
    style = {
        "arrowstyle": "-|>",
        "color": colour,
        "lw": width,
        "shrinkA": 0,
        "shrinkB": 0,
        "mutation_scale": 9 + 2 * width,
    }
    axes.annotate("", points[-1], points[-2], arrowprops=style)


# ---- the command -----------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="draw nothing; exit 1 when the picture is of other code")
    check = parser.parse_args().check
    try:
        *stages, base = panels()
    except CycleError as error:
        print(f"circle: {' → '.join(error.args[1])}", file=sys.stderr)
        return 1
    words = said([*stages, base])
    if check:
        with Image.open(PICTURE) as picture:
            old = str(picture.info.get(KEY, ""))
        changes = list(difflib.unified_diff(old.splitlines(), words.splitlines(), "picture", "code", lineterm="", n=0))
        print("\n".join([*changes, "make architecture draws it"] if changes else [words]))
        return bool(changes)
    draw(stages, base).savefig(PICTURE, dpi=150, metadata={KEY: words}, pil_kwargs={"optimize": True})
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
