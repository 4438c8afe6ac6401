"""Operators and letters as a hand writes them: points of a pen's path, shaken and joined by a smooth curve.

SIGNS, WORDS and GREEK leave out what a careful reader could take for a digit when it stands alone: I, l, O, S, Z, b, g, q, s, y,
z, σ, θ, strokes and slashes. Those of Latin are written where the letters beside them tell: in ALL_LETTERS, and in algebra.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenes.pen_lines import PenLine, drawn_line

Floats = NDArray[np.float32]
Random = np.random.Generator

#: Pen paths on a grid of tenths of a digit's height: "xy" per point, A = 10; y from the top of a digit (0) to the base line (A).
#: A point written twice is a corner; "|" lifts the pen.
PATHS = {
    "+": "05 65|32 38",
    "−": "05 55",
    "×": "13 58|53 18",
    "÷": "05 65|33 33|37 37",
    "=": "04 64|06 66",
    "(": "20 11 04 06 19 2A",
    ")": "00 11 24 26 19 0A",
    "?": "02 10 40 42 25 26|29 29",
    "%": "02 10 22 14 02|70 1A|67 55 78 6A 57",
    "→": "05 95|63 95 95 67",
    "✓": "06 2A 2A 80",
    "*": "32 38|13 57|53 17",
    "#": "20 1A|50 4A|03 73|07 67",
    "A": "0A 40 40 8A|26 66",
    "E": "50 00 00 0A 0A 5A|05 45",
    "F": "50 00 00 0A|05 45",
    "H": "00 0A|70 7A|05 75",
    "K": "00 0A|60 05 05 7A",
    "M": "0A 10 10 47 47 80 80 9A",
    "N": "0A 00 00 7A 7A 70",
    "P": "0A 00 00 40 53 35 05",
    "R": "0A 00 00 40 53 35 05 05 6A",
    "T": "00 80|40 4A",
    "W": "00 2A 2A 43 43 6A 6A 80",
    "X": "00 6A|60 0A",
    "a": "54 24 07 2A 48 54 54 58 7A",
    "c": "44 14 07 1A 4A",
    "d": "54 24 07 2A 48 50 50 59 6A",
    "e": "07 47 34 14 07 1A 4A",
    "f": "50 30 23 2A|05 45",
    "h": "00 0A 0A 06 34 56 5A",
    "k": "00 0A|44 07 07 5A",
    "m": "04 0A 0A 06 24 36 3A 3A 36 54 66 6A",
    "n": "04 0A 0A 06 34 56 5A",
    "p": "04 0D 0D 05 34 57 3A 09",
    "r": "04 0A 0A 06 34 44",
    "t": "21 29 3A 5A|04 54",
    "u": "04 08 2A 48 54 54 5A",
    "v": "04 2A 2A 54",
    "w": "04 1A 1A 35 35 5A 5A 74",
    "x": "04 5A|54 0A",
    "B": "00 0A 0A|00 40 52 35 05 35 57 4A 0A",
    "D": "00 0A 0A|00 30 63 67 3A 0A",
    "G": "62 40 13 07 2A 5A 66 66 36",
    "L": "00 0A 0A 5A",
    "S": "61 30 02 35 58 3A 09",
    "Y": "00 35 60|35 3A",
    "b": "00 0A 0A 06 24 46 48 2A 09",
    "g": "54 24 07 2A 48 54 54 5B 3D 0C",
    "i": "04 09 2A|11 12",
    "j": "34 3B 1D 0C|31 32",
    "l": "00 09 2A",
    "o": "24 06 08 2A 48 46 24",
    "q": "54 24 07 2A 48 54 54 5D 7B",
    "s": "45 24 05 27 49 2A 09",
    "y": "04 06 28 47 54 54 4A 2D 0D",
    "z": "04 54 54 0A 0A 5A",
    "π": "04 74|24 1A|54 59 6A",
    "Δ": "40 40 0A 0A 8A 8A 40",
    "α": "74 58 2A 07 24 46 69 7A",
    "β": "0D 03 20 42 24 24 55 48 2A 08",
    "γ": "04 24 39 2D 1B 39 64",
    "δ": "50 20 22 55 58 2A 07 25 45",
    "λ": "00 20 6A|35 0A",
    "μ": "04 0D|04 08 2A 48 54 54 59 6A",
    "φ": "34 06 08 3A 68 66 34|31 3D",
    "ω": "14 07 1A 3A 36 36 4A 6A 77 64",
    "Σ": "70 00 00 45 45 0A 0A 7A",
    "Ω": "0A 2A 2A 06 12 40 72 86 6A 6A 8A",
    "∞": "57 35 15 07 1A 3A 57 75 95 A7 9A 7A 57",
    "√": "06 16 16 3A 3A 60 60 A0",
    "∫": "51 40 32 3A 2D 1D 0C",
    "≤": "62 05 05 68|0A 6A",
    "≥": "02 65 65 08|0A 6A",
    "∈": "52 22 06 2A 5A|06 56",
    "ψ": "04 06 38 66 64|31 3D",
}
GREEK = "αβγδλμφψωΣΩπΔ∞√∫≤≥∈"
SIGNS = "+−×÷=→✓*#%?()πΔ"  # what no word has
WORDS = (
    "rent", "tea", "cream", "water", "paper", "wheat", "fare", "card", "per", "part", "chart", "max",
    "mean", "ten", "farm", "match", "draw", "red", "kept", "them", "ant", "area", "wave", "charm", "return", "Tax", "Kept",
    "Rent", "Mean", "Part", "Name", "Fare",
)  # fmt: skip


ALL_LETTERS = (
    "yes", "always", "boys", "loaf", "table", "goals", "quilt", "syrup", "lazy", "jobs", "sizes", "glass", "bazaar", "query",
    "gold", "sorry", "boil", "zigzag", "lobby", "says", "Sally", "Bob", "Gray", "Dolly", "Lily", "Yoga", "Bills", "Sugar",
)  # fmt: skip


def sign_line(sign: str, rng: Random) -> tuple[PenLine, float]:
    """`sign` as this hand happens to write it, and how far it hangs below the top of a digit, in digit heights."""
    strokes = [_grid(path) for path in PATHS[sign].split("|")]
    points = np.concatenate(strokes)
    # A hand misses each point a little, and makes the whole narrower or wider.
    stretch = np.asarray([rng.uniform(0.9, 1.15), rng.uniform(0.94, 1.06)], np.float32)
    drawn = [
        _curve(stroke * stretch + rng.normal(0, 0.018, stroke.shape).astype(np.float32), stroke) for stroke in strokes
    ]
    corner = np.min(np.concatenate(drawn), axis=0)
    size = np.max(np.concatenate(drawn), axis=0) - corner
    return drawn_line([stroke - corner for stroke in drawn], (float(size[0]), float(size[1]))), float(
        points[:, 1].min()
    )


def _grid(path: str) -> Floats:
    tenths = [[int(point[0], 16), int(point[1], 16)] for point in path.split()]
    return np.asarray(tenths, np.float32) / np.float32(10)


def _curve(points: Floats, meant: Floats) -> Floats:
    """A smooth path through `points` (Catmull and Rom's spline), but for the corners that `meant` has."""
    if len(points) < 3:
        return points
    pieces, start = [], 0
    corners = [i for i in range(1, len(meant)) if (meant[i] == meant[i - 1]).all()]
    for end in [*corners, len(points)]:
        pieces.append(_spline(points[start:end]))
        start = end
    return np.concatenate(pieces)


def _spline(points: Floats) -> Floats:
    if len(points) < 3:
        return points
    p = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    t = np.linspace(0, 1, 8, dtype=np.float32)[:, None]
    parts = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(parts).astype(np.float32)
