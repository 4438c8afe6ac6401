"""What a page holds beside digits, drawn here: operators, letters, scribbles, lines, blobs, textures, parts of digits.

Each drawing goes through edgeproof.glyph as a crop would at run time. What a careful person could read as a digit is
left out (O, l, I, S, Z, b, a slash, an upright line, most halves of digits): teaching those as "no digit" costs digits.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeproof.glyph import make_glyphs
from train.data.synthetic.pen import CANVAS, Random, arc, curve, drawn

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Kind = Callable[[Random, Images, Labels], Images]

PRINTED = "ACEFHKLMNPRUVWXcefhkmnprtuvwx@#&%?!*"
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


#: Strokes of hand-drawn signs in a unit square, y down. A stroke of one point is a dot.
SIGNS: dict[str, list[list[list[float]]]] = {
    "+": [[[0, 0.5], [1, 0.5]], [[0.5, 0], [0.5, 1]]],
    "-": [[[0, 0.5], [1, 0.5]]],
    "×": [[[0, 0], [1, 1]], [[1, 0], [0, 1]]],
    "÷": [[[0, 0.5], [1, 0.5]], [[0.5, 0.15]], [[0.5, 0.85]]],
    "=": [[[0, 0.3], [1, 0.3]], [[0, 0.7], [1, 0.7]]],
    "≠": [[[0, 0.35], [1, 0.35]], [[0, 0.65], [1, 0.65]], [[0.75, 0], [0.25, 1]]],
    "≈": [[[0, 0.35], [0.3, 0.2], [0.7, 0.4], [1, 0.25]], [[0, 0.75], [0.3, 0.6], [0.7, 0.8], [1, 0.65]]],
    "±": [[[0, 0.4], [1, 0.4]], [[0.5, 0], [0.5, 0.8]], [[0, 1], [1, 1]]],
    "(": [arc((0.9, 0.5), (0.5, 0.5), 250, 110)],
    ")": [arc((0.1, 0.5), (0.5, 0.5), -70, 70)],
    "[": [[[0.6, 0], [0.2, 0], [0.2, 1], [0.6, 1]]],
    "]": [[[0.4, 0], [0.8, 0], [0.8, 1], [0.4, 1]]],
    "{": [[[0.7, 0], [0.5, 0.1], [0.5, 0.4], [0.3, 0.5], [0.5, 0.6], [0.5, 0.9], [0.7, 1]]],
    "}": [[[0.3, 0], [0.5, 0.1], [0.5, 0.4], [0.7, 0.5], [0.5, 0.6], [0.5, 0.9], [0.3, 1]]],
    "<": [[[1, 0.1], [0, 0.5], [1, 0.9]]],
    "^": [[[0.1, 1], [0.5, 0], [0.9, 1]]],
    "√": [[[0, 0.6], [0.15, 0.5], [0.35, 1], [0.5, 0], [1, 0]]],
    "~": [[[0, 0.6], [0.25, 0.4], [0.5, 0.5], [0.75, 0.6], [1, 0.4]]],
    ".": [[[0.5, 0.5]]],
    ":": [[[0.5, 0.2]], [[0.5, 0.8]]],
    ";": [[[0.5, 0.2]], [[0.55, 0.75], [0.4, 1]]],
    '"': [[[0.35, 0.2], [0.3, 0.6]], [[0.7, 0.2], [0.65, 0.6]]],
    "…": [[[0.1, 0.5]], [[0.5, 0.5]], [[0.9, 0.5]]],
    "→": [[[0, 0.5], [1, 0.5]], [[0.7, 0.25], [1, 0.5], [0.7, 0.75]]],
    "✓": [[[0, 0.6], [0.35, 1], [1, 0]]],
    "T": [[[0, 0], [1, 0]], [[0.5, 0], [0.5, 1]]],
    "△": [[[0.5, 0], [0, 1], [1, 1], [0.5, 0]]],
    "π": [[[0, 0.1], [1, 0.1]], [[0.3, 0.1], [0.25, 1]], [[0.7, 0.1], [0.75, 1]]],
    "*": [[[0, 0.25], [1, 0.75]], [[1, 0.25], [0, 0.75]], [[0.5, 0], [0.5, 1]]],
    "α": [[*arc((0.4, 0.5), (0.4, 0.4), 320, 40), [1, 0.9]], [[0.68, 0.75], [1, 0.05]]],
    "γ": [[[0, 0.1], [0.2, 0], [0.5, 0.55], [0.45, 1], [0.35, 0.9], [0.5, 0.55], [1, 0]]],
    "β": [[[0.1, 1.2], [0.2, 0.2], [0.5, 0], [0.75, 0.2], [0.4, 0.45], [0.8, 0.65], [0.6, 0.9], [0.15, 0.8]]],
    "λ": [[[0.1, 0], [0.3, 0.05], [1, 1]], [[0.5, 0.4], [0, 1]]],
    "μ": [[[0.1, 1.2], [0.2, 0], [0.25, 0.7], [0.5, 0.75], [0.7, 0.6], [0.7, 0], [0.75, 0.7], [1, 0.7]]],
    "ω": [[[0.2, 0], [0, 0.5], [0.2, 1], [0.5, 0.7], [0.5, 0.4], [0.5, 0.7], [0.8, 1], [1, 0.5], [0.8, 0]]],
    "φ": [arc((0.5, 0.5), (0.45, 0.3), 0, 360), [[0.55, 0], [0.45, 1.1]]],
    "ψ": [[[0, 0.1], [0.1, 0.6], [0.5, 0.75], [0.9, 0.6], [1, 0.1]], [[0.5, 0], [0.5, 1.1]]],
    "∞": [[[0.5, 0.5], [0.25, 0.3], [0, 0.5], [0.25, 0.7], [0.5, 0.5], [0.75, 0.3], [1, 0.5], [0.75, 0.7], [0.5, 0.5]]],
    "Σ": [[[0.9, 0.1], [0.1, 0], [0.55, 0.5], [0.1, 1], [0.95, 0.95]]],
    "#": [[[0.3, 0], [0.25, 1]], [[0.75, 0], [0.7, 1]], [[0, 0.3], [1, 0.3]], [[0, 0.7], [1, 0.7]]],
}


def _hump(x: float, width: float = 0.6) -> list[list[float]]:
    """The stroke of an n that leaves the stem at x and comes down `width` beside it."""
    return [[x, 0.5], [x + 0.35 * width, 0.1], [x + 0.8 * width, 0.08], [x + width, 0.4], [x + width, 1]]


#: Strokes of hand-written letters, through smoothed corners: y from 0 at the height of an x to 1 on the base line.
LETTERS: dict[str, list[list[list[float]]]] = {
    "a": [arc((0.42, 0.55), (0.42, 0.45), -40, -325), [[0.84, 0.08], [0.84, 0.75], [1.08, 1]]],
    "c": [arc((0.5, 0.5), (0.5, 0.5), -50, -310)],
    "d": [arc((0.42, 0.55), (0.42, 0.45), -40, -325), [[0.84, -0.8], [0.85, 0.8], [1.05, 1]]],
    "e": [[[0.08, 0.55], [0.8, 0.5], [0.8, 0.15], [0.45, 0], [0.08, 0.3], [0.1, 0.75], [0.45, 1], [0.9, 0.85]]],
    "f": [[[0.85, -0.6], [0.55, -0.8], [0.35, -0.4], [0.3, 1]], [[0, 0.05], [0.75, 0.02]]],
    "h": [[[0.05, -0.75], [0, 1]], _hump(0.02)],
    "k": [[[0.02, -0.75], [0, 1]], [[0.65, 0], [0.3, 0.4], [0.02, 0.5]], [[0.2, 0.45], [0.7, 1]]],
    "m": [[[0, 0], [0, 1]], _hump(0, 0.5), _hump(0.5, 0.5)],
    "n": [[[0, 0], [0.02, 1]], _hump(0.02)],
    "p": [[[0, 0], [0, 1.7]], arc((0.4, 0.48), (0.42, 0.48), -160, 150)],
    "r": [[[0, 0], [0.03, 1]], [[0.03, 0.5], [0.3, 0.1], [0.65, 0.1]]],
    "t": [[[0.4, -0.5], [0.38, 0.7], [0.55, 1], [0.8, 0.9]], [[0, 0.02], [0.8, 0]]],
    "u": [[[0, 0], [0.02, 0.75], [0.3, 1], [0.62, 0.75], [0.65, 0]], [[0.65, 0], [0.66, 0.7], [0.85, 1]]],
    "v": [[[0, 0], [0.4, 1]], [[0.4, 1], [0.8, 0]]],
    "w": [[[0, 0], [0.25, 1]], [[0.25, 1], [0.5, 0.2]], [[0.5, 0.2], [0.75, 1]], [[0.75, 1], [1, 0]]],
    "A": [[[0, 1], [0.45, -0.6]], [[0.45, -0.6], [0.95, 1]], [[0.2, 0.4], [0.75, 0.4]]],
    "M": [[[0, 1], [0.1, -0.6]], [[0.1, -0.6], [0.5, 0.5]], [[0.5, 0.5], [0.9, -0.6]], [[0.9, -0.6], [1, 1]]],
    "N": [[[0, 1], [0.02, -0.6]], [[0.02, -0.6], [0.8, 1]], [[0.8, 1], [0.82, -0.6]]],
    "R": [
        [[0, -0.6], [0, 1]],
        [[0, -0.6], [0.55, -0.6], [0.7, -0.2], [0.5, 0.15], [0.05, 0.2]],
        [[0.2, 0.2], [0.75, 1]],
    ],
}


def draw_non_digits(count: int, digits: Images, labels: Labels, seed: int) -> Images:
    """`count` glyphs that are no digits, uint8 (count, 28, 28).

    `digits` and `labels` (N,) give the parts and pairs of digits. The same arguments give the same drawings.
    """
    random = np.random.default_rng([seed, 7])
    kinds, weights = zip(*_KINDS.items(), strict=True)
    chosen = random.choice(len(kinds), size=count, p=np.array(weights) / sum(weights))
    return make_glyphs([kinds[kind](random, digits, labels) for kind in chosen])


# --- kinds: each draws one crop, uint8, ink bright --------------------------------------------------------------------


def _sign(random: Random, _digits: Images, _labels: Labels) -> Images:
    """An operator, a bracket or a mark in somebody's hand."""
    strokes = SIGNS[random.choice(list(SIGNS))]
    width, height = random.uniform(30, 64, 2)
    return drawn([np.array(stroke) * (width, height) + 16 for stroke in strokes], random, wobble=2.5)


