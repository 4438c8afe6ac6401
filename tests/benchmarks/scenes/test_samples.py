"""The sample media: the same seed gives the same pixels, and every label lies on ink."""

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
from benchmarks.scenes.samples import Camera, Handwriting
from edgeproof.errors import IntegrityError, SourceError
from train.data import datasets as data

SHIPPED = Path(__file__).parents[3] / "samples"
MARGIN = 4  # pixels that blur and compression may carry ink beyond its box


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `samples` takes of a run folder: the test images, here with logits that are sure and right."""
    mnist = data.load("mnist")
    folder = tmp_path_factory.mktemp("run")
    logits = 20 * np.eye(10, dtype=np.float32)[mnist.test_labels]
    np.savez(folder / "test.npz", images=mnist.test_images, labels=mnist.test_labels, logits=logits)
    return folder


@pytest.fixture(scope="module")
def made(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("samples")
    assert benchmarks.main(["samples", "--run", str(run), "--out", str(out), "--seed", "3"]) == 0
    return out


def read_labels(folder: Path) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    return {row["image"]: row for row in rows}


def frames_of(film: Path) -> list[NDArray[np.uint8]]:
    video = cv2.VideoCapture(str(film))
    frames = []
    while (taken := video.read())[0]:
        frames.append(np.asarray(taken[1], np.uint8))
    return frames


def ink_of(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the red channel (which every pen swallows) is far below the paper around it."""
    red = picture[..., 2]
    paper = cv2.medianBlur(cv2.morphologyEx(red, cv2.MORPH_CLOSE, np.ones((31, 31), np.uint8)), 31)
    return np.asarray(red < 0.6 * paper, np.bool_)


def check_boxes(picture: NDArray[np.uint8], boxes: list[dict[str, Any]]) -> None:
    ink = ink_of(picture)
    outside = ink.copy()
    for box in boxes:
        x, y, width, height = box["bbox"]
        assert 0 <= x < x + width <= picture.shape[1]
        assert 0 <= y < y + height <= picture.shape[0]
        inside = ink[y : y + height, x : x + width]
        assert 0.05 < inside.mean() < 0.95, box
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        # The box is tight: ink comes within MARGIN of each of its four sides.
        assert max(rows[0], columns[0], height - 1 - rows[-1], width - 1 - columns[-1]) <= MARGIN, box
        outside[max(0, y - MARGIN) : y + height + MARGIN, max(0, x - MARGIN) : x + width + MARGIN] = False
    assert not outside.any(), f"{int(outside.sum())} pixels of ink outside all boxes"


@pytest.mark.parametrize("which", ["made", "shipped"])
def test_labels_lie_on_all_ink_and_on_nothing_else(which: str, made: Path) -> None:
    folder = made if which == "made" else SHIPPED
    labels = read_labels(folder)
    picture = np.asarray(cv2.imread(str(folder / "numbers.jpg")), np.uint8)
    assert picture.shape == (720, 1280, 3)
    check_boxes(picture, labels["numbers.jpg"]["boxes"])
    frames = frames_of(folder / "numbers.mp4")
    film = labels["numbers.mp4"]
    assert len(frames) == len(film["frames"]) == samples.FILM_FRAMES
    for frame, boxes in zip(frames[::10], film["frames"][::10], strict=True):
        assert frame.shape == (480, 640, 3)
        check_boxes(frame, boxes)
        assert "".join(str(box["digit"]) for box in boxes) == "".join(film["numbers"])


@pytest.mark.parametrize("which", ["made", "shipped"])
def test_samples_are_small_enough_for_a_repository(which: str, made: Path) -> None:
    folder = made if which == "made" else SHIPPED
    for name in ("numbers.jpg", "numbers.mp4", "labels.jsonl"):
        assert (folder / name).stat().st_size < 900_000


def test_the_same_seed_gives_the_same_files(run: Path, made: Path, tmp_path: Path) -> None:
    samples.make_samples(run, tmp_path, seed=3)
    for name in ("numbers.jpg", "numbers.mp4", "labels.jsonl"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes(), name


def test_another_seed_gives_another_picture(run: Path) -> None:
    first, second = (
        samples.draw_page(samples.FILM, Handwriting.from_run(run, np.random.default_rng(seed))) for seed in (1, 2)
    )
    assert first.numbers == second.numbers
    assert not np.array_equal(first.image, second.image)


def test_unclear_writing_is_not_dealt() -> None:
    """Two images of each digit: the model is sure of the first and torn about the second (margin 0.46)."""
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 4:24, 12:15] = np.arange(20, dtype=np.uint8)[:, None, None] + 200
    labels = np.repeat(np.arange(10), 2)
    logits = 20 * np.eye(10, dtype=np.float32)[labels]
    logits[1::2] /= 20
    hand = Handwriting(images, labels, logits, np.random.default_rng(0))
    for value in range(10):
        assert {int(hand.deal(value).max()) for _ in range(5)} == {200 + 2 * value}


def test_the_camera_turns_and_zooms_as_stated(run: Path) -> None:
    page = samples.draw_page(samples.FILM, Handwriting.from_run(run, np.random.default_rng(0)))
    plain, near = (samples.label_boxes(page, samples.FILM, Camera(zoom=zoom)) for zoom in (1.0, 2.0))
    for small, large in zip(plain, near, strict=True):  # ± 2 pixels of rounding
        assert np.allclose(np.array(large["bbox"][2:]), 2 * np.array(small["bbox"][2:]), atol=2)
    upside_down = samples.label_boxes(page, samples.FILM, Camera(turn=180.0))
    x, y, width, height = plain[0]["bbox"]
    assert np.allclose(upside_down[0]["bbox"], [640 - x - width, 480 - y - height, width, height], atol=2)


def test_a_missing_or_foreign_run_is_one_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(SourceError, match="expected the run's test images"):
        Handwriting.from_run(tmp_path, rng)
    np.savez(tmp_path / "test.npz", images=np.zeros((1, 28, 28), np.uint8))
    with pytest.raises(IntegrityError, match="labels"):
        Handwriting.from_run(tmp_path, rng)
