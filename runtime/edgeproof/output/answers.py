"""A frame with what it shows, drawn for a person: one answer large below the picture, or one in each region."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

from edgeproof.output import draw
from edgeproof.output.draw import DARK, DOUBTFUL, LIGHT, Canvas, Colour, Image, canvas_for
from edgeproof.page.reading import Guess, Reading, Region
from edgeproof.support.opencv import cv2
from edgeproof.support.terminal import printable
from edgeproof.tracking.regions import HISTORY_S
from edgeproof.tracking.tracker import Spell

SURE, UNSURE, DIM, TROUGH = (110, 210, 90), (60, 160, 250), (170, 170, 170), (75, 75, 75)  # on the dark panel
NOT_SURE = "not sure"
PANEL_WIDTH = 640.0  # units that the panel's letters are made for; on a narrower picture they shrink
NAME, LINE, GAP = 40.0, 26.0, 12.0  # heights in the panel: of the answer, a line of text, the space around, units
STRIP = 26.0  # of the history
BARS = 3  # classes beside the answer


def drawn(image: Image, reading: Reading, status: str, history: Sequence[Spell] = ()) -> Image:
    """`image` (uint8 BGR) with what was read in it, whatever kind of reading it is."""
    if reading.regions:
        return annotate(image, reading, status, history)
    return draw.annotate(image, reading, status)


def annotate(image: Image, reading: Reading, status: str, history: Sequence[Spell] = ()) -> Image:
    """`image` (uint8 BGR) with the answers of its regions, and `status` on a bar below it.

    Of one region the answer, its score and the likeliest classes stand on a panel between the two, and `history`, where there is
    some. Of several each has a frame and a label. The result may be an integer multiple of the picture's size.
    """
    single = len(reading.regions) == 1
    rows = 2 * GAP + BARS * LINE + GAP + (STRIP if history else 0)
    canvas = canvas_for(image, status, lambda width, unit: round(rows * _scale(width, unit)) if single else 0)
    if not single:
        for region in reading.regions:
            _draw_region(canvas, region)
        return canvas.whole  # type: ignore[no-any-return]
    (region,) = reading.regions
    if region.box[2:] != (image.shape[1], image.shape[0]):
        _frame(canvas, region, _colour(region))
    _draw_panel(canvas.panel, region, history, _scale(canvas.panel.shape[1], canvas.unit))
    return canvas.whole  # type: ignore[no-any-return]


def class_colour(name: str) -> Colour:
    """Always the same for a name, as on the web page; dark enough for light letters, and pale, for it means nothing."""
    mixed = 7
    for letter in name:
        mixed = (31 * mixed + ord(letter)) % 9973
    red, green, blue = colorsys.hls_to_rgb((47 * mixed % 360) / 360, 0.32, 0.3)
    return round(255 * blue), round(255 * green), round(255 * red)


def plain(text: str) -> str:
    """OpenCV's letters are ASCII alone."""
    return printable(text).replace("°", " deg").encode("ascii", "replace").decode()


def bars(canvas: Any, guesses: Sequence[Guess], line: float) -> None:
    """A line of so many pixels for each guess: its name, a bar as long as its score, and that in percent. Light on dark."""
    width = canvas.shape[1]
    start, end = round(0.45 * width), round(0.82 * width)
    for place, guess in enumerate(guesses):
        foot = round((place + 0.7) * line)
        put(canvas, guess.name, (0, foot), 0.55 * line, colour=LIGHT, room=0.42 * width)
        high = foot - round(0.42 * line)
        cv2.rectangle(canvas, (start, high), (end, foot), TROUGH, -1)
        cv2.rectangle(canvas, (start, high), (start + round((end - start) * guess.score), foot), DIM, -1)
        percent = f"{100 * guess.score:.0f} %"
        put(canvas, percent, (round(0.85 * width), foot), 0.55 * line, colour=LIGHT, room=0.15 * width)


