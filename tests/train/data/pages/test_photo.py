"""The camera's side: a sheet is seen where it lies, objects hide what is below them, light and lens keep the picture's form."""

from __future__ import annotations

import numpy as np

from train.data.pages.hand.pen import Pen
from train.data.pages.photo.camera import Look, taken
from train.data.pages.photo.light import lit
from train.data.pages.photo.objects import lay_object
from train.data.pages.photo.place import Shot, any_place, see
from train.data.pages.sheet.sheet import Sheet

LOOKS: tuple[Look, ...] = ("clean", "mild", "hard")


def ground() -> Shot:
    shot = Shot(np.full((200, 300, 3), 90, np.uint8), np.zeros((200, 300), np.uint16), [], [])
    shot.owners[:] = shot.add("texture")
    return shot


def dotted_sheet() -> Sheet:
    """White, 100 × 80, a digit's ink in its middle and another's at its right side."""
    sheet = Sheet(np.full((80, 100, 3), 240, np.uint8), (240.0, 240.0, 240.0), np.random.default_rng(0))
    for x in (45, 85):
        sheet.put(np.full((10, 10), 255, np.uint8), (x, 35), Pen((0.0, 0.0, 0.0), 0.1), sheet.add("digit", "1"))
    return sheet


def moved(x: float, y: float) -> np.typing.NDArray[np.float64]:
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def test_a_sheet_is_seen_where_it_lies() -> None:
    shot = ground()
    see(dotted_sheet(), moved(100, 60), shot, np.random.default_rng(0), edge=True)
    assert [kind for kind, _ in shot.things] == ["texture", "digit", "digit", "edge"]
    assert (shot.owners[95:105, 145:155] == 2).all()
    assert (shot.owners == 2).sum() == 100
    assert (shot.picture[97:103, 147:153] < 20).all()
    assert (shot.picture[70, 110] > 230).all()
    assert (shot.owners[10, 10], shot.owners[70, 110], shot.owners[60, 150]) == (1, 0, 4)
    assert shot.whole == [1.0, 1.0, 1.0, 1.0]


def test_what_the_picture_cuts_off_is_counted() -> None:
    shot = ground()
    see(dotted_sheet(), moved(210, 60), shot, np.random.default_rng(0), edge=True)
    assert shot.whole[1] == 1.0
    assert 0.3 < shot.whole[2] < 0.5  # of ten columns, four and a rim
    see(dotted_sheet(), moved(-300, 60), shot, np.random.default_rng(0), edge=True)
    assert shot.whole[4:6] == [0.0, 0.0]


def test_objects_hide() -> None:
    hidden = 0
    for seed in range(80):
        shot = ground()
        see(dotted_sheet(), moved(100, 60), shot, np.random.default_rng(0), edge=False)
        before = shot.picture.copy()
        lay_object(shot, np.random.default_rng(seed), holding=seed % 2 == 0)
        assert len(shot.things) == len(shot.whole)
        own = shot.owners == len(shot.things)
        assert own.any()
        assert (shot.picture != before).any(axis=2)[own].mean() > 0.8
        for i in (1, 2):
            assert np.isclose(shot.whole[i], (shot.owners == i + 1).sum() / 100)
            hidden += shot.whole[i] < 1
    assert hidden > 0


def test_a_flat_place_turns_nothing() -> None:
    matrix = any_place((100, 80), (300, 200), np.random.default_rng(0), flat=True)
    assert np.allclose(matrix / matrix[2, 2], moved(100, 60), atol=1e-4)


def test_light_and_lens_keep_the_form() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (203, 301, 3)).astype(np.uint8)
    for seed in range(20):
        random = np.random.default_rng(seed)
        look = LOOKS[seed % 3]
        seen = taken(lit(picture, random, mild=look == "mild"), look, random)
        assert seen.shape == picture.shape
        assert seen.dtype == np.uint8
        assert seen.std() > 5
