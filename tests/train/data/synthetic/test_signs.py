"""Drawn road signs: of one seed the same, of each class as many, and two pairs that only colour tells apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeproof.errors import UsageError
from train.data import datasets
from train.data.synthetic import sign_faces, signs

PAIRS = [("caution", "temporary caution"), ("limit 50", "at least 50")]


def test_form_and_determinism() -> None:
    images, labels = signs.draw_signs(120, seed=3)
    assert (images.shape, images.dtype) == ((120, 32, 32, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((120,), np.int64)
    again, same_labels = signs.draw_signs(120, seed=3)
    assert np.array_equal(images, again)
    assert np.array_equal(labels, same_labels)


def test_every_class_as_often() -> None:
    _, labels = signs.draw_signs(125, seed=4)
    counts = np.bincount(labels, minlength=len(signs.CLASSES))
    assert set(counts) == {10, 11}
    assert np.any(np.diff(labels) < 0)  # in random order


def test_no_picture_twice_nor_under_another_seed() -> None:
    first, _ = signs.draw_signs(300, seed=1)
    second, _ = signs.draw_signs(300, seed=2)
    assert len({image.tobytes() for image in (*first, *second)}) == 600


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_pair_has_one_form_in_two_colours(one: str, other: str) -> None:
    sign, twin = sign_faces.SIGNS[one], sign_faces.SIGNS[other]
    recoloured = twin.with_colours(sign.rim, sign.ground, sign.ink)
    assert np.array_equal(sign_faces._face(recoloured, 1.1, 0.9), sign_faces._face(sign, 1.1, 0.9))
    for face, of_twin in zip(sign_faces.faces(one), sign_faces.faces(other), strict=True):
        assert np.array_equal(face[..., 3], of_twin[..., 3])
        assert np.abs(face[..., :3] - of_twin[..., :3]).mean() > 10  # of 255, over the whole face


def test_every_sign_is_another() -> None:
    drawn = [np.stack(sign_faces.faces(name)) for name in signs.CLASSES]
    for at, one in enumerate(drawn):
        for other in drawn[at + 1 :]:
            assert np.abs(one[..., :3] - other[..., :3]).mean() > 2  # of 255; the nearest pair, 50 and 80, has 5


def test_faces_are_plates_on_nothing() -> None:
    for name in signs.CLASSES:
        for face in sign_faces.faces(name):
            cover = face[..., 3]
            assert cover.max() == 1
            assert 0.2 < cover.mean() < 0.8
            assert cover[0, 0] == cover[-1, -1] == 0
            assert (face[..., :3].max(axis=2) <= 255 * cover + 0.01).all()


def test_red_stays_red() -> None:
    """Red first: of most stop signs in the middle of a picture more red is seen than blue."""
    random = np.random.default_rng(5)
    stops = np.stack([signs.draw_sign(random, "stop") for _ in range(200)])[:, 8:24, 8:24].astype(int)
    arrows = np.stack([signs.draw_sign(random, "turn left") for _ in range(200)])[:, 8:24, 8:24].astype(int)
    redder = [(pictures[..., 0] - pictures[..., 2]).mean(axis=(1, 2)) for pictures in (stops, arrows)]
    assert np.median(redder[0]) > 10
    assert np.median(redder[1]) < -10


def test_as_a_data_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def few(count: int, seed: int) -> tuple[signs.Images, np.ndarray]:
        asked.append((count, seed))
        return draw(count // 100, seed)

    draw = signs.draw_signs
    monkeypatch.setattr(signs, "draw_signs", few)  # all 15,000 take 10 s
    loaded = datasets.load("signs")
    assert asked == [(12_000, 1), (3_000, 2)]
    assert loaded.classes == signs.CLASSES
    assert loaded.image_shape == (32, 32, 3)
    with pytest.raises(UsageError, match="signs is drawn and read from nowhere"):
        datasets.load("signs", tmp_path)
