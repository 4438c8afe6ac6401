"""Groups of touching digits: how far they are pushed together, and what is counted."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import touching
from edgeproof.bundle import load_bundle
from edgeproof.page.reader import open_reader


def bar(column: int, rows: slice) -> touching.Image:
    """A stroke four pixels wide whose left edge is at `column`."""
    image = np.zeros((28, 28), np.uint8)
    image[rows, column : column + 4] = 255
    return image


@pytest.mark.parametrize("overlap", touching.OVERLAPS)
def test_strokes_meet_and_then_run_into_each_other(overlap: int) -> None:
    first = touching._joined(np.zeros((28, 0), np.uint8), bar(9, slice(4, 24)), overlap)
    joined = touching._joined(first, bar(20, slice(4, 24)), overlap)
    assert (joined[4:24] > 0).all(), "no paper between them"
    assert joined.shape == (28, 8 - overlap)


def test_only_rows_in_which_both_have_ink_can_meet() -> None:
    """A stroke that reaches far to the right at the top keeps nobody away at the foot."""
    first = np.maximum(bar(0, slice(20, 24)), bar(10, slice(4, 8)))[:, :14]
    joined = touching._joined(first, bar(3, slice(20, 24)), 0)
    assert joined.shape[1] == 14
    assert (joined[20:24, :8] > 0).all()
    assert not joined[20:24, 8:].any()


def test_groups_are_the_same_digits_at_every_overlap() -> None:
    golden = load_bundle().golden
    digits = golden.images[golden.labels < 10], golden.labels[golden.labels < 10]
    with open_reader() as reader:
        near, far = (
            list(touching.groups(reader, digits, size=2, overlap=overlap, count=3, seed=1)) for overlap in (0, 3)
        )
        assert [group.text for group in near] == [group.text for group in far]
        assert all(len(group.text) == touching.APART + 2 for group in near)
        wrong = [touching.Group("x", group.picture) for group in near]
        assert touching.right(reader, iter(wrong)) == 0
        assert touching.right(reader, iter(near)) >= 1
