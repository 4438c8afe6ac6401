"""Where a blob of ink may be cut, and which path through its parts is taken."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeproof.page.pieces.oversegment import Candidate, best_paths, parts
from edgeproof.page.reader import open_reader

INK = np.zeros((60, 40), np.uint8)
PIXELS = 10**6  # that parts may cover


def parts_of(ink, digit=0.0):
    """The parts of the one blob of a page, which is a digit with this probability."""
    height, width = ink.shape
    return parts([Candidate((0, 0, width, height), ink)], np.array([digit]), 100, PIXELS)[1]


def candidate(start, end, last_cut, *, blob=0, width=40, height=60):
    return Candidate((0, 0, width, height), INK, blob, start, end, last_cut)


def test_the_path_with_the_best_digits_is_taken_and_other_blobs_stay():
    candidates = [
        candidate(0, 1, 1, blob=0),
        candidate(0, 2, 2, blob=1, width=80),
        candidate(0, 1, 2, blob=1),
        candidate(1, 2, 2, blob=1),
    ]
    assert best_paths(candidates, np.array([0.1, 0.05, 0.95, 0.9])).tolist() == [0, 2, 3]
    assert best_paths(candidates, np.array([0.1, 0.97, 0.95, 0.9])).tolist() == [0, 1]


def test_a_blob_stays_whole_unless_every_part_is_a_digit():
    candidates = [candidate(0, 2, 2, width=60), candidate(0, 1, 2), candidate(1, 2, 2)]
    assert best_paths(candidates, np.array([0.02, 0.99, 0.3])).tolist() == [0]


def test_a_digit_that_touches_something_else_is_read_where_it_is_sure():
    candidates = [candidate(0, 2, 2, width=60), candidate(0, 1, 2), candidate(1, 2, 2)]
    assert best_paths(candidates, np.array([0.02, 0.9999, 0.3])).tolist() == [1, 2]
    assert best_paths(candidates, np.array([0.6, 0.9999, 0.3])).tolist() == [0]  # the whole is a digit


def test_a_blob_that_was_decided_stays_as_it_is():
    parts_taken = [candidate(0, 1, 2), candidate(1, 2, 2)]
    assert best_paths(parts_taken, np.array([0.9, 0.2])).tolist() == [0, 1]


def test_parts_are_about_as_tall_as_the_blob():
    """The stub of a 4's bar reads as a 1; the 4 with its bar is the better pair."""
    candidates = [
        candidate(0, 3, 3, width=75),
        candidate(0, 2, 3),
        candidate(2, 3, 3, width=12, height=30),
        candidate(0, 1, 3),
        candidate(1, 3, 3),
    ]
    assert best_paths(candidates, np.array([0.02, 0.98, 0.98, 0.96, 0.95])).tolist() == [3, 4]


def test_nothing_to_choose_from():
    assert best_paths([], np.zeros(0)).tolist() == []


def test_a_narrow_blob_is_not_cut_nor_what_surely_is_a_digit():
    ink = np.full((60, 40), 255, np.uint8)
    ink[:, 19:21] = 0
    assert parts_of(ink) == ()
    page = [Candidate((200 * i, 0, 40, 60), ink, i) for i in range(3)]
    assert parts(page, np.array([0.9, 0.9, 0.9]), 100, PIXELS)[1] == ()
    assert parts(page, np.array([0.1, 0.9, 0.9]), 100, PIXELS)[1] != ()


def test_what_is_wider_than_a_digit_is_cut_although_it_looks_like_one():
    assert parts_of(np.hstack([np.full((60, 44), 255, np.uint8)] * 2), 0.99) == ()  # nowhere to cut
    chain = np.full((60, 88), 255, np.uint8)
    chain[:25, 42:46] = chain[35:, 42:46] = 0
    found = parts_of(chain, 0.99)
    assert any(
        one.start == 0 and one.end == other.start and other.end == other.last_cut for one in found for other in found
    )


