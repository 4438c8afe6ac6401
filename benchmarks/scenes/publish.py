"""The robustness table in Markdown, its plot, and a sheet of the scenes that it was measured on."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import published
from benchmarks.published import Illustration
from benchmarks.scenes import conditions
from benchmarks.scenes.conditions import BASE, CHANGES
from benchmarks.scenes.kinds.catalogue import KINDS
from benchmarks.scenes.report import EMPTY_GROUP, ConditionRow, RobustnessReport
from benchmarks.scenes.scene import Picture, Scene
from benchmarks.scenes.writer import Digits
from benchmarks.scoring import OVERLAP, overlap
from edgeproof.page.reader import Reader

SECTION = "scenes"
PLOT, SHEET = "robustness.png", "scenes.jpg"

RIGHT, SAME = "#0072b2", "#e69f00"  # told apart also by the colour-blind
SHOWN = (
    BASE.name, "squared", "creased", "on a table", "pencil", "hard shadow", "inverted", "out of focus, radius 3 pixels",
    "far edge 30 % smaller", "turned 15° to the left", "ballpoint on squares, shadow, noise, JPEG 40",
    "pencil on ruled paper, light from one side, noise", "pink on brown card", "blackboard", "hard shadow over two thirds",
)  # fmt: skip
SHOWN_KINDS = (
    "score card on a wooden table", "sheet held up in a dark room, webcam", "four notes in one picture",
    "form, a box for each digit", "rows on ruled lines, red margin", "algebra",
)  # fmt: skip


def markdown(report: RobustnessReport) -> str:
    """The table, one row per condition, and a line that says what was measured."""
    head = ["", "condition", "F1", "scenes right", "numbers right", "false digits per scene", "same answers"]
    lines = [published.table_row(head), published.table_row(["---", "---", *["---:"] * 5])]
    group = ""
    for row in report.rows:
        lines.append(published.table_row([row.group if row.group != group else "", row.name, *_cells(row)]))
        group = row.group
    digits = report.rows[0].tally.labelled
    lines += [
        "",
        f"{report.scenes} scenes per condition ({digits} digits; fewer of those with large digits), seed {report.seed}, "
        f"bundle {report.bundle}, `{report.artifact}` on {report.backend}, {report.time[:10]}. F1: right digit and IoU ≥ 0.3. "
        "Same answers: share of the digits, read with or without the disturbance, that were read the same in both. "
        "The handwriting is any MNIST test image, re-inked along its centre line.",
    ]
    return "\n".join(lines)


def _cells(row: ConditionRow) -> list[str]:
    tally = row.tally
    right = f"{tally.perfect} of {tally.pictures}"
    if row.group == EMPTY_GROUP:
        return ["", right, "", f"{tally.false_per_picture:.2f}", ""]
    same = f"{100 * row.same / max(1, row.answers or 0):.1f} %" if row.same is not None else ""
    return [f"{tally.f1:.3f}", right, f"{row.numbers_right} of {row.numbers}", f"{tally.false_per_picture:.2f}", same]


def save(report: RobustnessReport, out: Path) -> tuple[Path, Path]:
    """Write `report` as JSON and as PNG under OUT/<machine>/; returns both paths."""
    return published.save(report, report.environment, report.time, draw(report), out=out, kind=SECTION)


def write(report: RobustnessReport, document: Path, sheet: Picture) -> list[Path]:
    """Put plot, `sheet` and table into `document`; returns what was written. Raises what `published.replace` raises."""
    coded = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
    shown = (
        Illustration(PLOT, "F1 and same answers per condition", draw(report)),
        Illustration(SHEET, "Drawn scenes, with what was read", coded.tobytes()),
    )
    return published.replace(document, SECTION, markdown(report), shown)


def draw(report: RobustnessReport) -> bytes:
    """PNG bytes: a bar to the F1 of each condition and a dot at its share of same answers; false digits where no F1 is."""
    rows = [row for row in report.rows if row.group != EMPTY_GROUP]
    half = (len(rows) + 1) // 2
    figure = published.new_figure(13, 1.4 + 0.25 * half)
    for panel, part in zip(figure.subplots(1, 2), (rows[:half], rows[half:]), strict=True):
        _draw_panel(panel, part)
    empty = " · ".join(
        f"{row.name} {row.tally.false_per_picture:.2f}" for row in report.rows if row.group == EMPTY_GROUP
    )
    figure.suptitle(
        f"edgeproof on drawn scenes · bundle {report.bundle} · seed {report.seed} · {report.time[:10]}\n"
        + "\n".join(textwrap.wrap(f"false digits per picture without digits: {empty}", 150)), fontsize=10,
    )  # fmt: skip
    handles = [published.patch(RIGHT, "F1 of right digits"), published.patch(SAME, "same answers as undisturbed")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return published.png(figure, 110)


def _draw_panel(panel: Any, rows: list[ConditionRow]) -> None:
    places = range(len(rows))
    panel.barh(places, [row.tally.f1 for row in rows], color=RIGHT, height=0.72)
    same = [(place, row.same / max(1, row.answers or 0)) for place, row in enumerate(rows) if row.same is not None]
    panel.plot([share for _, share in same], [place for place, _ in same], "o", color=SAME, markersize=5)
    for place, row in enumerate(rows):
        inside = row.tally.f1 > 0.1  # a shorter bar has no room for its figure, which then stands beside it
        at, colour = (0.01, "white") if inside else (row.tally.f1 + 0.02, "black")
        panel.annotate(f"{row.tally.f1:.3f}", (at, place), va="center", fontsize=7, color=colour)
    panel.set_yticks(places, [f"{row.name} · {row.group}" for row in rows], fontsize=7)
    panel.set_xlim(0, 1.02)
    panel.invert_yaxis()
    panel.tick_params(axis="x", labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.margins(y=0.01)


def examples(reader: Reader, digits: Digits, seed: int) -> Picture:
    """A sheet of scenes: those of SHOWN and SHOWN_KINDS, boxes where digits were read: right ones in blue, wrong ones in red."""
    bases = conditions.bases(digits, 4, seed)
    named = {condition.name: condition for condition in (BASE, *CHANGES)}
    scenes = {name: named[name].make(bases[i % len(bases)])[0] for i, name in enumerate(SHOWN)}
    scenes |= {kind.name: kind.draw(digits, seed) for kind in KINDS if kind.name in SHOWN_KINDS}
    cells = []
    for name, scene in scenes.items():
        shown = cv2.resize(_with_reading(scene, reader), (480, 360), interpolation=cv2.INTER_AREA)
        cv2.rectangle(shown, (0, 0), (480, 22), (255, 255, 255), cv2.FILLED)
        plain = name.encode("ascii", "ignore").decode()  # OpenCV's letters know no other
        cv2.putText(shown, plain, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        cells.append(shown)
    rows = [np.hstack(cells[i : i + 3]) for i in range(0, len(cells), 3)]
    return np.asarray(np.vstack(rows), np.uint8)


def _with_reading(scene: Scene, reader: Reader) -> Picture:
    picture = scene.picture.copy()
    for digit in reader.read(scene.picture).digits:
        best = max(scene.digits, key=lambda mark: overlap(mark.box, digit.box))
        right = best.text == digit.name and overlap(best.box, digit.box) >= OVERLAP
        colour = (178, 114, 0) if right else (0, 0, 230)
        x, y, width, height = digit.box
        cv2.rectangle(picture, (x - 2, y - 2), (x + width + 2, y + height + 2), colour, 2)
        cv2.putText(picture, digit.name, (x, y - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, 2, cv2.LINE_AA)
    return picture
