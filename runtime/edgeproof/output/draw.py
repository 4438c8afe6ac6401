"""A frame with what was read in it, drawn for a person: legible at any picture size, on any background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.classifier import Facts
from edgeproof.page.reading import Reading
from edgeproof.support.opencv import cv2

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red

MIN_SIDE = 960  # a smaller picture is enlarged by a whole factor until its longer side has this many pixels
SURE, UNSURE, NUMBER, DARK, LIGHT = (60, 160, 30), (0, 110, 230), (190, 80, 20), (40, 40, 40), (255, 255, 255)
STRIP_ASPECT = 5.0  # longer over shorter side; in a longer picture lines and letters grow with the shorter side
SMALLEST_UNIT = 2 / 3  # of lines and letters in the usual picture; smaller ones cannot be read
RIM = 16  # pixels: smaller letters would drown in it
SMALLER = 0.55  # height of a score, beside its digit's name
SMALLEST_SHARE = 0.3  # of their usual height, to which labels shrink where there is no room
DOUBTFUL = 0.9  # a digit with a lower score is drawn in the other colour


def annotate(image: Image, reading: Reading, status: str) -> Image:
    """`image` (uint8 BGR) with boxes, digits, scores in percent and numbers, and `status` on a bar below it.

    The result may be an integer multiple of the picture's size; the bar adds rows, at most as many as the picture has.
    """
    canvas = canvas_for(image, status)
    _draw_reading(canvas.picture, reading, canvas.factor, canvas.unit)
    return canvas.whole  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Canvas:
    """What is drawn on, uint8 BGR. picture: the part with the picture, enlarged by `factor`. panel: dark rows below it, above the
    bar. unit: how large lines and letters are."""

    whole: Any
    picture: Any
    panel: Any
    factor: int
    unit: float


def canvas_for(image: Image, status: str, panel: Callable[[int, float], int] = lambda _width, _unit: 0) -> Canvas:
    """`image` enlarged where it is small, with `status` on a bar. panel: how many rows it has, by their width and the unit."""
    factor = max(1, round(MIN_SIDE / max(image.shape[:2])))
    if factor > 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
    height, width = image.shape[:2]
    unit = _unit(height, width)
    letter = _bar_letter(status, width, unit)
    rows = panel(width, unit)
    # One picture with room for the bar: a copy more of a large one takes hundreds of megabytes.
    below = rows + _bar_rows(letter, height)
    drawn: Any = cv2.copyMakeBorder(image, 0, below, 0, 0, cv2.BORDER_CONSTANT, value=DARK)
    _draw_bar(drawn[height + rows :], status, letter)
    return Canvas(drawn, drawn[:height], drawn[height : height + rows], factor, unit)


def _unit(height: int, width: int) -> float:
    """How large lines and letters are in a picture: 1 where its longer side has MIN_SIDE pixels."""
    longer, shorter = max(height, width), min(height, width)
    return max(SMALLEST_UNIT, min(longer, STRIP_ASPECT * shorter) / MIN_SIDE)


def _draw_reading(canvas: Any, reading: Reading, factor: int, unit: float) -> None:
    """Boxes, digits, scores and numbers of a reading, on its picture enlarged by `factor`."""
    line = max(1, round(1.5 * unit))
    for digit in reading.digits:
        x, y, width, height = (factor * side for side in digit.box)
        cv2.rectangle(canvas, (x, y), (x + width, y + height), _colour(digit.score), line)
    labels = _labels(reading, factor, line, unit)
    for number in reading.numbers:
        if len(number.digits) > 1:
            x, y, width, _ = (factor * side for side in number.box)
            cv2.line(canvas, (x, y - 3 * line), (x + width, y - 3 * line), NUMBER, line)
    boxes = [[factor * side for side in digit.box] for digit in reading.digits]
    for label, (letter, (left, foot)) in zip(labels, _places(labels, boxes, canvas.shape, 8 * unit), strict=True):
        _text(canvas, label.text, (left, foot), letter, label.colour)
        if label.small:
            _text(canvas, label.small, (left + _width(label.text, letter), foot), SMALLER * letter, label.colour)


def _colour(score: float) -> Colour:
    return SURE if score >= DOUBTFUL else UNSURE


@dataclass(frozen=True)
class _Label:
    """text, with a small one behind it, near the box `around` (x, y, width, height of the canvas), in letters at most
    `largest` pixels high, above the box or below it where there is room for both."""

    text: str
    small: str
    around: tuple[float, float, float, float]
    largest: float
    above: bool
    colour: Colour


def _labels(reading: Reading, factor: int, line: int, unit: float) -> list[_Label]:
    labels = []
    for number in reading.numbers:
        if len(number.digits) > 1:
            x, y, width, height = (factor * side for side in number.box)
            # Small on dense pages, where the line above is near.
            largest = min(max(0.3 * height, 9 * unit), 20 * unit)
            labels.append(_Label(number.text, "", (x, y - 4 * line, width, height + 4 * line), largest, True, NUMBER))
    for digit in reading.digits:
        x, y, width, height = (factor * side for side in digit.box)
        largest = min(max(0.35 * height, 12 * unit), 32 * unit)
        score = f"{100 * digit.score:.0f}"
        labels.append(_Label(digit.name, score, (x, y, width, height + line), largest, False, _colour(digit.score)))
    return labels


def _places(
    labels: Sequence[_Label], boxes: Sequence[Sequence[float]], shape: Sequence[int], smallest: float
) -> list[tuple[float, tuple[float, float]]]:
    """Per label, the height of its letters and where it begins (left, foot), so that none hides a digit or another label.

    All shrink alike, so that a page looks like one page, until there is room; where there never is, they hide least.
    """
    best: list[tuple[float, tuple[float, float]]] = []
    least, shrink = np.inf, 1.0
    while least > 0 and shrink > SMALLEST_SHARE:
        taken = np.zeros((len(boxes) + len(labels), 4))
        taken[: len(boxes)] = np.reshape(boxes, (-1, 4))
        found, hidden = [], 0.0
        for number, label in enumerate(labels, len(boxes)):
            letter = min(label.largest, max(smallest, shrink * label.largest))
            spots = _spots(label, letter)
            covered = _covered(spots, taken[:number], shape)
            spot = spots[int(covered.argmin())]
            taken[number] = spot
            hidden += float(covered.min())
            found.append((letter, (float(spot[0]), float(spot[1] + spot[3] - letter / 8))))
        if hidden < least:
            best, least = found, hidden
        shrink *= 0.8
    return best


def _spots(label: _Label, letter: float) -> NDArray[np.float64]:
    """Where a label may be, best first: (N, 4) x, y, width, height."""
    x, y, width, height = label.around
    wide = _width(label.text, letter) + (_width(label.small, SMALLER * letter) if label.small else 0)
    tall = 1.25 * letter
    above, below, foot = y - tall - letter / 8, y + height, y + height - tall
    level = (above, below) if label.above else (below, above)
    spots = [(left, top) for top in level for left in (x, x + width - wide, x + (width - wide) / 2)]
    spots += [(x + width + letter / 4, foot), (x - wide - letter / 4, foot)]
    return np.array([(left, top, wide, tall) for left, top in spots])


def _covered(spots: NDArray[np.float64], taken: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.float64]:
    """How many pixels of what is drawn (M, 4), or beyond the canvas, a label would lie on at each of the spots (N, 4)."""
    x, y, width, height = (side[:, None] for side in spots.T)
    left, top, wide, tall = (side[None] for side in taken.T)
    across = np.minimum(left + wide, x + width) - np.maximum(left, x)
    down = np.minimum(top + tall, y + height) - np.maximum(top, y)
    on_drawn = (np.maximum(across, 0) * np.maximum(down, 0)).sum(axis=1)
    x, y, width, height = spots.T
    inside_x = np.clip(np.minimum(x + width, shape[1]) - np.maximum(x, 0), 0, None)
    inside_y = np.clip(np.minimum(y + height, shape[0]) - np.maximum(y, 0), 0, None)
    covered: NDArray[np.float64] = np.floor(on_drawn + width * height - inside_x * inside_y + 0.5)
    return covered


def _width(text: str, height: float) -> float:
    """Of `text` in letters `height` pixels high, with a gap after it."""
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, height / 22, max(1, round(height / 12)))
    return width + height / 4


def status_line(reading: Reading, facts: Facts, p50_ms: float) -> str:
    """What ran and how fast: `p50_ms` is the median time of recent frames, milliseconds."""
    count = len(reading.digits)
    what = "digits" if not reading.regions else "answer" if count == 1 else "answers"
    return (
        f"{count} {what} | {facts.artifact} | {facts.backend} {facts.provider} | "
        f"p50 {p50_ms:.1f} ms | rejected {reading.rejected}"
    )


def _text(canvas: Any, text: str, bottom_left: tuple[float, float], height: float, colour: Colour) -> None:
    """Text of about `height` pixels, kept inside the picture, on a light rim where it is large."""
    scale, weight = height / 22, max(1, round(height / 12))
    (width, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
    x = min(max(0, round(bottom_left[0])), max(0, canvas.shape[1] - width))
    y = min(max(tall, round(bottom_left[1])), canvas.shape[0] - 1)
    if height >= RIM:
        for across, down in ((-1, 0), (1, 0), (0, -1), (0, 1)):  # a heavier letter would be wider too
            cv2.putText(
                canvas, text, (x + across, y + down), cv2.FONT_HERSHEY_SIMPLEX, scale, LIGHT, weight, cv2.LINE_AA
            )
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, weight, cv2.LINE_AA)


def _bar_letter(status: str, width: int, unit: float) -> float:
    """Height of the letters of `status` on a bar so many pixels wide."""
    letter = 14 * unit
    (needed, _), _ = cv2.getTextSize(status, cv2.FONT_HERSHEY_SIMPLEX, letter / 22, _bar_weight(letter))
    return letter * min(1.0, (width - 8) / max(1, needed))  # a narrow picture gets smaller letters, not fewer


def _bar_weight(letter: float) -> int:
    """Thickness of the bar's letters, which makes them wider too."""
    return max(1, round(letter / 14))


def _bar_rows(letter: float, height: int) -> int:
    """Rows of a bar below a picture of so many."""
    return min(max(8, round(2 * letter)), height)


def _draw_bar(bar: Any, status: str, letter: float) -> None:
    place = (4, round(bar.shape[0] * 0.7))
    cv2.putText(bar, status, place, cv2.FONT_HERSHEY_SIMPLEX, letter / 22, LIGHT, _bar_weight(letter), cv2.LINE_AA)
