"""The layouts by name, and on which surfaces each is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from train.data.pages.layouts import algebra, forms, numbers, practice, prints, tables, words
from train.data.pages.layouts.page import Page

PAPERS = {"plain": 5.0, "ruled": 2.0, "squared": 2.0, "dotted": 0.4, "sticker": 0.4}
BOARDS = {"whiteboard": 0.7, "blackboard": 0.9, "screen": 0.6, "bare": 0.6}
ANY = PAPERS | BOARDS
FORMS = {"plain": 9.0, "screen": 0.5, "sticker": 0.5}


@dataclass(frozen=True)
class Layout:
    """surfaces: names of `paper.MAKERS` with their shares. share: of pages. digits: whether any digit by hand may be on it.
    least: digit heights that the shorter side of the sheet has."""

    compose: Callable[[Page], None]
    surfaces: dict[str, float]
    share: float
    digits: bool = True
    least: float = 3.5


CATALOG: dict[str, Layout] = {
    "rows": Layout(numbers.rows, ANY, 10),
    "columns": Layout(numbers.columns, ANY, 6, least=6),
    "sums": Layout(numbers.sums, ANY, 9, least=6),
    "stacked": Layout(numbers.stacked, ANY, 4, least=9),
    "scattered": Layout(numbers.scattered, ANY, 5),
    "lone": Layout(numbers.lone, ANY, 5),
    "tallies": Layout(numbers.tallies, ANY, 2),
    "practice": Layout(practice.practice, ANY, 25, least=6),
    "equations": Layout(algebra.equations, ANY, 9, least=6),
    "mixed": Layout(words.mixed, ANY, 6, least=6),
    "items": Layout(words.items, ANY, 5, least=6),
    "crossed": Layout(words.crossed, ANY, 3, least=6),
    "score card": Layout(tables.score_card, FORMS, 6, least=9),
    "figures": Layout(tables.figures, ANY, 4, least=9),
    "digit boxes": Layout(tables.digit_boxes, FORMS, 3, least=9),
    "sudoku": Layout(tables.sudoku, FORMS, 1.5),
    "calendar": Layout(tables.calendar, FORMS, 1.5, least=9),
    "worksheet": Layout(forms.worksheet, FORMS, 4, least=9),
    "answer sheet": Layout(forms.answer_sheet, FORMS, 3, least=9),
    "fields": Layout(forms.fields, FORMS, 4, least=9),
    "cheque": Layout(forms.cheque, FORMS, 2, least=9),
    "meter": Layout(forms.meter, FORMS, 1.5, least=9),
    "stamps": Layout(prints.stamps, PAPERS, 2),
    "label": Layout(prints.label, {"sticker": 3.0, "plain": 2.0}, 2),
    "sentences": Layout(words.sentences, ANY, 7, digits=False, least=6),
    "letters": Layout(words.letters, ANY, 4, digits=False),
    "symbols": Layout(words.symbols, ANY, 4, digits=False),
    "doodles": Layout(words.doodles, ANY, 2.5, digits=False),
    "blank": Layout(words.blank, ANY, 2, digits=False),
    "paragraph": Layout(prints.paragraph, FORMS, 3),
    "caption": Layout(prints.caption, FORMS, 2.5, digits=False),
    "receipt": Layout(prints.receipt, FORMS, 1.5, digits=False),
}