def _hand_letter(random: Random, _digits: Images, _labels: Labels) -> Images:
    """A letter in somebody's hand."""
    strokes = LETTERS[random.choice(list(LETTERS))]
    size = random.uniform(26, 44, 2)
    return drawn([curve(np.array(stroke)) * size + (24, 36) for stroke in strokes], random, wobble=0.8)


def _printed(random: Random, _digits: Images, _labels: Labels) -> Images:
    """A letter or a mark of a type."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    letter, font = str(random.choice(list(PRINTED))), int(random.choice(FONTS))
    cv2.putText(canvas, letter, (22, 66), font, random.uniform(1.4, 2.0), 255, int(random.integers(3, 9)), cv2.LINE_AA)
    slant, climb = random.uniform(-0.3, 0.3), random.uniform(-0.15, 0.15)
    return np.asarray(cv2.warpAffine(canvas, np.array([[1, slant, 0], [climb, 1, 0]]), (CANVAS, CANVAS)), np.uint8)


def _scribble(random: Random, _digits: Images, _labels: Labels) -> Images:
    """A curve with many turns: a crossed-out word, a signature."""
    points = random.uniform(10, CANVAS - 10, (int(random.integers(7, 16)), 2))
    return drawn([curve(points)], random, wobble=0)


def _strokes(random: Random, _digits: Images, _labels: Labels) -> Images:
    """Three to six separate strokes: with fewer, chance draws too many 1s, 4s and 7s."""
    count = int(random.integers(3, 7))
    return drawn([random.uniform(10, CANVAS - 10, (2, 2)) for _ in range(count)], random, wobble=2)


def _level_line(random: Random, _digits: Images, _labels: Labels) -> Images:
    """A line nearer to level than to upright: a ruling, a fraction bar. Upright ones are 1s."""
    angle = np.deg2rad(random.uniform(-30, 30))
    reach = np.array([np.cos(angle), np.sin(angle)]) * 36
    middle = np.array([CANVAS / 2, CANVAS / 2])
    bow = np.array([0, random.uniform(-8, 8)])
    return drawn([curve(np.array([middle - reach, middle + bow, middle + reach]))], random, wobble=1)


def _blob(random: Random, _digits: Images, _labels: Labels) -> Images:
    """A filled patch: a stain, a full stop, a coin."""
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    radii = random.uniform(14, 34) * random.uniform(0.75, 1.2, 12)
    outline = np.stack([radii * np.cos(angles) * random.uniform(0.6, 1), radii * np.sin(angles)], axis=1) + CANVAS / 2
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    cv2.fillPoly(canvas, [np.rint(outline).astype(np.int32)], 255, cv2.LINE_AA)
    return canvas


def _texture(random: Random, _digits: Images, _labels: Labels) -> Images:
    """Smooth noise cut at a level: shadows, print, fabric."""
    noise = cv2.GaussianBlur(random.normal(size=(CANVAS, CANVAS)), (0, 0), random.uniform(2, 9))
    inked = noise > np.quantile(noise, random.uniform(0.4, 0.8))
    if random.random() < 0.5:  # inside a round patch, else up to the edges of the crop
        inked &= cv2.circle(np.zeros((CANVAS, CANVAS), np.uint8), (48, 48), 40, 1, -1).astype(bool)
    return np.where(inked, 255, 0).astype(np.uint8)


def _patch(random: Random, _digits: Images, _labels: Labels) -> Images:
    """One connected piece of rough noise: what a threshold leaves of leaves, fur, cloth. Slender upright ones are 1s."""
    while True:
        octaves = [cv2.GaussianBlur(random.normal(size=(CANVAS, CANVAS)), (0, 0), s) * s for s in (2, 4, 8)]
        noise = np.sum(octaves, axis=0)
        cut = np.asarray(noise > np.quantile(noise, random.uniform(0.55, 0.85)), np.uint8)
        count, pieces, facts, _ = cv2.connectedComponentsWithStats(cut)
        for piece in random.permutation(np.arange(1, count)):
            left, top, width, height, area = facts[piece]
            if area >= 150 and height < 2 * width:
                crop = pieces[top : top + height, left : left + width] == piece
                return np.where(crop, 255, 0).astype(np.uint8)


def _grid(random: Random, _digits: Images, _labels: Labels) -> Images:
    """Ruled or squared paper, a table's corner, a barcode."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    step, width = int(random.integers(14, 34)), int(random.integers(3, 8))
    for position in range(int(random.integers(4, 12)), CANVAS, step):
        cv2.line(canvas, (4, position), (CANVAS - 4, position), 255, width)
        if step > 20:
            cv2.line(canvas, (position, 4), (position, CANVAS - 4), 255, width)
    return canvas if step > 20 or random.random() < 0.5 else np.ascontiguousarray(canvas.T)


