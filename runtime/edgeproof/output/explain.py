"""Why a picture was read as it was: for a person as one picture (`edgeproof explain`), for work on the code as a picture of
every stage and a table of every candidate (`read --debug DIR`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.classifier import Facts
from edgeproof.input_contract import in_bgr
from edgeproof.output import answers
from edgeproof.output.answers import plain
from edgeproof.output.draw import DARK, status_line
from edgeproof.page import pictures
from edgeproof.page.reading import Examination
from edgeproof.support.opencv import cv2
from edgeproof.support.terminal import printable

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red

YES, NO, NEVER, TEXT, PAPER = (60, 150, 30), (40, 40, 210), (170, 130, 90), (40, 40, 40), (255, 255, 255)
WIDTH = 1000  # of the pictures in the explanation, pixels
TALLEST = 1400  # of the same
COLUMN = 760  # width of the list beside them
ROW = 64  # height of a line of the list
SHEET = 600  # width of the sheet of glyphs, glyph pixels
INPUT = 160  # side of an input of a model of pictures in it
GLYPH = 56  # side of a glyph in it
MOST_ROWS = 24  # refused candidates listed; the rest is counted
LETTER = 15  # height of the text


@dataclass(frozen=True)
class CandidateRow:
    """One thing that was looked at. box: x, y, width, height, frame pixels. name, score: its best class; empty and 0 for
    what was never a candidate. reason: why it was refused; empty for a digit that was read."""

    box: tuple[int, int, int, int]
    name: str
    score: float
    reason: str


def rows(examination: Examination, classes: Sequence[str]) -> list[CandidateRow]:
    """Every candidate in the order of the glyphs, then what was never one."""
    verdicts = examination.verdicts
    names = [classes[label] if label != scores.REJECTED else "-" for label in verdicts.labels.tolist()]
    found = [
        CandidateRow(candidate.box, name, float(score), reason)
        for candidate, name, score, reason in zip(
            examination.candidates, names, verdicts.scores, verdicts.reasons, strict=True
        )
    ]
    return found + [CandidateRow(dropped.box, "", 0.0, dropped.reason) for dropped in examination.segmentation.dropped]


def stages(frame: Image, examination: Examination, facts: Facts) -> dict[str, Image]:
    """The picture of every stage that there was, by its name."""
    found = {
        "1-ink": _ink(examination),
        "2-strokes": _strokes(examination),
        "3-candidates": _candidates(frame, examination),
        "4-glyphs": _sheet(examination),
        "5-answer": answers.drawn(frame, examination.reading, status_line(examination.reading, facts, 0.0)),
    }
    return {name: image for name, image in found.items() if image is not None}


def table(examination: Examination, classes: Sequence[str]) -> str:
    """`rows` as tab-separated values."""
    head = "number\tx\ty\twidth\theight\tclass\tscore\treason\n"
    lines = [
        "\t".join(map(str, (number, *row.box, printable(row.name), f"{row.score:.4f}", row.reason)))
        for number, row in enumerate(rows(examination, classes), 1)
    ]
    note = f"# {examination.segmentation.nothing}\n" if examination.segmentation.nothing else ""
    return note + head + "\n".join(lines) + "\n"


def picture(frame: Image, examination: Examination, classes: Sequence[str]) -> Image:
    """One picture, uint8 BGR, for a person: the frame with every candidate, its ink, what was refused and why, the answer.

    Of pictures: the frame with every region, what the model saw of each, the likeliest classes, and why it was refused.
    """
    if examination.reading.regions:
        return _picture_of_answers(frame, examination)
    marked = _fitted(_candidates(frame, examination))
    ink = _ink(examination)
    parts = [_titled(marked, "1  what was looked at: green read, red refused, blue never a candidate")]
    if ink is not None:
        parts.append(_titled(_fitted(ink), "2  the ink, without paper and light"))
    left = _stacked(parts)
    right = _stacked([*_read(examination, classes), *_refused(examination, classes)])
    height = max(len(left), len(right))
    body = np.hstack([_taller(left, height), _taller(right, height)])
    text = " ".join(number.text for number in examination.reading.numbers)
    answer = (
        f"read: {text}" if text else f"nothing read: {examination.segmentation.nothing or 'everything was refused'}"
    )
    return _stacked([body, *_lines(answer, body.shape[1], 28)])


def _picture_of_answers(frame: Image, examination: Examination) -> Image:
    regions = examination.reading.regions
    marked, title = frame, "1  what was looked at: all of it"
    if regions[0].box[2:] != (frame.shape[1], frame.shape[0]):
        marked, title = _candidates(frame, examination), "1  what was looked at: green taken, red refused"
    left = _titled(_fitted(marked), title)
    right = _stacked([*_lines("2  as the model saw it, and what it may be", COLUMN), *_answer_rows(examination)])
    height = max(len(left), len(right))
    body = np.hstack([_taller(left, height), _taller(right, height)])
    names = ", ".join(region.answer.name if region.answer else answers.NOT_SURE for region in regions[:MOST_ROWS])
    return _stacked([body, *_lines(f"read: {names}", body.shape[1], 28)])


def _answer_rows(examination: Examination) -> list[Image]:
    """A dark row per region: its number, its input enlarged, the likeliest classes; below it why they were refused."""
    regions, rows = examination.reading.regions, []
    for number, (region, reason) in enumerate(zip(regions[:MOST_ROWS], examination.verdicts.reasons, strict=False), 1):
        row = np.full((INPUT + 16, COLUMN, 3), DARK, np.uint8)
        _write(row, str(number), (8, 24), PAPER)
        row[8 : 8 + INPUT, 44 : 44 + INPUT] = _enlarged(region.image)
        answers.bars(row[8:, INPUT + 64 : COLUMN - 8], region.top[: pictures.SHOWN], INPUT / pictures.SHOWN)
        rows.append(row)
        if reason:
            rows += _lines(f"refused: {reason}", COLUMN)
    return rows + (_lines(f"and {len(regions) - MOST_ROWS} more", COLUMN) if len(regions) > MOST_ROWS else [])


def _enlarged(image: Image) -> Image:
    """An input of the model, in a grey square of INPUT pixels; each of its pixels to be seen, where it has that few."""
    scale = INPUT / max(image.shape[:2])
    how = cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA
    size = [max(1, round(scale * side)) for side in image.shape[:2]]
    shown = cv2.resize(in_bgr(image), (size[1], size[0]), interpolation=how)
    top, left = (INPUT - size[0]) // 2, (INPUT - size[1]) // 2
    square = np.full((INPUT, INPUT, 3), 90, np.uint8)
    square[top : top + size[0], left : left + size[1]] = shown
    return square


def _ink(examination: Examination) -> Image | None:
    page = examination.segmentation.page
    return None if page is None else _colour(255 - np.minimum(page.ink, 254))


def _strokes(examination: Examination) -> Image | None:
    mask = examination.segmentation.mask
    return None if mask is None else _colour(255 - mask)


def _candidates(frame: Image, examination: Examination) -> Image:
    """The frame, enlarged when it is small, with the box and number of every candidate."""
    factor = max(1, round(WIDTH / max(frame.shape[:2])))
    canvas: Any = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    line = max(1, round(max(canvas.shape) / 600))

    def box(at: tuple[int, int, int, int], colour: Colour) -> tuple[int, int]:
        x, y, width, height = (factor * side for side in at)
        cv2.rectangle(canvas, (x, y), (x + width, y + height), colour, line)
        return x, y

    for dropped in examination.segmentation.dropped:
        box(dropped.box, NEVER)
    verdicts = examination.verdicts
    for number, (candidate, reason) in enumerate(zip(examination.candidates, verdicts.reasons, strict=True), 1):
        x, y = box(candidate.box, NO if reason else YES)
        if len(examination.candidates) <= 200:
            cv2.putText(canvas, str(number), (x, max(12 * line, y - 2 * line)), cv2.FONT_HERSHEY_SIMPLEX, 0.45 * line,
                        NO if reason else YES, line, cv2.LINE_AA)  # fmt: skip
    return canvas  # type: ignore[no-any-return]


def _sheet(examination: Examination) -> Image | None:
    """All glyphs, or inputs, as the model saw them, in the order of the table."""
    if len(examination.glyphs) == 0:
        return None
    tiles = [np.pad(in_bgr(glyph), ((1, 1), (1, 1), (0, 0)), constant_values=90) for glyph in examination.glyphs]
    columns = max(1, SHEET // tiles[0].shape[1])
    tiles += [np.full_like(tiles[0], 90)] * (-len(tiles) % columns)
    sheet = np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])
    return sheet.repeat(2, axis=0).repeat(2, axis=1) if tiles[0].shape[1] < GLYPH else sheet


def _read(examination: Examination, classes: Sequence[str]) -> list[Image]:
    """The glyphs that were read, a few to a line, each with its name and score in percent."""
    accepted = [i for i, reason in enumerate(examination.verdicts.reasons) if not reason]
    lines = _lines(f"3  {len(accepted)} read, as the model saw them", COLUMN)
    each = COLUMN // 10
    for start in range(0, min(len(accepted), 100), 10):
        strip = np.full((GLYPH + 24, COLUMN, 3), PAPER, np.uint8)
        for place, i in enumerate(accepted[start : start + 10]):
            name, score = classes[int(examination.verdicts.labels[i])], float(examination.verdicts.scores[i])
            _put_glyph(strip, examination.glyphs[i], place * each + 4)
            _write(strip, f"{name}  {100 * score:.0f}", (place * each + 6, GLYPH + 18), YES)
        lines.append(strip)
    if len(accepted) > 100:
        lines += _lines(f"and {len(accepted) - 100} more", COLUMN)
    return lines


def _refused(examination: Examination, classes: Sequence[str]) -> list[Image]:
    """A line per refused candidate: its number, the glyph and the reason; then how many were never a candidate, by reason."""
    listed = rows(examination, classes)[: len(examination.candidates)]
    refused = [(number, row) for number, row in enumerate(listed, 1) if row.reason]
    lines = _lines(f"4  {len(refused)} refused", COLUMN)
    for number, row in refused[:MOST_ROWS]:
        strip = np.full((ROW, COLUMN, 3), PAPER, np.uint8)
        _write(strip, str(number), (4, ROW // 2 + 6), NO)
        _put_glyph(strip, examination.glyphs[number - 1], 46)
        for place, text in enumerate(_wrapped(row.reason, COLUMN - 120)[:3]):
            _write(strip, text, (114, 20 + 20 * place), TEXT)
        lines.append(strip)
    if len(refused) > MOST_ROWS:
        lines += _lines(f"and {len(refused) - MOST_ROWS} more", COLUMN)
    if examination.reading.left_off:
        lines += _lines(f"{examination.reading.left_off} things beyond the cap were not looked at", COLUMN)
    reasons = [dropped.reason for dropped in examination.segmentation.dropped]
    lines += _lines(f"5  {len(reasons)} were never candidates", COLUMN)
    for reason in sorted(set(reasons)):
        lines += _lines(f"   {reasons.count(reason)} x {reason}", COLUMN)
    return lines


# --- drawing ----------------------------------------------------------------------------------------------------------


def _colour(grey: Any) -> Image:
    return np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=2)


def _fitted(image: Image) -> Image:
    scale = min(WIDTH / image.shape[1], TALLEST / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)  # type: ignore[return-value]


def _titled(image: Image, title: str) -> Image:
    return _stacked([*_lines(title, max(image.shape[1], WIDTH)), image])


def _stacked(parts: Sequence[Image]) -> Image:
    width = max(part.shape[1] for part in parts)
    return np.vstack(
        [np.pad(part, ((0, 6), (0, width - part.shape[1]), (0, 0)), constant_values=255) for part in parts]
    )


def _taller(image: Image, height: int) -> Image:
    return np.pad(image, ((0, height - len(image)), (8, 8), (0, 0)), constant_values=255)


def _put_glyph(strip: Image, image: Image, left: int) -> None:
    twice = np.kron(image, np.ones((2, 2), np.uint8))
    strip[2 : 2 + GLYPH, left : left + GLYPH] = 255 - twice[..., None]
    strip[[2, 1 + GLYPH], left : left + GLYPH] = strip[2 : 2 + GLYPH, [left, left + GLYPH - 1]] = 200


def _lines(text: str, width: int, letter: int = LETTER) -> list[Image]:
    """`text` on white strips `width` pixels wide, as many as it takes."""
    strips = []
    for part in _wrapped(text, width - 8, letter):
        strip = np.full((round(1.6 * letter), width, 3), PAPER, np.uint8)
        _write(strip, part, (4, round(1.2 * letter)), TEXT, letter)
        strips.append(strip)
    return strips


def _wrapped(text: str, width: int, letter: int = LETTER) -> list[str]:
    import textwrap

    return textwrap.wrap(plain(text), max(8, round(width / (0.6 * letter))), replace_whitespace=False) or [""]


def _write(canvas: Any, text: str, at: tuple[int, int], colour: Colour, letter: int = LETTER) -> None:
    cv2.putText(
        canvas, plain(text), at, cv2.FONT_HERSHEY_SIMPLEX, letter / 28, colour, max(1, letter // 14), cv2.LINE_AA
    )
