"""What each constant of the page reader is worth: which there are, how one is changed, and what is counted."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import page_constants, sensitivity
from benchmarks.page_constants import Change, Constant
from benchmarks.sensitivity import EMPTY, PHOTOGRAPHS, SCENES, TOUCHING, Bench, Picture
from edgeproof.bundle import load_bundle
from edgeproof.page.reader import open_reader

SOURCE = """
ALONE = 0.8  # a comment
FEW, MORE = 0.65, 14
BOTH: tuple[float, int] = (0.08, -3)
WORD, HALF_A_WORD = "eight", ("eight", 8)
TWICE = 2 * ALONE
_SQUARE = square((3, 3))
YES = True
small = 4


def inside() -> float:
    LOCAL = 3
    return LOCAL
"""


def named(name: str) -> Constant:
    return next(one for one in page_constants.constants() if str(one) == name)


@pytest.fixture(scope="module")
def picture() -> Picture:
    """Two digits of the bundle, 56 pixels high, dark on light."""
    golden = load_bundle().golden
    page = np.full((120, 240), 230, np.uint8)
    digits = []
    for place, label in enumerate((3, 8)):
        ink = cv2.resize(golden.images[int(np.flatnonzero(golden.labels == label)[0])], (56, 56))
        x = 40 + 100 * place
        page[32:88, x : x + 56] -= (0.8 * ink).astype(np.uint8)
        digits.append((label, (x + 8, 40, 40, 40)))
    return Picture(SCENES, cv2.cvtColor(page, cv2.COLOR_GRAY2BGR).astype(np.uint8), tuple(digits))


def test_constants_are_numbers_with_an_upper_case_name() -> None:
    found = list(page_constants.constants_in("page", SOURCE))
    values = {str(one): one.value for one in found}
    assert values == {"page.ALONE": 0.8, "page.FEW": 0.65, "page.MORE": 14, "page.BOTH[0]": 0.08, "page.BOTH[1]": 3}


def test_every_constant_of_the_page_reader_is_found_with_its_value() -> None:
    found = page_constants.constants()
    for one in found:
        value = getattr(importlib.import_module(f"edgeproof.page.{one.module}"), one.name)
        assert one.value == abs(value[one.place] if one.place >= 0 else value), one
    assert {"geometry.MIN_DIGIT_HEIGHT_PX", "numbers.POINT_SIZE_HEIGHTS[1]", "segment.MAX_CANDIDATES"} <= set(
        map(str, found)
    )


@pytest.mark.parametrize(
    ("value", "less", "more"), [(0.5, 0.35, 0.65), (10, 7, 13), (1, 0, 2), (2, 1, 3), (4000, 2800, 5200)]
)
def test_whole_numbers_stay_whole_and_move(value: float, less: float, more: float) -> None:
    for share, expected in ((-0.3, less), (0.3, more)):
        moved = page_constants.changed(value, share)
        assert moved == pytest.approx(expected)
        assert type(moved) is type(value)


def test_only_the_number_asked_for_is_changed() -> None:
    for one in page_constants.constants_in("page", SOURCE):
        namespace = {"square": tuple}
        exec(compile(page_constants.tree_with(Change(one, 99), SOURCE), "page", "exec"), namespace)
        again = {name: namespace[name] for name in ("ALONE", "FEW", "MORE", "BOTH", "TWICE")}
        expected = {"ALONE": 0.8, "FEW": 0.65, "MORE": 14, "BOTH": (0.08, -3), "TWICE": 1.6}
        expected[one.name] = {"page.BOTH[0]": (99, -3), "page.BOTH[1]": (0.08, -99)}.get(str(one), 99)
        expected["TWICE"] = 2 * expected["ALONE"]  # type: ignore[operator]
        assert again == expected


def test_a_change_reaches_whatever_imports_it_and_leaves_the_rest_alone() -> None:
    from edgeproof.page import geometry, reader, segment

    change = Change(named("geometry.MIN_DIGIT_HEIGHT_PX"), 11)
    with page_constants.page_reader(change) as module:
        there = {name: sys.modules[f"edgeproof.page.{name}"] for name in ("geometry", "segment")}
        assert module is not reader
        assert (there["geometry"].MIN_DIGIT_HEIGHT_PX, there["segment"].MIN_DIGIT_HEIGHT_PX) == (11, 11)
        assert "11 pixels" in there["segment"].Dropped((0, 0, 1, 1), "low").reason, "what is computed from it follows"
    assert sys.modules["edgeproof.page.reader"] is reader
    assert importlib.import_module("edgeproof").page.segment is segment
    assert geometry.MIN_DIGIT_HEIGHT_PX == 6
    with page_constants.page_reader(None):
        assert sys.modules["edgeproof.page.geometry"].MIN_DIGIT_HEIGHT_PX == 6, (
            "nothing of the change is kept on the disk"
        )


def test_a_reading_counts_as_changed_when_it_is_another(picture: Picture) -> None:
    empty = Picture(EMPTY, np.full((60, 60, 3), 200, np.uint8))
    together = replace(picture, kind=TOUCHING, digits=(), text="38")
    with Bench(None, [picture, empty, together]) as bench:
        base = bench.outcome(None)
        assert base.changed == {SCENES: 0, TOUCHING: 0, PHOTOGRAPHS: 0, EMPTY: 0}
        assert (base.tallies[SCENES].right, base.tallies[EMPTY].pictures) == (2, 1)
        blind = bench.outcome(Change(named("geometry.MIN_DIGIT_HEIGHT_PX"), 500))
    assert blind.changed == {SCENES: 1, TOUCHING: 1, PHOTOGRAPHS: 0, EMPTY: 0}
    assert (base.tallies[TOUCHING].perfect, blind.tallies[TOUCHING].perfect) == (1, 0)
    assert blind.tallies[SCENES].right == 0


def test_the_table_has_a_line_per_constant(picture: Picture) -> None:
    smallest, cap, other = map(
        named, ("geometry.MIN_DIGIT_HEIGHT_PX", "segment.MAX_CANDIDATES", "segment.MAX_STROKE_FILL")
    )
    tried = {smallest: (4, 500), cap: (700, 1300), other: (0.5, 0.7)}
    changes = [Change(one, value) for one, values in tried.items() for value in values]
    base, *outcomes = sensitivity.measure(None, [picture], [None, *changes])
    lines = sensitivity.markdown(base, list(zip(changes, outcomes, strict=True))).splitlines()
    assert lines[2].startswith("| as it is |  | 1.0000 | 1.0000 |")
    assert lines[3] == "| `geometry.MIN_DIGIT_HEIGHT_PX` | 6 |  | 0.0000 (−1.0000) |  |  |  |  |  |  | 0 | 1 |"
    assert lines[4] == "| `segment.MAX_CANDIDATES` | 1000 |  |  |  |  |  |  |  |  | 0 | 0 |"
    assert "3 constants, of which 2 change no reading" in lines[-1]


def test_labelled_photographs_may_hold_nothing_to_read(picture: Picture, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture.frame)
    rows = [
        {"image": "a.png", "digits": "38", "boxes": [{"digit": d, "bbox": box} for d, box in picture.digits]},
        {"image": "a.png", "digits": "", "boxes": []},
        {"image": "a.png", "digits": "38"},  # says what is written, and not where
    ]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = list(sensitivity.load(tmp_path))
    assert [(one.kind, len(one.digits)) for one in found] == [(PHOTOGRAPHS, 2), (EMPTY, 0)]
    assert (found[0].frame == picture.frame).all()


def test_touching_digits_are_those_that_are_read_alone() -> None:
    golden = load_bundle().golden
    digits = golden.images[golden.labels < 10], golden.labels[golden.labels < 10]
    with open_reader() as reader:
        found = sensitivity.draw_touching(reader, digits, 1, 1)
    assert [(one.kind, len(one.text)) for one in found] == 4 * [(TOUCHING, 4)] + 4 * [(TOUCHING, 5)]
    assert all(one.frame.ndim == 3 for one in found)
