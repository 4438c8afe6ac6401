"""Pages: the same seed draws the same, every layout draws, and the truth is true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data.pages import draw
from train.data.pages.draw import LAYOUTS, draw_page
from train.data.pages.layouts.catalog import CATALOG
from train.data.pages.truth import KINDS, DrawnPage, Thing

Digits = tuple[NDArray[np.uint8], NDArray[np.int64]]


@pytest.fixture(scope="module")
def pages(digits: Digits) -> list[DrawnPage]:
    """One page of each layout."""
    return [draw_page(*digits, 40 + i, layout) for i, layout in enumerate(LAYOUTS)]


def test_the_same_arguments_give_the_same_page(digits: Digits) -> None:
    first, again, other = (draw_page(*digits, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.mask, again.mask)
    assert (first.things, first.turn, first.layout) == (again.things, again.turn, again.layout)
    assert not np.array_equal(first.picture, other.picture)


def test_every_layout_draws(pages: list[DrawnPage]) -> None:
    for page, layout in zip(pages, LAYOUTS, strict=True):
        assert page.layout == layout
        assert page.picture.shape == (*page.mask.shape, 3)
        assert page.picture.dtype == page.mask.dtype == np.uint8
        assert page.picture.std() > 2  # not a blank
        assert page.turn in {0, 90, 180, 270}


def test_boxes_lie_on_ink_of_their_kind(pages: list[DrawnPage]) -> None:
    for page in pages:
        height, width = page.mask.shape
        for thing in page.things:
            x, y, wide, tall = thing.box
            assert x >= 0
            assert y >= 0
            assert x + wide <= width
            assert y + tall <= height
            ink = page.mask[y : y + tall, x : x + wide] == KINDS.index(thing.kind) + 1
            # A box is that of its own ink: each of its sides is touched.
            assert ink[0].any()
            assert ink[-1].any()
            assert ink[:, 0].any()
            assert ink[:, -1].any()


def test_the_mask_holds_no_kind_that_no_thing_has(pages: list[DrawnPage]) -> None:
    for page in pages:
        kinds = {KINDS.index(thing.kind) + 1 for thing in page.things}
        assert set(np.unique(page.mask).tolist()) - {0} == kinds


def test_only_layouts_with_digits_have_digits(digits: Digits) -> None:
    without = [layout for layout in LAYOUTS if not CATALOG[layout].digits]
    share = sum(CATALOG[layout].share for layout in without) / sum(each.share for each in CATALOG.values())
    assert 0.15 < share < 0.25
    for layout in without:
        assert not of_kind(draw_page(*digits, 9, layout), "digit")


def of_kind(page: DrawnPage, *kinds: str) -> list[Thing]:
    return [thing for thing in page.things if thing.kind in kinds]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_back_the_writing_is_upright(digits: Digits, monkeypatch: pytest.MonkeyPatch, turn: int) -> None:
    planned = draw._planned
    monkeypatch.setattr(draw, "_planned", lambda *given: replace(planned(*given), turn=turn, fills=True, look="clean"))
    page = draw_page(*digits, 5, "sentences")
    assert page.turn == turn
    middles = np.array([(x + wide / 2, y + tall / 2) for x, y, wide, tall in (t.box for t in of_kind(page, "letter"))])
    # Writing goes on by one letter at a time to the right; turned clockwise by 90° it goes down.
    ahead = np.median(np.diff(middles, axis=0), axis=0)
    right = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
    assert ahead @ right > 5 * abs(ahead @ right[::-1])


def test_what_is_mostly_hidden_is_no_digit(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = draw_page(*digits, 8, "rows")
    monkeypatch.setattr(draw, "WHOLE", 1.01)  # from here on every character counts as hidden
    none = draw_page(*digits, 8, "rows")
    assert of_kind(whole, "digit")
    assert not of_kind(none, "digit", "letter", "sign", "print")
    assert len(of_kind(none, "scribble")) >= len(of_kind(whole, "digit"))


def test_all_ten_digits_and_all_kinds_come_up(digits: Digits) -> None:
    pages = [
        draw_page(*digits, seed, layout) for seed, layout in enumerate(("rows", "sums", "score card", "fields") * 2)
    ]
    assert {thing.text for page in pages for thing in of_kind(page, "digit")} == set("0123456789")
    assert {thing.kind for page in pages for thing in page.things} >= {
        "digit",
        "sign",
        "print",
        "line",
        "edge",
        "texture",
    }


def test_labels_hold_everything(digits: Digits) -> None:
    page = draw_page(*digits, 2, "sums")
    labels = page.labels("page.png")
    assert (labels["image"], labels["turn"], labels["layout"]) == ("page.png", page.turn, "sums")
    assert (labels["height"], labels["width"]) == page.mask.shape
    assert [(each["kind"], each["text"], tuple(each["bbox"])) for each in labels["things"]] == [
        (thing.kind, thing.text, thing.box) for thing in page.things
    ]
