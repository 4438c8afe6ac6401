"""Who writes: digits in the shapes of given images, signs as a hand makes them, all in one slant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes import signs
from benchmarks.scenes.pen_lines import PenLine, digit_line, slant
from edgeproof import glyph, scores
from edgeproof.errors import SourceError

Random = np.random.Generator
Digits = tuple[NDArray[np.uint8], NDArray[np.int64]]  # images (N, 28, 28), labels (N,)

CHOICE = 5  # images of which the one that leans like the page's writing is taken: a page has one writer
THINNABLE = 2.8  # pixels of MNIST's 28: of a wider stroke the centre line no longer tells the ends and small loops

CLEAR_MARGIN = 0.99  # top-2 probability margin of Keras from which writing is clear
TYPICAL = 0.25  # share of a class's clear images that look most like it


class Writer:
    """The writer of one page."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64], rng: Random) -> None:
        """`images` uint8 (N, 28, 28) and `labels` int64 (N,): the digits that may be written."""
        self.rng = rng
        self._images, self._labels = images, labels
        self._slant = rng.normal(0.15, 0.15)

    def path(self, text: str) -> tuple[PenLine, float]:
        """The pen's path for a digit or sign, and how far it hangs below the top of a digit, in digit heights."""
        if text not in signs.PATHS:
            which = self.rng.choice(np.flatnonzero(self._labels == int(text)), CHOICE)
            options = [self._images[i] for i in which]
            thin = [image for image in options if glyph.stroke_width(image) <= THINNABLE] or options
            return digit_line(min(thin, key=lambda image: abs(slant(image) - self._slant))), 0.0
        return signs.sign_line(text, self.rng)


def clear_digits(images: NDArray[np.uint8], labels: NDArray[np.int64], logits: NDArray[np.float32]) -> Digits:
    """The images of which no person would dispute the label: Keras (`logits`, (N, ≥ 10)) is right and sure of them, and they
    are among the quarter of their class that is nearest to its mean picture.

    Raises SourceError when a digit has none.
    """
    best = np.sort(scores.softmax(logits), axis=1)
    clear = (best[:, -1] - best[:, -2] >= CLEAR_MARGIN) & (logits.argmax(axis=1) == labels)
    chosen = []
    for digit in range(10):
        which = np.flatnonzero(clear & (labels == digit))
        if not which.size:
            raise SourceError(f"expected clear test images of every digit, found none of {digit}: train the run longer")
        given = images[which].reshape(len(which), -1).astype(np.float32)
        distance = np.linalg.norm(given - given.mean(axis=0), axis=1)
        chosen.append(which[distance <= np.quantile(distance, TYPICAL)])
    every = np.concatenate(chosen)
    return images[every], labels[every]
