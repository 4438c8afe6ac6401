"""Which picture and which view of a page is taken."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import cv2
import numpy as np
import pytest

from edgeproof.page import looking, views
from edgeproof.page.context import stroke_shape
from edgeproof.page.looking import Looking
from edgeproof.page.pieces.oversegment import Candidate
from edgeproof.page.segment import Segmentation
from edgeproof.page.views import AS_IT_LIES, Look, Seen


def upright(sure: float):
    """A model that takes whatever stands upright for a 7, with a probability of `sure`, and refuses all else."""
    taken, refused = np.zeros((2, 11), np.float32)
    taken[[7, -1]] = sure, 1 - sure
    refused[-1] = 1
    return lambda glyphs: np.where(np.abs(stroke_shape.lean(glyphs))[:, None] < 5, taken, refused)


def looked_at(rings: int, *leans: float, sure: float = 0.999, room: int = 1000) -> float:
    """Degrees by which `upright` sees a page askew that has no rows: rings, which are upright however it lies, and bars that
    lean by so many degrees."""
    candidates = []
    for blob, lean in enumerate((*(None,) * rings, *leans)):
        ink = np.zeros((60, 60), np.uint8)
        if lean is None:
            cv2.circle(ink, (30, 30), 24, 255, 5)
        else:
            aside = round(24 * np.tan(np.radians(lean)))
            cv2.line(ink, (30 - aside, 54), (30 + aside, 6), 255, 5)
        candidates.append(Candidate((0, 600 * blob, 60, 60), ink, blob))
    found = Segmentation(tuple(candidates), room=room)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking.segment, "segment", lambda *_: found)
        return Looking(upright(sure), rejects=True).best(np.zeros((9, 9, 3), np.uint8)).skew or 0.0


def test_few_things_tell_no_view():
    assert looked_at(0, 15, 15, 15) != 0
    assert looked_at(0, 15, 15) == 0


def test_another_view_is_only_looked_at_where_there_is_room():
    assert looked_at(2, *[15] * 60) != 0
    assert looked_at(2, *[15] * 60, room=200) != 0  # some of them tell it
    assert looked_at(2, *[15] * 60, room=2) == 0


def bars_that_lean_about_as_much_as_a_page_stand_upright_on_it() -> None:
    assert looked_at(2, *[11.5] * 6) != 0
    assert looked_at(2, *[18.5] * 6) != 0


def a_page_is_clearer_in_another_view() -> None:
    """Of 13 things or of 11, ten are digits as they lie, and all of them askew."""
    assert looked_at(10, *[15] * 3) != 0
    assert looked_at(10, 15) == 0


def a_page_is_clear_in_another_view() -> None:
    assert looked_at(2, *[15] * 8, sure=0.995) != 0
    assert looked_at(2, *[15] * 8, sure=0.98) == 0


def a_page_that_reads_well_is_not_looked_at_again() -> None:
    """Of 6 things two are digits with 5.8 nines, or with 6.3: 3.3 or 3.6 nines in all."""
    assert looked_at(2, *[15] * 4, sure=1 - 10**-5.8) != 0
    assert looked_at(2, *[15] * 4, sure=1 - 10**-6.3) == 0


def look_at(*digit: float) -> Look:
    """A page of things that are digits with these probabilities."""
    candidates = tuple(Candidate((0, 0, 9, 9), np.zeros((9, 9), np.uint8), blob) for blob in range(len(digit)))
    glyphs, probabilities = np.zeros((len(digit), 28, 28), np.uint8), np.zeros((len(digit), 11), np.float32)
    seen = Seen(candidates, glyphs, probabilities, np.array(digit, np.float32))
    return Look(AS_IT_LIES, Segmentation(candidates), seen, None, 0, 0.0)


def a_digit_outweighs_a_thing_that_is_none() -> None:
    assert look_at(0.97, 0.0).net_clearness > 0
    assert look_at(0.95, 0.0).net_clearness < 0


def test_a_few_digits_however_clear_do_not_hide_that_most_are_not():
    """As in a table of pale pencil, most of whose digits fall to pieces."""
    assert looking._is_doubtful(look_at(*[1 - 1e-6] * 3, *[0.6] * 4))
    assert not looking._is_doubtful(look_at(*[1 - 1e-6] * 4, *[0.6] * 3))


def another_picture_of_a_large_frame_is_smaller() -> None:
    for height, reduced in ((1300, False), (1700, True)):
        frame = np.full((height, 1333, 3), 150, np.uint8)
        assert (looking._averaged_down(frame).shape != frame.shape) == reduced


PROBES: dict[tuple[ModuleType, str], Callable[[], None]] = {
    (views, "NO_DIGIT_COSTS"): a_digit_outweighs_a_thing_that_is_none,
    (views, "SKEW_DEG"): bars_that_lean_about_as_much_as_a_page_stand_upright_on_it,
    (looking, "OTHER_PIXELS"): another_picture_of_a_large_frame_is_smaller,
    (looking, "WELL_READ_NINES"): a_page_that_reads_well_is_not_looked_at_again,
    (looking, "MIN_VIEW_GAIN"): a_page_is_clearer_in_another_view,
    (looking, "MIN_VIEW_NINES"): a_page_is_clear_in_another_view,
}


@pytest.mark.parametrize(("module", "name"), PROBES)
def test_each_constant_is_held(module, name, held):
    held(module, name, PROBES[module, name])


@pytest.mark.parametrize("module", [looking, views])
def test_every_constant_has_a_probe(module, constants_of):
    assert {name for where, name in PROBES if where is module} == constants_of(module)


def test_boxes_of_another_picture_are_in_pixels_of_the_frame():
    """Bars of the paper's brightness, on a frame that is averaged down for that look."""
    frame = np.full((2400, 3200, 3), (60, 100, 140), np.uint8)
    for x in range(600, 2600, 400):
        cv2.line(frame, (x, 1000), (x, 1200), (128, 80, 153), 24)
    look = Looking(upright(0.9999), rejects=True).best(frame)
    boxes = [candidate.box for candidate in look.seen.candidates]
    assert len(boxes) == 5
    for (x, y, width, height), at in zip(sorted(boxes), range(600, 2600, 400), strict=True):
        assert abs(x + width / 2 - at) < 6
        assert abs(y - 988) < 8
        assert abs(height - 224) < 12


@pytest.mark.parametrize(("upright_bars", "taken"), [(1, False), (5, True)])
def test_a_picture_that_shows_more_digits_but_mostly_other_things_brings_out_texture(upright_bars, taken):
    """Bars of the paper's brightness, some of which are digits to the model."""
    frame = np.full((600, 1000, 3), (60, 100, 140), np.uint8)
    for place in range(7):
        lean = 0 if place < upright_bars else 40
        x = 100 + 120 * place
        cv2.line(frame, (x + lean, 250), (x - lean, 350), (128, 80, 153), 12)
    look = Looking(upright(0.9999), rejects=True).best(frame)
    assert bool(look.seen.candidates) == taken
