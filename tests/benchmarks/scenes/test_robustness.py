"""Reading keeps its level on disturbed scenes, and the verb measures them all."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.scenes import conditions, layout, robustness
from benchmarks.scenes.conditions import BASE, CHANGES, Base
from benchmarks.scenes.kinds.catalogue import KINDS
from benchmarks.scenes.writer import Digits
from benchmarks.scoring import Tally
from edgeproof.page.reader import Reader

NAMED = {condition.name: condition for condition in (BASE, *CHANGES)}

#: F1 that reading keeps, and the share of answers that stay, on two pages of numbers and sums (a regression check; the
#: table in docs/results.md has all conditions). One digit of 67 is 0.015.
KEPT = {
    BASE.name: (0.93, 1.0),
    "creased": (0.93, 0.95),
    "hard shadow": (0.90, 0.95),
    "inverted": (0.93, 0.95),
    "JPEG, quality 40": (0.93, 0.95),
    "twice the size": (0.93, 0.95),
    "far edge 15 % smaller": (0.90, 0.93),
}


@pytest.fixture(scope="module")
def pages(digits: Digits) -> list[Base]:
    return conditions.bases(digits, 2, seed=1)


@pytest.mark.parametrize("name", KEPT)
def test_reading_keeps_its_level(reader: Reader, pages: list[Base], name: str) -> None:
    tally, same, answers = Tally(), 0, 0
    for base in pages:
        scene, matrix = NAMED[name].make(base)
        before, after = reader.read(base.scene.picture), reader.read(scene.picture)
        tally += robustness.count_row("", name, [scene], [after]).tally
        kept, every = robustness.same_answers(before, after, matrix)
        same, answers = same + kept, answers + every
    f1, share = KEPT[name]
    assert tally.labelled >= 60
    assert tally.f1 >= f1, tally
    assert same >= share * answers, f"{same} of {answers}"


def test_a_blank_page_holds_no_number(reader: Reader, digits: Digits) -> None:
    for scene in conditions.empty("blank", digits, 2, 1):
        assert reader.read(scene.picture).digits == ()


@pytest.mark.slow
def test_the_verb_measures_every_condition(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On one scene each, with every picture kept: the labels are those of a scorer of photographs."""
    kept = tmp_path / "kept"
    words = ["scenes", "--run", str(run), "--scenes", "1", "--out", str(tmp_path / "out"), "--keep", str(kept)]
    assert benchmarks.main(words) == 0
    printed = capsys.readouterr().out
    rows = [json.loads(line) for line in (kept / "labels.jsonl").read_text().splitlines()]
    assert len(rows) == 1 + len(CHANGES) + len(conditions.SIZES) + 1 + len(layout.WITHOUT_DIGITS) + len(KINDS)
    assert len({row["image"] for row in rows}) == len(rows)
    for row in (*CHANGES, *KINDS):
        assert f"| {row.name} |" in printed
    for label in rows:
        picture = cv2.imread(str(kept / label["image"]))
        assert picture is not None
        assert picture.shape[:2] == (label["height"], label["width"])
        assert "".join(str(box["digit"]) for box in label["boxes"]) == "".join(label["numbers"])