def put(canvas: Any, text: str, at: tuple[int, int], height: float, *, colour: Colour, room: float) -> None:
    """Text of letters `height` pixels high from `at` (left, foot); smaller, and at last cut, where it is wider than `room`."""
    text = plain(text)
    width = _width(text, height)
    if width > room:
        height = max(0.6 * height, height * room / width)
        while len(text) > 2 and _width(text, height) > room:
            text = text.rstrip(".")[:-1] + ".."
    if _width(text, height) <= max(room, 1) or len(text) > 2:
        cv2.putText(
            canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, height / 22, colour, max(1, round(height / 12)), cv2.LINE_AA
        )


def _width(text: str, height: float) -> int:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, height / 22, max(1, round(height / 12)))
    return int(width)


def _scale(width: int, unit: float) -> float:
    return min(unit, width / PANEL_WIDTH)


def _colour(region: Region) -> Colour:
    if region.answer is None:
        return DIM
    return SURE if region.answer.score >= DOUBTFUL else UNSURE


def _draw_panel(panel: Any, region: Region, history: Sequence[Spell], scale: float) -> None:
    """The answer on the left, the likeliest classes on the right, what it was of late below."""
    width, gap, line = panel.shape[1], round(GAP * scale), LINE * scale
    answer, colour = region.answer, _colour(region)
    half = round(0.48 * width)
    foot = gap + round(0.9 * NAME * scale)
    put(panel, answer.name if answer else NOT_SURE, (gap, foot), NAME * scale, colour=colour, room=half - 2 * gap)
    if answer:
        high, low, end = foot + round(16 * scale), foot + round(29 * scale), half - gap - round(90 * scale)
        cv2.rectangle(panel, (gap, high), (end, low), TROUGH, -1)
        cv2.rectangle(panel, (gap, high), (gap + round((end - gap) * answer.score), low), colour, -1)
        put(panel, f"{100 * answer.score:.0f} %", (end + gap, low), 0.65 * line, colour=colour, room=half - end - gap)
    bars(panel[gap:, half : width - gap], region.top[:BARS], line)
    if history:
        top = round((2 * GAP + BARS * LINE) * scale)
        _draw_history(panel[top : top + round(STRIP * scale), gap : width - gap], history, scale)


def _draw_history(strip: Any, history: Sequence[Spell], scale: float) -> None:
    """The last HISTORY_S seconds, now on the right: a block for each spell, as wide as it was long."""
    height, width = strip.shape[:2]
    strip[:] = TROUGH
    right = float(width)
    for spell in reversed(history):
        left = right - spell.seconds / HISTORY_S * width
        at, end = round(left), round(right)
        if spell.text and end > at:
            cv2.rectangle(strip, (at, 0), (max(at, end - 2), height), class_colour(spell.text), -1)
            letter = 0.55 * height
            if _width(plain(spell.text), letter) < end - at - 8 * scale:
                place = at + round(4 * scale), round(0.72 * height)
                put(strip, spell.text, place, letter, colour=LIGHT, room=end - at)
        right = left


def _draw_region(canvas: Canvas, region: Region) -> None:
    """Its frame, and its answer on a label in the upper left corner, as large as there is room for."""
    colour = _colour(region)
    x, y, width, height = _frame(canvas, region, colour)
    letter = min(max(0.14 * height, 10 * canvas.unit), 22 * canvas.unit, 0.5 * height)
    text = f"{region.answer.name}  {100 * region.answer.score:.0f}" if region.answer else "?"
    wide = min(_width(plain(text), letter) + letter, width)
    cv2.rectangle(canvas.picture, (x, y), (round(x + wide), round(y + 1.6 * letter)), DARK, -1)
    place = round(x + letter / 2), round(y + 1.2 * letter)
    put(canvas.picture, text, place, letter, colour=colour, room=wide - letter)


def _frame(canvas: Canvas, region: Region, colour: Colour) -> tuple[int, int, int, int]:
    """Just inside the region, so that neighbours do not hide each other's; where that is, in pixels of the canvas."""
    x, y, width, height = (canvas.factor * side for side in region.box)
    line = max(1, round(1.5 * canvas.unit))
    corner = (x + width - 1 - line // 2, y + height - 1 - line // 2)
    cv2.rectangle(canvas.picture, (x + line // 2, y + line // 2), corner, colour, line)
    return x, y, width, height
