"""All kinds of pages, one row of the table each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.scenes.kinds import forms, formulas, surroundings, worksheets
from benchmarks.scenes.kinds.page import Page, fills_the_picture
from benchmarks.scenes.report import EMPTY_GROUP
from benchmarks.scenes.scene import Scene
from benchmarks.scenes.writer import Digits, Writer

AROUND, PRINT, LETTERS = "the whole page", "printed lines", "letters"
EVERY = 10**6


@dataclass(frozen=True)
class Kind:
    """One row. compose: the pages in the picture. shoot: the picture of them, by its seed. most: scenes that are drawn."""

    group: str
    name: str
    compose: Callable[[Writer], tuple[Page, ...]]
    shoot: Callable[[tuple[Page, ...], int], Scene] = fills_the_picture
    most: int = EVERY

    def pages(self, digits: Digits, seed: int) -> tuple[Page, ...]:
        return self.compose(Writer(*digits, np.random.default_rng([seed, 0])))

    def draw(self, digits: Digits, seed: int) -> Scene:
        return self.shoot(self.pages(digits, seed), seed)

    def scenes(self, digits: Digits, count: int, seed: int) -> list[Scene]:
        return [self.draw(digits, seed + i) for i in range(min(count, self.most))]


def _one(compose: Callable[[Writer], Page]) -> Callable[[Writer], tuple[Page, ...]]:
    return lambda writer: (compose(writer),)


KINDS: tuple[Kind, ...] = (
    Kind(AROUND, "score card on a wooden table", _one(worksheets.score_card), surroundings.on_wood),
    Kind(AROUND, "notebook on dark cloth", _one(worksheets.notebook), surroundings.on_cloth),
    Kind(AROUND, "sheet held up in a dark room, webcam", _one(worksheets.held_sheet), surroundings.held_up),
    Kind(AROUND, "four notes in one picture", worksheets.stickers, surroundings.scattered),
    Kind(PRINT, "table, blue gel pen", _one(forms.table)),
    Kind(PRINT, "table, pale pencil", _one(forms.pale_table)),
    Kind(PRINT, "form, a box for each digit", _one(forms.boxes)),
    Kind(PRINT, "rows on ruled lines, red margin", _one(forms.on_ruled_lines)),
    Kind("touching", "chains of digits", _one(forms.chains)),
    Kind(LETTERS, "algebra", _one(formulas.algebra)),
    Kind(LETTERS, "printed headings and words", _one(worksheets.worksheet)),
    Kind(EMPTY_GROUP, "words with b, g, l, o, s, z", _one(worksheets.every_letter)),
    Kind(EMPTY_GROUP, "Greek letters and symbols", _one(formulas.greek)),
    Kind(EMPTY_GROUP, "a page of print", _one(worksheets.printed_page)),
    Kind(EMPTY_GROUP, "wood, 9 megapixels", lambda _: (), surroundings.bare_wood, most=1),
)
