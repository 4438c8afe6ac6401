"""Fixtures of the tests that a device runs: the wheel, ONNX Runtime, LiteRT, OpenCV and pytest, nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

Digits = dict[int, NDArray[np.uint8]]  # of each digit some images, uint8 (8, 28, 28), white on black

# Whoever runs the tests may be in the background, or under nohup: there these signals are ignored, and so in every child.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

if TYPE_CHECKING:
    from tests.runtime.cameras import Camera


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Minutes-long checks run in `make soak` alone, also on a device, where the conftest above this folder is not."""
    if "EDGEPROOF_SOAK" not in os.environ:
        for item in items:
            if item.get_closest_marker("soak"):
                item.add_marker(pytest.mark.skip(reason="make soak"))


@pytest.fixture(scope="session", autouse=True)
def _empty_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whoever runs the tests may have tuned this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))  # nor may they trust a key
        yield


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for a test that keeps something in it."""
    folder = tmp_path / "own_cache"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="session")
def samples() -> Path:
    return SAMPLES


@pytest.fixture(scope="session")
def colour() -> Path:
    """A bundle of pictures of 16×24 pixels whose classes are colours; `tests/make_colour_bundle.py` made it."""
    return Path(__file__).parent / "colour"


@pytest.fixture(scope="session")
def coloured() -> Callable[..., NDArray[np.uint8]]:
    """`coloured(*names, size=(height, width))`: a frame, uint8 BGR, of dark cells side by side, each with a block of that colour,
    by the name of its class in the bundle `colour`."""
    levels = {"red": (40, 40, 220), "green/lime": (40, 200, 60), "sky blue": (220, 90, 60), "grey": (130, 130, 130)}

    def draw(*names: str, size: tuple[int, int] = (60, 80)) -> NDArray[np.uint8]:
        cells = np.full((len(names), *size, 3), 35, np.uint8)
        for cell, name in zip(cells, names, strict=True):
            cell[size[0] // 5 : 3 * size[0] // 4, size[1] // 4 : 3 * size[1] // 4] = levels[name]
        return np.hstack(list(cells))

    return draw


@pytest.fixture(scope="session")
def photos() -> Path:
    """Real photos with labels, which are no part of the project; the tests that want them skip without."""
    named = os.environ.get("EDGEPROOF_PHOTOS", "").split(os.pathsep)[0]  # benchmarks measure on the others too
    folder = Path(named or "/nonexistent")
    if not folder.is_dir():
        pytest.skip("EDGEPROOF_PHOTOS does not point to labelled photos")
    return folder


@pytest.fixture(scope="session")
def played() -> Callable[[Path], int]:
    """How many frames of a video play."""
    import cv2

    def count(path: Path) -> int:
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        found = 0
        while capture.read()[0]:
            found += 1
        return found

    return count


@dataclass(frozen=True)
class Scene:
    """A drawn page: uint8 BGR, the text of each row, and the box of each digit in writing order."""

    frame: NDArray[np.uint8]
    rows: tuple[str, ...]
    boxes: tuple[tuple[int, int, int, int], ...]


@pytest.fixture(scope="session")
def digits() -> Digits:
    """The handwriting of drawn pages. It is a file, not the bundle's golden digits: with those another model would have
    brought other pages."""
    with np.load(Path(__file__).parent / "digits.npz") as kept:
        images, labels = kept["images"], kept["labels"]
    return {label: images[labels == label] for label in range(10)}


@pytest.fixture(scope="session")
def draw_scene(digits: Digits) -> Callable[..., Scene]:
    """`draw_scene(rows, height=…, ink=…, …)`: handwritten digits written on procedural paper, seeded."""

    def draw(
        rows: Sequence[str],
        *,
        size: tuple[int, int] = (480, 640),
        height: int = 60,
        gap: float = 0.3,
        ink: tuple[int, int, int] = (60, 40, 30),
        paper: tuple[int, int, int] = (215, 225, 230),
        ruled: int = 0,
        squared: int = 0,
        rule: tuple[int, int, int] = (200, 190, 170),
        gradient: float = 0.0,
        shadow: float = 0.0,
        noise: float = 0.0,
        angle: float = 0.0,
        seed: int = 1,
    ) -> Scene:
        """height: of a digit, pixels; gap: between digits, of their height. ruled, squared: line distance, pixels.

        gradient: how much darker the right edge is, 0..1. shadow: how much darker a hard-edged corner is, 0..1. noise:
        standard deviation, levels. angle: of the whole page, degrees.
        """
        import cv2

        random = np.random.default_rng(seed)
        tall, wide = size
        page: Any = np.empty((tall, wide, 3), np.float32)
        page[:] = paper
        for distance, axes in ((ruled, (0,)), (squared, (0, 1))):
            for axis in axes if distance else ():
                for at in range(distance, size[axis], distance):
                    page[(slice(None),) * axis + (slice(at, at + 2),)] = rule
        marks = np.zeros((tall, wide), np.float32)
        line = (tall - 40) / len(rows)
        boxes: list[tuple[int, int, int, int]] = []
        for r, row in enumerate(rows):
            x, y = 30.0 + 8 * random.random(), 20 + r * line + (line - height) / 2
            for character in row:
                if character == " ":
                    x += 1.5 * height
                    continue
                options = digits[int(character)]
                digit = options[int(random.integers(len(options)))]
                part = _trimmed(digit)
                scale = height / part.shape[0]
                part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
                h, w = part.shape
                top, left = round(y), round(x)
                spot = marks[top : top + h, left : left + w]
                assert spot.shape == part.shape, f"the row {row!r} does not fit a page of {size}"
                np.maximum(spot, part / np.float32(255), out=spot)
                boxes.append((left, top, w, h))
                x += w + gap * height
        frame = page * (1 - marks[..., None]) + np.array(ink, np.float32) * marks[..., None]
        if gradient:
            frame *= np.linspace(1, 1 - gradient, wide, dtype=np.float32)[None, :, None]
        if shadow:
            across, down = np.meshgrid(np.arange(wide), np.arange(tall))
            frame[across + 1.3 * down > 0.9 * wide] *= 1 - shadow
        if angle:
            turn = cv2.getRotationMatrix2D((wide / 2, tall / 2), -angle, 1.0)
            frame = cv2.warpAffine(frame, turn, (wide, tall), borderMode=cv2.BORDER_REPLICATE)
            boxes = [_turned(box, turn) for box in boxes]
        frame += random.normal(0, 1, frame.shape).astype(np.float32) * noise
        return Scene(np.clip(frame + 0.5, 0, 255).astype(np.uint8), tuple(rows), tuple(boxes))

    return draw


def _trimmed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = np.flatnonzero((image > 40).any(axis=1)), np.flatnonzero((image > 40).any(axis=0))
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _turned(box: tuple[int, int, int, int], turn: NDArray[Any]) -> tuple[int, int, int, int]:
    x, y, w, h = box
    corners = np.array([[x, y, 1], [x + w, y, 1], [x, y + h, 1], [x + w, y + h, 1]]) @ turn.T
    left, top = corners.min(axis=0)
    right, bottom = corners.max(axis=0)
    return round(left), round(top), round(right - left), round(bottom - top)


@pytest.fixture
def camera(request: pytest.FixtureRequest) -> Iterator[Camera]:
    """Motion JPEG on loopback, or of the kind that the test's parameter names."""
    pytest.importorskip("cv2")
    from tests.runtime.cameras import CAMERAS

    opened = CAMERAS[getattr(request, "param", "http")]()
    yield opened
    opened.down()
