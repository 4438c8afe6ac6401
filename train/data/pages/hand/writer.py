"""One person's hand: how digits, letters and signs look, lean and stand, alike over a page."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from train.data.pages.hand import fonts
from train.data.pages.hand.alphabet import HAND_LETTERS, HAND_SIGNS, letter_strokes, sign_strokes
from train.data.pages.hand.strokes import Strokes, from_image, normal, thinned, traced
from train.data.synthetic import digits as forms

Random = np.random.Generator
Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

CANDIDATES = 12
"""Images per digit, of which a hand takes two: of the more usual the thinnest, whose loops are open, of those the upright."""
_SKELETON_FACES = ("cmss10", "cmti10", "STIXGeneralItalic", "DejaVuSans", "DejaVuSans-Oblique", "cmtt10")


@dataclass
class Writer:
    """images: uint8 (N, 28, 28) and labels (N,), the digits that may be written. A hand keeps its forms over the page.

    lean: x per y by which upright strokes lean. loose: how much a form differs each time, digit heights. narrow: width of
    forms, share. gap: between characters, digit heights, below 0 where they touch. foreign: which digits take forms that
    MNIST lacks. face: the font whose centre lines are this hand's letters, "" for strokes of its own. joined: letters of a word
    are one line. doubled: strokes are gone over twice.
    """

    images: Images
    labels: Labels
    random: Random
    lean: float
    loose: float
    narrow: float
    gap: float
    foreign: frozenset[str]
    face: str
    joined: bool
    doubled: bool
    _kept: dict[str, list[Strokes]] = field(default_factory=dict)

    @classmethod
    def any(cls, images: Images, labels: Labels, random: Random) -> Writer:
        """Somebody."""
        foreign = frozenset(
            each for each, share in (("1", 0.4), ("7", 0.25), ("4", 0.25), ("0", 0.06)) if random.random() < share
        )
        return cls(
            images,
            labels,
            random,
            lean=random.normal(0.12, 0.15),
            loose=random.uniform(0.005, 0.03),
            narrow=random.uniform(0.8, 1.15),
            gap=random.choice((random.uniform(0.14, 0.35), random.uniform(0.0, 0.14)), p=(0.75, 0.25)),
            foreign=foreign,
            face=str(random.choice(_SKELETON_FACES)) if random.random() < 0.4 else "",
            joined=random.random() < 0.2,
            doubled=random.random() < 0.05,
        )

    def strokes(self, character: str) -> Strokes:
        """`character` as written this time, in digit heights, its left end at x = 0 and the base line at y = 0."""
        if character == " ":
            return ()
        if character not in self._kept:
            self._kept[character] = self._forms(character)
        kept = self._kept[character]
        if not kept:
            return ()
        chosen = kept[int(self.random.integers(len(kept)))] if len(kept) > 1 and self.random.random() < 0.3 else kept[0]
        return (*self._moved(chosen), *self._moved(chosen)) if self.doubled else self._moved(chosen)

    def _forms(self, character: str) -> list[Strokes]:
        if character.isascii() and character.isdigit():
            return self._digit(character)
        if character in HAND_LETTERS and not (self.face and character.isascii()):
            return [letter_strokes(character)]
        if character in HAND_SIGNS:
            return [self._sign(character)]
        return [_of_font(character, self.face or "DejaVuSans")]

    def _digit(self, digit: str) -> list[Strokes]:
        if digit in self.foreign:
            return [self._foreign(digit) for _ in range(2)]
        which = self.random.choice(np.flatnonzero(self.labels == int(digit)), CANDIDATES)
        pixels = self.images[which].reshape(CANDIDATES, -1).astype(np.float32)
        usual = np.argsort(np.linalg.norm(pixels - pixels.mean(axis=0), axis=1), kind="stable")[: CANDIDATES * 2 // 3]
        thin = which[usual[np.argsort(pixels[usual].sum(axis=1), kind="stable")[: CANDIDATES // 4]]]
        made = [from_image(self.images[i]) for i in thin]
        made.sort(key=lambda each: abs(_lean(each)))
        return [_upright(each) for each in made[:2]]

    def _sign(self, sign: str) -> Strokes:
        """How far a slash leans and a bracket bends is a hand's own."""
        size = self.random.uniform(0.6, 1.7), self.random.uniform(0.75, 1.1)  # width and height
        return tuple(stroke * size for stroke in sign_strokes(sign))

    def _foreign(self, digit: str) -> Strokes:
        if digit == "0":
            ring = letter_strokes("O")
            return normal((*ring, np.array([[0.62, -1.0], [0.12, 0.0]])))
        form = {"1": forms._flagged_one, "7": forms._crossed_seven, "4": forms._open_four}[digit]
        width = self.random.uniform(0.7, 0.95)
        return normal(tuple(np.asarray(stroke, np.float64) * (width, 1.0) for stroke in form(self.random)))

    def _moved(self, strokes: Strokes) -> Strokes:
        """In this hand's lean and width, each point a little elsewhere, the whole a little larger, turned."""
        random = self.random
        size, turn = random.normal(1, 0.04), random.normal(0, 0.025)
        matrix = size * np.array([[self.narrow, -self.lean], [turn * self.narrow, 1.0]])
        bend = random.normal(0, self.loose, (2, 2))
        moved = []
        for stroke in strokes:
            wave = np.stack(
                [np.sin(3 * stroke[:, 1] + bend[0, 0] * 99), np.sin(3 * stroke[:, 0] + bend[0, 1] * 99)], axis=1
            )
            own = random.normal(0, self.loose, 2) if len(strokes) > 1 else 0.0
            moved.append((stroke + wave * bend[1] * 2 + own) @ matrix.T)
        left = min(float(stroke[:, 0].min()) for stroke in moved)
        return tuple(stroke - (left, 0) for stroke in moved)


def _lean(strokes: Strokes) -> float:
    """x per y by which a form leans."""
    points = np.concatenate(strokes)
    away = points - points.mean(axis=0)
    return float(-(away[:, 0] * away[:, 1]).sum() / max((away[:, 1] ** 2).sum(), 1e-6))


def _upright(strokes: Strokes) -> Strokes:
    lean = float(np.clip(_lean(strokes), -0.5, 0.5))
    return tuple(stroke + np.stack([lean * stroke[:, 1], 0 * stroke[:, 1]], axis=1) for stroke in strokes)


def _of_font(character: str, face: str) -> Strokes:
    """The centre lines of a font's glyph."""
    ink, base = fonts.printed(character, face, 60)
    if not ink.size:
        return ()
    return tuple((stroke - (3, base + 3)) / 60 for stroke in traced(thinned(np.pad(ink, 3) > 110)))
