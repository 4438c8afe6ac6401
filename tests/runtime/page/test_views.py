"""Ways to look at a page: their pictures, boxes and previews agree with each other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeproof import glyph
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.segment import Dropped, Segmentation
from edgeproof.page.views import AS_IT_LIES, TURNED, Look, Seen, askew, clearness

VIEWS = (AS_IT_LIES, *TURNED)


def seven() -> np.ndarray:
    ink = np.zeros((60, 40), np.uint8)
    cv2.polylines(ink, [np.array([[4, 5], [35, 5], [14, 54]])], False, 255, 5)
    return ink


def seen(inks, digit=0.5) -> Seen:
    candidates = tuple(Candidate((0, 0, *ink.shape[::-1]), ink, blob) for blob, ink in enumerate(inks))
    return Seen(
        candidates,
        glyph.make_glyphs(inks),
        np.zeros((len(inks), 11), np.float32),
        np.full(len(inks), digit, np.float32),
    )


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: str(view.turn))
def test_a_box_of_the_picture_is_where_it_is_in_the_frame(view):
    frame = np.zeros((100, 160, 3), np.uint8)
    frame[20:50, 90:100] = 255
    box = cv2.boundingRect(view.picture(frame)[..., 0])
    assert view.in_frame(box, frame.shape) == (90, 20, 10, 30)
    found = Segmentation((Candidate(box, seven()),), dropped=(Dropped(box, "flat"),), room=7)
    back = view.found_in_frame(found, frame.shape)
    assert [each.box for each in (*back.candidates, *back.dropped)] == [(90, 20, 10, 30)] * 2
    assert back.room == 7


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: str(view.turn))
def test_a_preview_is_what_the_model_would_see(view):
    (preview,) = view.preview(seen([seven()]))
    there = glyph.make_glyph(view.picture(seven())).astype(int)
    moved = (np.roll(preview, (down, across), (0, 1)) for down in (-1, 0, 1) for across in (-1, 0, 1))
    assert min(np.abs(each - there).mean() for each in moved) < 2


def test_a_page_that_is_askew_is_looked_at_from_both_sides():
    left, right = askew(TURNED[0])
    assert left.turn == right.turn == 90
    assert left.picture is right.picture is TURNED[0].picture
    assert left.skew == -right.skew != 0
    upright = np.zeros((60, 60), np.uint8)
    cv2.line(upright, (30, 4), (30, 56), 255, 5)
    leaning = cv2.warpAffine(upright, cv2.getRotationMatrix2D((30, 30), -right.skew, 1), (60, 60))  # clockwise
    (straight,), (worse,) = right.preview(seen([leaning])), left.preview(seen([leaning]))
    assert (straight > 0).any(axis=0).sum() < (worse > 0).any(axis=0).sum()


def test_clearness_is_the_square_of_the_nines():
    assert clearness(np.array([0, 0.9, 0.99], np.float32)) == pytest.approx([0, 1, 4], abs=1e-4)
    assert np.isfinite(clearness(np.ones(1, np.float32))).all()


def test_a_blob_is_as_clear_as_its_least_clear_part():
    parts = (Candidate((0, 0, 9, 9), seven(), 0, 0, 1, 2), Candidate((9, 0, 9, 9), seven(), 0, 1, 2, 2))
    both = Seen(
        parts, np.zeros((2, 28, 28), np.uint8), np.zeros((2, 11), np.float32), np.array([0.99, 0.9], np.float32)
    )
    look = Look(AS_IT_LIES, Segmentation(parts), both, None, 0, 0.0)
    assert look.clearness() == pytest.approx([1], abs=1e-4)
