"""Which straight pieces of ink are lines of the page: ruling, tables, boxes; and which are strokes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.page.ink import line_removal
from edgeproof.page.ink import ruling as module

Mask = NDArray[np.uint8]
NO_BOXES = np.zeros((0, 4), np.int64)


def paper(height: int = 480, width: int = 640) -> Mask:
    return np.zeros((height, width), np.uint8)


def found(mask: Mask, boxes=NO_BOXES, shortest: float | None = None) -> tuple[int, int]:
    ruling = module.find([mask], boxes, shortest)
    return (len(ruling.level), len(ruling.upright)) if ruling else (0, 0)


def worked_on(side: int) -> int:
    """The longest side of the picture in which lines of one of `side` pixels are looked for."""
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        tracks = module.tracks
        patch.setattr(
            module, "tracks", lambda masks, run, broad: seen.append(max(masks[0].shape)) or tracks(masks, run, broad)
        )
        module.find([paper(side, side)], NO_BOXES)
    return seen[0]


def lines_are_looked_for_in_a_small_picture() -> None:
    assert worked_on(620) == 620
    assert worked_on(660) == 330


def is_ruled(width: int) -> bool:
    """Whether a flat box amid a page of 1,000 pixels, beside one that is as tall as the page, is taken for a line."""
    boxes = np.array([(300, 400, width, 20), (900, 0, 30, 1000)])
    return bool(line_removal.is_line(boxes, (1000, 1000))[0])


def a_wide_flat_piece_has_a_line_in_it() -> None:
    assert is_ruled(160)
    assert not is_ruled(140)


PROBES: dict[str, Callable[[], None]] = {
    "LINE_SIDE_PX": lines_are_looked_for_in_a_small_picture,
    "MIN_LINE_SHARE": a_wide_flat_piece_has_a_line_in_it,
}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_each_constant_is_held(name, held):
    held(module, name, PROBES[name])


def test_every_constant_has_a_probe(constants_of):
    assert set(PROBES) == constants_of(module)


def ruled() -> Mask:
    mask = paper()
    for y in range(60, 480, 60):
        mask[y : y + 2] = 255
    return mask


def test_ruling_and_its_margin_are_lines_and_a_1_between_two_of_them_is_none():
    mask = ruled()
    mask[:, 80:82] = 255
    mask[125:176, 300:305] = 255
    mask[185:240, 400:405] = 255  # stands on the line
    assert found(mask) == (7, 1)


def test_a_1_that_is_taller_than_the_distance_of_lines_is_none():
    mask = ruled()
    cv2.line(mask, (300, 100), (300, 200), 255, 5)
    assert found(mask) == (7, 0)


def test_a_table_in_the_middle_of_a_page_is_its_lines():
    mask = paper()
    for x in range(100, 401, 75):
        mask[100:281, x : x + 3] = 255
    for y in range(100, 281, 60):
        mask[y : y + 3, 100:403] = 255
    assert found(mask) == (4, 5)


def test_an_underline_is_a_line_where_its_piece_is_flat():
    mask = paper()
    mask[200:203, 100:250] = 255
    assert found(mask) == (0, 0)
    assert found(mask, np.array([(100, 170, 150, 33)])) == (1, 0)


def test_small_boxes_are_found_when_told_how_small():
    mask = paper()
    for x in (100, 160, 220):
        cv2.rectangle(mask, (x, 100), (x + 24, 124), 255, 2)
    assert found(mask) == (0, 0)
    assert found(mask, shortest=24.0) == (6, 6)


def test_a_large_picture_has_its_lines_where_they_are():
    mask = paper(1440, 1920)
    mask[700:706] = 255
    lines = module.find([mask], NO_BOXES)
    assert lines is not None
    assert lines.level.at(lines.level.middle)[0] == pytest.approx(702.5, abs=2)
    assert lines.level.length[0] == pytest.approx(1920, abs=3)
