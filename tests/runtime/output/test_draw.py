"""A frame with its reading drawn on it: what it costs, and how large its letters are, is bounded by the picture."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from edgeproof.output.draw import annotate
from edgeproof.page.numbers import Number
from edgeproof.page.reading import Digit, Reading

DIGIT = Digit(7, "7", 0.98, (2, 2, 30, 40))
READING = Reading((DIGIT,), (Number("7", 0.98, DIGIT.box, (0,)),), 0, 0, np.zeros((1, 28, 28), np.uint8), {})
STATUS = "1 digits | int8.onnx | onnxruntime CPUExecutionProvider | p50 1.2 ms | rejected 0"


def paper(height: int, width: int):
    return np.full((height, width, 3), 200, np.uint8)


@pytest.mark.parametrize("shape", [(60, 30_000), (30_000, 60), (1200, 1600), (8, 200_000)])
def test_memory_is_in_proportion_to_the_picture(shape):
    picture = paper(*shape)
    annotate(paper(60, 60), READING, STATUS)
    tracemalloc.start()
    try:
        drawn = annotate(picture, READING, STATUS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert drawn.nbytes <= 2 * picture.nbytes
    assert peak <= 3 * picture.nbytes


@pytest.mark.parametrize("shape", [(480, 640), (2000, 1500), (90, 640), (90, 3000), (90, 30_000), (6, 3000)])
def test_the_bar_is_below_the_picture_and_its_letters_can_be_seen(shape):
    picture = paper(*shape)
    drawn = annotate(picture, READING, STATUS)
    factor = drawn.shape[1] // shape[1]
    bar = drawn[factor * shape[0] :]
    assert drawn.shape[1] == factor * shape[1]
    assert min(8, factor * shape[0]) <= len(bar) <= max(20, 0.15 * factor * max(shape))
    assert len(np.unique(bar)) > 1


def test_a_strip_gets_letters_that_its_height_has_room_for():
    """Those of a picture five times as long as high; the letters of one as long as the strip would be higher than it is."""
    usual, strip = (annotate(paper(400, width), READING, STATUS) for width in (2000, 20_000))
    assert len(strip) == len(usual)


def test_small_pictures_are_enlarged_and_large_ones_are_not():
    assert annotate(paper(100, 96), READING, STATUS).shape[1] == 960
    assert annotate(paper(900, 1200), READING, STATUS).shape[1] == 1200


def test_a_long_status_ends_inside_the_picture(shot):
    status = "a long line that says what ran, where, and how fast, and what every key is good for | " * 2
    for size in ((480, 640), (1080, 1920)):
        made = shot(size=size)
        drawn = annotate(made.frame.image, made.reading, status)
        bar = drawn[-8:, :] if size[0] < 100 else drawn[size[0] * (drawn.shape[1] // size[1]) :]
        assert (bar[:, -3:] == bar[0, -1]).all(), "nothing is cut off at the right edge"
