"""Print and writing on one page: a worksheet, a score card, a sheet held up, stickers; and pages without any digit."""

from __future__ import annotations

from itertools import cycle

import numpy as np

from benchmarks.scenes import layout, signs
from benchmarks.scenes.kinds import forms
from benchmarks.scenes.kinds.page import Page, Size
from benchmarks.scenes.layout import PageWriter
from benchmarks.scenes.photograph.camera import Look
from benchmarks.scenes.photograph.paper import Kind
from benchmarks.scenes.photograph.printing import Face, Printed, Text
from benchmarks.scenes.writer import Writer

SIZE: Size = (800, 600)
HEADINGS = (
    "Count the objects",
    "Weekly readings",
    "My garden book",
    "Shopping for Sunday",
    "Library loans",
    "Bird survey",
)
QUESTIONS = (
    "How many apples are in the basket?", "Write the missing number:", "Boxes on the lower shelf", "Litres of oil used",
    "Days until the holidays", "Pages that you have read", "Steps from the gate to the pool",
)  # fmt: skip
CAPTION = "Fill in with a ball pen only. Leave a box blank if you do not know. Please do not fold this sheet."
PROSE = (
    "the long grass bent before a gusty southerly breeze and all along the quay small boats tugged gently at their ropes while "
    "the old pilot sat beside his doorway, slowly splicing a length of tarred line and telling a boy about ships that had gone "
    "by before either of them was born, loaded with silk, oil, glass, salt and black tobacco, bound for ports whose names were "
    "spelled in a dozen ways and whose quays lay silted up or built over by taller houses, so that nobody could say any longer "
    "where a sailor of those days would have stepped ashore"
)
STICKERS: tuple[Kind, ...] = ("yellow", "plain", "brown card", "plain")


def worksheet(writer: Writer) -> Page:
    """A printed heading, questions and small print; answers by hand, a word among them now and then."""
    digit = 40.0
    rng, page = writer.rng, PageWriter(SIZE, digit, writer)
    printed: list[Printed] = [Text(str(rng.choice(HEADINGS)), SIZE[0] * 0.08, SIZE[1] * 0.13, 0.75 * digit, "bold")]
    faces: tuple[Face, ...] = ("serif", "sans")
    face = faces[int(rng.integers(len(faces)))]
    for row, question in enumerate(rng.choice(QUESTIONS, 4, replace=False)):
        baseline = SIZE[1] * (0.30 + 0.18 * row)
        printed.append(Text(str(question), SIZE[0] * 0.08, baseline - 0.9 * digit, 0.42 * digit, face))
        page.new_line()
        x = page.write(_number(rng, int(rng.integers(1, 5))), SIZE[0] * rng.uniform(0.10, 0.3), baseline + 0.4 * digit)
        if rng.random() < 0.6:
            x = page.write(str(rng.choice(signs.ALL_LETTERS)), x + digit, baseline + 0.4 * digit) + digit
        if x + 4 * digit < SIZE[0] * 0.9:
            page.write(_number(rng, 2), x + digit, baseline + 0.4 * digit)
    printed.append(Text(CAPTION, SIZE[0] * 0.08, SIZE[1] * 0.965, 10, "italic"))
    return Page(SIZE, digit, tuple(page.written), tuple(printed), Look(pen="blue ballpoint"))


def score_card(writer: Writer) -> Page:
    """A card with a printed grid of results."""
    pen = str(writer.rng.choice(["blue gel", "black ballpoint", "pencil"]))
    return forms.table(writer, size=(560, 420), digit=27, pen=pen, title="Score card", shape=(5, 6))


def notebook(writer: Writer) -> Page:
    """A page of a notebook, numbers from top to bottom."""
    size, digit = (400, 470), 28.0
    kind: Kind = "squared" if writer.rng.random() < 0.5 else "ruled"
    return Page(size, digit, layout.compose("numbers", size, digit, writer), look=Look(kind, pen="blue gel"))


def held_sheet(writer: Writer) -> Page:
    """A white sheet with a few large numbers, as one holds it before a webcam."""
    size, digit = (400, 290), 46.0
    rows = tuple(_number(writer.rng, int(writer.rng.integers(3, 6))) for _ in range(3))
    written = layout.compose_rows(rows, size, digit, writer, corner=(0.16, 0.12), pitch=1.7)
    return Page(size, digit, written, look=Look(pen="black felt"))


def stickers(writer: Writer) -> tuple[Page, ...]:
    """Labels and notes of several colours, a number or two on each."""
    pages = []
    for kind in STICKERS:
        size, digit = (240, 170), 40.0
        rows = tuple(_number(writer.rng, int(writer.rng.integers(2, 5))) for _ in range(2))
        written = layout.compose_rows(rows, size, digit, writer, corner=(0.12, 0.10), pitch=1.7)
        pages.append(Page(size, digit, written, look=Look(kind, pen="black felt")))
    return tuple(pages)


def every_letter(writer: Writer) -> Page:
    """Words with the letters that alone could be digits: b, g, l, o, q, s, z."""
    digit = 44.0
    rng, page = writer.rng, PageWriter(SIZE, digit, writer)
    for row in range(5):
        page.new_line()
        x, baseline = SIZE[0] * rng.uniform(0.08, 0.12), SIZE[1] * 0.08 + digit * (1.4 + 2.2 * row)
        while x < SIZE[0] * 0.55:
            x = page.write(str(rng.choice(signs.ALL_LETTERS)), x, baseline) + digit * rng.uniform(0.7, 1.1)
    return Page(SIZE, digit, tuple(page.written))


def printed_page(writer: Writer) -> Page:
    """A page of a book, no digit on it; near or far."""
    rng = writer.rng
    height = float(rng.uniform(9, 20))  # of a capital letter
    face: Face = ("serif", "bold", "italic", "sans")[int(rng.integers(4))]
    prose, printed = PROSE.split(), []
    words = cycle(np.roll(prose, int(rng.integers(len(prose)))).tolist())
    for baseline in np.arange(SIZE[1] * 0.06 + height, SIZE[1] * 0.97, 2.1 * height):
        line = ""
        while len(line) * height * 0.62 < SIZE[0] * 0.76:
            line += next(words) + " "
        printed.append(Text(line.strip(), SIZE[0] * 0.07, float(baseline), height, face))
    return Page(SIZE, height, (), tuple(printed))


def _number(rng: np.random.Generator, length: int) -> str:
    return "".join(map(str, rng.integers(0, 10, length)))