def _pair(random: Random, digits: Images, _labels: Labels) -> Images:
    """Two or three digits that touch: the segmentation failed, and one answer would be a wrong number."""
    crops = [_trimmed(digits[random.integers(len(digits))]) for _ in range(int(random.choice([2, 2, 2, 3])))]
    height = max(len(crop) for crop in crops)
    drops = [int(random.integers(0, height - len(crop) + 1)) for crop in crops]  # not quite on one line
    padded = [
        np.pad(crop, ((drop, height - len(crop) - drop), (0, 0))) for crop, drop in zip(crops, drops, strict=True)
    ]
    return np.concatenate(padded, axis=1)


def _half(random: Random, digits: Images, labels: Labels) -> Images:
    """A part of a digit that reads as none: ∩ and ∪ of a 0, the left of an 8, the top of a 5."""
    label, part = _SAFE_HALVES[random.integers(len(_SAFE_HALVES))]
    candidates = np.flatnonzero(labels == label)
    crop = _trimmed(digits[random.choice(candidates)])
    rows, columns = (side // 2 for side in crop.shape)
    return {"top": crop[:rows], "bottom": crop[rows:], "left": crop[:, :columns]}[part]


_SAFE_HALVES = ((0, "top"), (0, "bottom"), (8, "left"), (5, "top"))

_KINDS: dict[Kind, float] = {
    _sign: 5,
    _hand_letter: 5,
    _printed: 3,
    _scribble: 2,
    _strokes: 1.5,
    _level_line: 1,
    _blob: 1.5,
    _texture: 1.5,
    _patch: 3,
    _grid: 1,
    _pair: 3,
    _half: 0.5,
}
"""Each kind with its share."""


def _trimmed(digit: Images) -> Images:
    """The digit's bounding box."""
    rows, columns = np.flatnonzero(digit.max(axis=1) > 64), np.flatnonzero(digit.max(axis=0) > 64)
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
