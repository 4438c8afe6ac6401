"""The road of colour pictures: a folder of one's own, of all sizes, is trained on, converted, and pictures are then read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

Shell = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

SHAPES = ("ball", "cross", "wedge")
EACH = 24


def drawn(shape: str, seed: int) -> NDArray[np.uint8]:
    """BGR of 40 to 160 pixels a side, each of its own; a ball is warm, a cross green, a wedge blue, somewhat."""
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(40, 160, 2))
    picture = rng.normal(200, 12, (height, width, 3)).clip(0, 255).astype(np.uint8)
    x, y = int(width * rng.uniform(0.4, 0.6)), int(height * rng.uniform(0.4, 0.6))
    size = int(min(height, width) * rng.uniform(0.25, 0.38))
    colour = rng.integers(20, 70, 3)
    colour[{"ball": 2, "cross": 1, "wedge": 0}[shape]] += int(rng.integers(80, 150))
    ink = tuple(int(level) for level in colour)
    if shape == "ball":
        cv2.circle(picture, (x, y), size, ink, -1, cv2.LINE_AA)
    elif shape == "cross":
        for dx, dy in ((size, 0), (0, size)):
            cv2.line(picture, (x - dx, y - dy), (x + dx, y + dy), ink, max(3, size // 2), cv2.LINE_AA)
    else:
        corners = np.array([(x, y - size), (x - size, y + size), (x + size, y + size)])
        cv2.fillPoly(picture, [corners], ink, cv2.LINE_AA)
    return picture


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, shell: Shell, seed: int) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number, shape in enumerate(SHAPES):
        (folder / "set" / shape).mkdir(parents=True)
        for i in range(EACH):
            kind = "png" if i % 2 else "jpg"
            cv2.imwrite(str(folder / "set" / shape / f"{i}.{kind}"), drawn(shape, 1000 * number + i))
    grey = cv2.cvtColor(drawn("ball", 500), cv2.COLOR_BGR2GRAY)
    cv2.imwrite(str(folder / "set/ball/grey.png"), grey)
    shell(
        "python", "-m", "train", "run", "own-pictures", "--data", folder / "set", "--runs", folder / "runs",
        "--epochs", "30", "--seed", str(seed),
    )  # fmt: skip
    return folder / "runs/own-pictures"


def test_the_template_learns(run: Path) -> None:
    facts = json.loads((run / "run.json").read_text())
    assert facts["classes"] == list(SHAPES)
    assert facts["input"] == {"size": [64, 64], "channels": 3, "resize": "fit"}
    with np.load(run / "test.npz") as test:
        assert test["images"].shape == (15, 64, 64, 3)
        assert (test["logits"].argmax(axis=1) == test["labels"]).mean() >= 0.8  # one in five may be wrong


def test_a_picture_is_read_as_its_class(run: Path, shell: Shell, tmp_path: Path) -> None:
    shell(
        "python", "-m", "convert", "run", run, "--out", tmp_path / "bundle", "--max-drop-points", "30"
    )  # of 15 images
    files = [tmp_path / f"{shape}-{i}.jpg" for shape in SHAPES for i in range(3)]
    for number, file in enumerate(files):
        cv2.imwrite(str(file), drawn(file.name.split("-")[0], 9000 + number))
    told = shell("edgeproof", "read", *files, "--bundle", tmp_path / "bundle/own-pictures", "--json", "-", "--no-show")
    records = [json.loads(line) for line in told.stdout.splitlines()]
    answers = [(Path(record["source"]).name.split("-")[0], record["digits"]) for record in records]
    right = [len(found) == 1 and found[0]["name"] == shape for shape, found in answers]
    assert len(right) == 9
    assert sum(right) >= 8  # one may be unlucky
