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
from edgeproof.output.draw import annotate, status_line
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
        "5-answer": annotate(frame, examination.reading, status_line(examination.reading, facts, 0.0)),
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
    """One picture, uint8 BGR, for a person: the frame with every candidate, its ink, what was refused and why, the answer."""
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


def _sheet(examination: Examination, columns: int = 20) -> Image | None:
    """All glyphs as the model saw them, in the order of the table."""
    glyphs = examination.glyphs
    if len(glyphs) == 0:
        return None
    missing = -len(glyphs) % columns
    tiles = np.pad(
        np.concatenate([glyphs, np.zeros((missing, *glyphs.shape[1:]), np.uint8)]),
        ((0, 0), (1, 1), (1, 1)),
        constant_values=90,
    )
    side = tiles.shape[1]
    sheet = tiles.reshape(-1, columns, side, side).transpose(0, 2, 1, 3).reshape(-1, columns * side)
    return _colour(np.kron(sheet, np.ones((2, 2), np.uint8)))


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

    return textwrap.wrap(_plain(text), max(8, round(width / (0.6 * letter))), replace_whitespace=False) or [""]


def _write(canvas: Any, text: str, at: tuple[int, int], colour: Colour, letter: int = LETTER) -> None:
    cv2.putText(
        canvas, _plain(text), at, cv2.FONT_HERSHEY_SIMPLEX, letter / 28, colour, max(1, letter // 14), cv2.LINE_AA
    )


def _plain(text: str) -> str:
    """OpenCV's letters are ASCII alone."""
    return printable(text).replace("°", " deg").encode("ascii", "replace").decode()
