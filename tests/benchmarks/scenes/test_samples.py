"""The sample media: the same seed gives the same pixels, every label lies on ink, and all of it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import __main__ as benchmarks
from benchmarks.scenes import samples
from benchmarks.scenes.writer import Digits
from edgeproof.errors import IntegrityError, SourceError
from edgeproof.page.reader import open_reader

SHIPPED = Path(__file__).parents[3] / "samples"


@pytest.fixture(scope="module")
def made(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("samples")
    assert benchmarks.main(["samples", "--run", str(run), "--out", str(out), "--seed", "3"]) == 0
    return out


def read_labels(folder: Path) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / samples.LABELS).read_text().splitlines()]
    return {row["image"]: row for row in rows}


def frames_of(film: Path) -> list[NDArray[np.uint8]]:
    video = cv2.VideoCapture(str(film))
    frames = []
    while (taken := video.read())[0]:
        frames.append(np.asarray(taken[1], np.uint8))
    return frames


@pytest.mark.parametrize("which", ["made", "shipped"])
def test_labels_lie_on_all_ink_and_on_nothing_else(which: str, made: Path, check_ink) -> None:
    folder = made if which == "made" else SHIPPED
    labels = read_labels(folder)
    picture = np.asarray(cv2.imread(str(folder / samples.PHOTO)), np.uint8)
    assert picture.shape == (720, 1280, 3)
    check_ink(picture, [box["bbox"] for box in labels[samples.PHOTO]["boxes"]], below=0.6)
    frames = frames_of(folder / samples.FILM)
    film = labels[samples.FILM]
    assert len(frames) == len(film["frames"]) == samples.FILM_FRAMES
    for frame, boxes in zip(frames[::10], film["frames"][::10], strict=True):
        assert frame.shape == (480, 640, 3)
        check_ink(frame, [box["bbox"] for box in boxes], below=0.6)
        assert "".join(str(box["digit"]) for box in boxes) == "".join(film["numbers"])


@pytest.mark.parametrize("backend", ["onnxruntime", "litert", "opencv"])
def test_what_ships_is_read_right(backend: str) -> None:
    labels = read_labels(SHIPPED)
    pictures = [(cv2.imread(str(SHIPPED / samples.PHOTO)), labels[samples.PHOTO]["numbers"])]
    pictures += [(frame, labels[samples.FILM]["numbers"]) for frame in frames_of(SHIPPED / samples.FILM)]
    with open_reader(backend=backend) as reader:
        for picture, numbers in pictures:
            assert [number.text for number in reader.read(np.asarray(picture, np.uint8)).numbers] == numbers


@pytest.mark.parametrize("which", ["made", "shipped"])
def test_samples_are_small_enough_for_a_repository(which: str, made: Path) -> None:
    folder = made if which == "made" else SHIPPED
    for name in (samples.PHOTO, samples.FILM, samples.LABELS):
        assert (folder / name).stat().st_size < 500_000


def test_the_same_seed_gives_the_same_files(run: Path, made: Path, tmp_path: Path) -> None:
    samples.make_samples(run, tmp_path, seed=3)
    for name in (samples.PHOTO, samples.FILM, samples.LABELS):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes(), name


def test_another_seed_gives_another_picture(digits: Digits) -> None:
    first, second = (samples.draw_photo(digits, seed) for seed in (1, 2))
    assert first.numbers == second.numbers
    assert not np.array_equal(first.picture, second.picture)


def test_all_writing_stays_in_view(digits: Digits) -> None:
    for frame in samples.draw_film(digits, 1):
        for mark in frame.digits:
            x, y, width, height = mark.box
            assert 0 <= x < x + width <= samples.FILM_SIZE[0]
            assert 0 <= y < y + height <= samples.FILM_SIZE[1]


def test_a_missing_or_foreign_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected the run's test images"):
        samples.make_samples(tmp_path, tmp_path)
    np.savez(tmp_path / "test.npz", images=np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(IntegrityError, match="labels"):
        samples.make_samples(tmp_path, tmp_path)
