"""Every kind of page: labels lie on what is written and on nothing else, the same seed gives the same pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.scenes.conditions import BASE, CHANGES
from benchmarks.scenes.kinds.catalogue import KINDS, Kind
from benchmarks.scenes.report import EMPTY_GROUP
from benchmarks.scenes.scene import Scene
from benchmarks.scenes.writer import Digits

SMALL = [kind for kind in KINDS if "megapixels" not in kind.name]
WRITTEN = 16  # levels by which writing changes a pixel; beside it blur and JPEG change fewer
SLACK = 4  # pixels that they carry it
SPECKS = (
    30  # marks among which one may have a speck of ink beside it, as in some of MNIST's images: labelled, but paler
)


@pytest.fixture(scope="module", params=SMALL, ids=lambda kind: kind.name)
def two(request: pytest.FixtureRequest, digits: Digits) -> tuple[Kind, Scene, Scene]:
    """A kind, and its scenes of seeds 5 and 6."""
    kind: Kind = request.param
    return kind, kind.draw(digits, 5), kind.draw(digits, 6)


@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.name)
def test_labels_lie_where_writing_changes_the_picture(digits: Digits, kind: Kind) -> None:
    """Beside the same pages without their writing; nothing is printed on either, for ink on a printed line changes little."""
    pages = tuple(replace(page, printed=()) for page in kind.pages(digits, 3))
    scene, bare = (kind.shoot(some, 3) for some in (pages, tuple(replace(page, written=()) for page in pages)))
    ink = np.abs(scene.picture.astype(int) - bare.picture).max(axis=2) > WRITTEN
    assert [mark.text for mark in scene.marks] == [one.text for page in pages for one in page.written]
    outside, loose = ink.copy(), 0
    for mark in scene.marks:
        x, y, width, height = mark.box
        rows, columns = (np.flatnonzero(ink[y : y + height, x : x + width].any(axis=axis)) for axis in (1, 0))
        loose += max(rows[0], columns[0], height - 1 - rows[-1], width - 1 - columns[-1]) > SLACK
        outside[max(0, y - SLACK) : y + height + SLACK, max(0, x - SLACK) : x + width + SLACK] = False
    assert outside.sum() <= 3
    assert loose <= len(scene.marks) // SPECKS


def test_the_same_seed_gives_the_same_pixels(digits: Digits, two: tuple[Kind, Scene, Scene]) -> None:
    kind, first, other = two
    again = kind.draw(digits, 5)
    assert (first.picture == again.picture).all()
    assert [mark.box for mark in first.marks] == [mark.box for mark in again.marks]
    assert not (first.picture == other.picture).all()


def test_digits_are_there_or_are_not_and_lie_in_view(two: tuple[Kind, Scene, Scene]) -> None:
    kind, *scenes = two
    for scene in scenes:
        assert (len(scene.digits) == 0) is (kind.group == EMPTY_GROUP)
        in_turn = sorted(scene.digits, key=lambda mark: mark.number)
        assert "".join(scene.numbers) == "".join(mark.text for mark in in_turn)
        height, width = scene.picture.shape[:2]
        for mark in scene.digits:
            x, y, wide, tall = mark.box
            assert 0 <= x <= x + wide <= width
            assert 0 <= y <= y + tall <= height


def test_rows_have_names_of_their_own() -> None:
    names = [(row.group, row.name) for row in (BASE, *CHANGES, *KINDS)]
    assert len(set(names)) == len(names)


@pytest.mark.slow
def test_large_pictures_are_drawn_once(digits: Digits) -> None:
    (wood,) = [kind for kind in KINDS if "megapixels" in kind.name]
    (scene,) = wood.scenes(digits, 8, 1)
    assert scene.picture.shape[0] * scene.picture.shape[1] == pytest.approx(9e6, rel=0.01)
    assert scene.marks == ()
