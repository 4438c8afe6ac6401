"""A frame with what was read in it, drawn for a person: legible at any picture size, on any background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.classify import Facts
from edgeproof.reader import Reading

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red

MIN_SIDE = 960  # a smaller picture is enlarged by a whole factor until its longer side has this many pixels
SURE, UNSURE, NUMBER, DARK, LIGHT = (60, 160, 30), (0, 110, 230), (190, 80, 20), (40, 40, 40), (255, 255, 255)
RIM = 16  # pixels: smaller letters would drown in it
DOUBTFUL = 0.9  # a digit with a lower score is drawn in the other colour


def annotate(image: Image, reading: Reading, status: str) -> Image:
    """`image` (uint8 BGR) with boxes, digits, scores in percent and numbers, and `status` on a bar below it.

    The result may be an integer multiple of the picture's size; the bar adds rows.
    """
    import cv2

    factor = max(1, round(MIN_SIDE / max(image.shape[:2])))
    canvas: Any = image.copy()
    if factor > 1:
        canvas = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    unit = max(canvas.shape[:2]) / MIN_SIDE  # lines and letters grow with the picture
    line = max(1, round(1.5 * unit))
    for digit in reading.digits:
        x, y, width, height = (factor * side for side in digit.box)
        colour = SURE if digit.score >= DOUBTFUL else UNSURE
        cv2.rectangle(canvas, (x, y), (x + width, y + height), colour, line)
        letter = min(max(0.35 * height, 12 * unit), 32 * unit)
        below = y + height + line + letter
        _text(canvas, digit.name, (x, below), letter, colour)
        small = max(0.35 * letter, 9 * unit)
        _text(canvas, f"{100 * digit.score:.0f}", (x, below + 1.3 * small), small, colour)
    for number in reading.numbers:
        x, y, width, height = (factor * side for side in number.box)
        if len(number.digits) > 1:
            cv2.line(canvas, (x, y - 3 * line), (x + width, y - 3 * line), NUMBER, line)
            letter = min(max(0.3 * height, 9 * unit), 20 * unit)  # small on dense pages, where the line above is near
            _text(canvas, number.text, (x, y - 5 * line), letter, NUMBER)
    return _with_bar(canvas, status, unit)


def status_line(reading: Reading, facts: Facts, p50_ms: float) -> str:
    """What ran and how fast: `p50_ms` is the median time of recent frames, milliseconds."""
    return (
        f"{len(reading.digits)} digits | {facts.artifact} | {facts.backend} {facts.provider} | "
        f"p50 {p50_ms:.1f} ms | rejected {reading.rejected}"
    )


def _text(canvas: Any, text: str, bottom_left: tuple[float, float], height: float, colour: Colour) -> None:
    """Text of about `height` pixels, kept inside the picture, on a light rim where it is large."""
    import cv2

    scale, weight = height / 22, max(1, round(height / 12))
    (width, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, weight)
    x = min(max(0, round(bottom_left[0])), max(0, canvas.shape[1] - width))
    y = min(max(tall, round(bottom_left[1])), canvas.shape[0] - 1)
    if height >= RIM:
        cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, LIGHT, weight + 2, cv2.LINE_AA)
    cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, weight, cv2.LINE_AA)


def _with_bar(canvas: Any, status: str, unit: float) -> Image:
    import cv2

    height = 14 * unit
    (width, _), _ = cv2.getTextSize(status, cv2.FONT_HERSHEY_SIMPLEX, height / 22, 1)
    height *= min(1.0, (canvas.shape[1] - 8) / max(1, width))  # a narrow picture gets smaller letters, not fewer
    bar = np.full((max(8, round(2 * height)), canvas.shape[1], 3), DARK, np.uint8)
    place = (4, round(bar.shape[0] * 0.7))
    weight = max(1, round(height / 14))
    cv2.putText(bar, status, place, cv2.FONT_HERSHEY_SIMPLEX, height / 22, LIGHT, weight, cv2.LINE_AA)
    return np.vstack([canvas, bar])
