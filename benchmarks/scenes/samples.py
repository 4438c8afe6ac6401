"""The sample picture and film: scenes with chosen rows of numbers in clear handwriting.

    python -m benchmarks samples --run runs/digits-quick --out samples

The handwriting is MNIST *test* images from the run's `test.npz`, the clear ones alone (`writer.clear_digits`): a sample shows
what the product does with clear writing, and a label that a person would dispute proves nothing. A figure measured on
these scenes is therefore a regression check, not an accuracy of the model.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.scenes import layout
from benchmarks.scenes.photograph import lens
from benchmarks.scenes.photograph.camera import Light, Look, View, shoot, write_sheet
from benchmarks.scenes.scene import Picture, Scene
from benchmarks.scenes.writer import Digits, Writer, clear_digits
from edgeproof.errors import SourceError
from edgeproof.run_folder import read_test
from edgeproof.support import files

PHOTO, FILM, LABELS = "numbers.jpg", "numbers.mp4", "labels.jsonl"
PHOTO_ROWS = ("2026 11 21", "0731 465892", "36 1729 504", "3141592653")
FILM_ROWS = ("1984 27", "365 480", "90210")
FILM_SIZE, FILM_FPS, FILM_FRAMES = (640, 480), 15, 60
SOFT = 1.2  # pixels; films are softer than stills, and sharp noise would be half of the file
LAMP = Light(lamp=3.7, fall=0.55, warmth=0.05, exposure=0.72)  # at the upper left


def make_samples(run: Path, out: Path, seed: int = 1) -> list[Path]:
    """Write picture, film and labels to `out`; returns what was written. Raises what `read_test` and
    `clear_digits` raise."""
    test = read_test(run)
    digits = clear_digits(test.images, test.labels, test.logits)
    photo, frames = draw_photo(digits, seed), list(draw_film(digits, seed))
    encoded = cv2.imencode(".jpg", photo.picture, [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
    files.write_atomic(out / PHOTO, encoded.tobytes())
    write_film(out / FILM, [frame.picture for frame in frames])
    source = f"MNIST test digits on drawn paper, seed {seed}"
    labels: list[dict[str, Any]] = [
        {"image": PHOTO, "source": source, "numbers": photo.numbers, "boxes": _boxes(photo)},
        # Every frame shows the whole page; no "boxes" here, so that scorers of still pictures pass the film over.
        {"image": FILM, "source": source, "numbers": frames[0].numbers, "frames": [_boxes(frame) for frame in frames]},
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in labels)
    files.write_atomic(out / LABELS, text.encode())
    return [out / PHOTO, out / FILM, out / LABELS]


def draw_photo(digits: Digits, seed: int) -> Scene:
    """Four rows in blue ink on squared paper, a lamp at one side."""
    rng = np.random.default_rng([seed, 4])
    size, digit = (1280, 720), 92
    written = layout.compose_rows(PHOTO_ROWS, size, digit, Writer(*digits, rng), corner=(0.17, 0.08), pitch=1.85)
    sheet = write_sheet(written, size, digit, Look("squared"), rng)
    return shoot(sheet, View(turn=-1.6, tilt=(0, -0.04)), LAMP, rng)


def draw_film(digits: Digits, seed: int) -> Iterator[Scene]:
    """The frames of a hand-held camera that sways over a page and comes closer; brightness drifts. All writing stays in view."""
    rng = np.random.default_rng([seed, 5])
    digit = 62
    written = layout.compose_rows(FILM_ROWS, FILM_SIZE, digit, Writer(*digits, rng), corner=(0.17, 0.17), pitch=1.95)
    sheet = write_sheet(written, FILM_SIZE, digit, Look(pen="black felt"), rng)
    for time in np.linspace(0, 1, FILM_FRAMES):
        once = 2 * np.pi * time
        shift = 26 * np.sin(once + 0.7), 18 * np.sin(2 * once)
        view = View(2.2 * np.sin(once), 0.97 + 0.10 * time, (0, -0.05 * np.sin(np.pi * time)), shift)
        light = Light(lamp=2.8, fall=0.30, warmth=0.03, exposure=0.68 + 0.10 * np.sin(once + 2))
        frame = shoot(sheet, view, light, rng)
        yield replace(frame, picture=lens.defocus(frame.picture, SOFT, rng))


def _boxes(scene: Scene) -> list[dict[str, Any]]:
    return [{"digit": int(mark.text), "bbox": list(mark.box)} for mark in scene.digits]


def write_film(path: Path, frames: Sequence[Picture]) -> None:
    """MPEG-4 part 2 in .mp4, which every OpenCV build can read without a system codec. Raises SourceError."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        writer = cv2.VideoWriter(str(draft), cv2.VideoWriter.fourcc(*"mp4v"), FILM_FPS, FILM_SIZE)
        if not writer.isOpened():
            raise SourceError(f"{path}: this OpenCV cannot write mp4v: install opencv-python or opencv-python-headless")
        for frame in frames:
            writer.write(frame)
        writer.release()
        files.write_atomic(path, draft.read_bytes())