def test_a_cut_follows_the_gap_between_interlocking_digits():
    """The roof of a 7 over a small ring: no straight cut parts them, a bent one does."""
    canvas = np.zeros((100, 140), np.uint8)
    cv2.ellipse(canvas, (104, 66), (26, 30), 0, 0, 360, 255, 8)
    ring = int((canvas > 0).sum())
    cv2.polylines(canvas, [np.array([[5, 8], [86, 8], [40, 95]])], False, 255, 8)
    seven = int((canvas > 0).sum()) - ring
    cv2.line(canvas, (66, 50), (78, 50), 255, 3)  # where they touch
    found = parts_of(canvas)
    pairs = [
        (one.ink, other.ink)
        for one in found
        for other in found
        if one.start == 0 and other.start == one.end and other.end == other.last_cut
    ]
    straight = int((canvas[:, :74] > 0).sum())
    assert straight < 0.9 * seven, "a straight cut left of the ring takes the end of the roof away"
    assert any(
        abs(int((one > 0).sum()) - seven) < 0.07 * seven and abs(int((other > 0).sum()) - ring) < 0.07 * ring
        for one, other in pairs
    )


def test_what_is_no_digit_among_digits_is_cut_although_it_is_narrow():
    canvas = np.zeros((60, 44), np.uint8)
    canvas[:, 4:10] = canvas[:, 34:40] = canvas[28:31, 10:34] = 255  # two upright strokes that touch
    frame = (100, 50, 88, 120)  # twice as large in the frame as at the working resolution
    page = [Candidate((0, 0, 40, 60), INK, blob) for blob in (0, 1)] + [Candidate(frame, canvas, 2)]
    marked, found = parts(page, np.array([0.9, 0.99, 0.1]), 100, PIXELS)
    assert marked[:2] == tuple(page[:2])
    assert (marked[2].start, marked[2].end) == (0, marked[2].last_cut)
    halves = [part for part in found if (part.start, part.end) in {(0, 1), (1, marked[2].last_cut)}]
    assert halves
    for part in found:
        x, y, width, height = part.box
        assert 100 <= x < x + width <= 188
        assert 50 <= y < y + height <= 170
        assert (part.blob, part.last_cut) == (2, marked[2].last_cut)
    assert parts(page, np.array([0.9, 0.1, 0.1]), 100, PIXELS) == (tuple(page), ())  # more that is none than digits
    for room, pixels in ((len(found) - 1, PIXELS), (100, canvas.size)):  # not enough for all of them
        assert parts(page, np.array([0.9, 0.99, 0.1]), room, pixels) == (tuple(page), ())


def test_a_letter_among_letters_is_not_cut():
    """Of two rows, one of digits and one of letters, what is doubtful among digits may be two of them."""
    canvas = np.zeros((60, 44), np.uint8)
    canvas[:, 4:10] = canvas[:, 34:40] = canvas[28:31, 10:34] = 255
    page = [Candidate((50 + 60 * i, 300 * row, 44, 60), canvas, 4 * row + i) for row in (0, 1) for i in range(4)]
    _, found = parts(page, np.array([0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1, 0.9]), 100, PIXELS)
    assert {part.blob for part in found} == {1}


def test_no_ink_is_left_out():
    """A scrap right of the last cut, too narrow for a digit, belongs to the part before it."""
    canvas = np.full((60, 100), 255, np.uint8)
    canvas[:, 50:52] = canvas[:, 96:98] = 0
    canvas[30, 50:52] = canvas[30, 96:98] = 255
    (marked,), found = parts([Candidate((0, 0, 100, 60), canvas)], np.array([0.0]), 100, PIXELS)
    ends = [part.box[0] + part.box[2] for part in found if part.end == marked.last_cut]
    assert ends
    assert set(ends) == {100}


def test_parts_are_boxed_where_their_ink_is():
    canvas = np.zeros((60, 120), np.uint8)
    cv2.circle(canvas, (30, 30), 26, 255, 6)
    cv2.circle(canvas, (86, 30), 26, 255, 6)
    _, found = parts([Candidate((100, 50, 120, 60), canvas)], np.array([0.0]), 100, PIXELS)
    assert found
    for part in found:
        x, y, width, height = part.box
        assert part.ink.shape == (height, width)
        assert 100 <= x <= x + width <= 220
        assert 50 <= y <= y + height <= 110


def test_digits_that_touch_are_mostly_read(draw_scene):
    """Six of ten numbers whose digits overlap by a twelfth of their height. A model that was not taught what is no digit
    takes most pairs for one."""
    right = 0
    with open_reader() as reader:
        if "reject" not in reader.classes:
            pytest.skip("this bundle's model was not taught what is no digit")
        for seed, text in enumerate(["28", "350", "6082", "47", "19", "56", "93", "702", "418", "65"]):
            scene = draw_scene([text], height=80, gap=-0.08, seed=seed)
            right += "".join(number.text for number in reader.read(scene.frame).numbers) == text
    assert right >= 6
