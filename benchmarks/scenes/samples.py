"""Sample media with known answers: handwritten digits composed on drawn paper and photographed by a virtual camera.

    python -m benchmarks samples --run runs/digits-quick --out samples

The handwriting is MNIST *test* images from the run's `test.npz`: ink that the model never trained on. Only images that Keras
answers rightly with a top-2 probability margin of at least 0.99 are taken, of these the quarter that looks most like its
class, and only strokes of a common width: a sample shows what the product does with clear writing, and a label that a
person would dispute proves nothing. A figure measured on these scenes is therefore a regression check of
segmentation, not an accuracy of the model.

The page is drawn at twice the camera's size; the camera is a homography (turn, zoom, tilt), then light, blur, noise.
Coordinates are (x, y) in pixels; colours are BGR in 0..1 (the share of the light that paper or ink sends back).
The same seed gives the same pixels with the same versions of numpy and OpenCV.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import run_folder
from benchmarks.scenes.photograph.texture import clouds
from edgeproof import glyph, scores
from edgeproof.errors import SourceError
from edgeproof.support import files

MIN_MARGIN = 0.99  # top-2 probability margin of Keras
STROKE = (1.7, 2.6)  # mean stroke width in the 28×28 image, pixels; MNIST's median is 2.0
PAGE_SCALE = 2  # page pixels per camera pixel at zoom 1
SHADOW = 0.20  # share of light that the photographer's own shadow takes, in the lower right corner
INK_VISIBLE = 0.35  # share of full ink from which a pixel counts as part of the digit's label box

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
Random = np.random.Generator
Paper = Literal["plain", "squared", "ruled"]

PENS: dict[str, tuple[float, float, float]] = {
    "blue": (0.46, 0.20, 0.11),
    "black": (0.15, 0.13, 0.13),
}


@dataclass(frozen=True)
class Scene:
    """What is written on a page.

    rows: numbers separated by spaces, one string per line of writing.
    size: camera picture, (width, height) pixels.
    digit: height of a digit in the camera picture, pixels. top, left: where writing begins, shares of the picture.
    pitch: distance between lines of writing, in digit heights.
    """

    rows: tuple[str, ...]
    paper: Paper
    pen: str
    size: tuple[int, int]
    digit: int
    top: float
    left: float
    pitch: float


@dataclass(frozen=True)
class Digit:
    """One written digit: its value and the outline of its ink on the page, float32 (points, 2), page pixels."""

    value: int
    outline: Floats


@dataclass(frozen=True)
class Page:
    """A page before the camera: float32 (H, W, 3) BGR 0..1, larger than the picture on all sides, and what is on it."""

    image: Floats
    digits: tuple[Digit, ...]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Camera:
    """Where the camera looks and in what light.

    turn: degrees, clockwise. zoom: camera pixels per half page pixel. tilt: how much wider the bottom is seen than the top
    (share). shift: of the page in the picture, camera pixels. exposure: factor on the light. lamp: direction that the light
    comes from, degrees. falloff: share of light lost across the picture.
    """

    turn: float = 0.0
    zoom: float = 1.0
    tilt: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    exposure: float = 0.90
    lamp: float = 215.0
    falloff: float = 0.22


PHOTO = Scene(
    rows=("2026 11 21", "0731 465892", "36 1729 504", "3141592653"),
    paper="squared", pen="blue", size=(1280, 720), digit=92, top=0.08, left=0.11, pitch=1.85,
)  # fmt: skip
FILM = Scene(
    rows=("1984 27", "365 480", "90210"),
    paper="plain", pen="black", size=(640, 480), digit=62, top=0.17, left=0.17, pitch=1.95,
)  # fmt: skip
FILM_FPS, FILM_FRAMES = 15, 60


def make_samples(run: Path, out: Path, seed: int = 1) -> list[Path]:
    """Write numbers.jpg, numbers.mp4 and labels.jsonl to `out`; returns what was written."""
    rng = np.random.default_rng(seed)
    hand = Handwriting.from_run(run, rng)
    out.mkdir(parents=True, exist_ok=True)
    page = draw_page(PHOTO, hand)
    camera = Camera(turn=-1.6, zoom=1.0, tilt=0.04)
    picture = photograph(page, PHOTO, camera, rng)
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    files.write_atomic(out / "numbers.jpg", encoded.tobytes())
    film_page = draw_page(FILM, hand)
    cameras = film_path(FILM_FRAMES)
    write_film(out / "numbers.mp4", (photograph(film_page, FILM, at, rng) for at in cameras), FILM)
    source = f"MNIST test digits on drawn paper, seed {seed}"
    labels: list[dict[str, Any]] = [
        {"image": "numbers.jpg", "source": source, "numbers": page.numbers, "boxes": label_boxes(page, PHOTO, camera)},
        # Every frame shows the whole page; no "boxes" here, so that scorers of still pictures pass the film over.
        {"image": "numbers.mp4", "source": source, "numbers": film_page.numbers,
         "frames": [label_boxes(film_page, FILM, at) for at in cameras]},
    ]  # fmt: skip
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in labels)
    files.write_atomic(out / "labels.jsonl", text.encode())
    return [out / "numbers.jpg", out / "numbers.mp4", out / "labels.jsonl"]


class Handwriting:
    """Clear MNIST test digits, per value, dealt out at random without repeating one before all were used."""

    def __init__(self, images: Picture, labels: NDArray[np.int64], logits: Floats, rng: Random) -> None:
        """`images` uint8 (N, 28, 28), `labels` int64 (N,), `logits` float32 (N, ≥ 10) from Keras."""
        best = np.sort(scores.softmax(logits), axis=1)
        clear = (best[:, -1] - best[:, -2] >= MIN_MARGIN) & (logits.argmax(axis=1) == labels)
        self.rng = rng
        self._images = images
        self._clear = {value: _most_typical(images, np.flatnonzero(clear & (labels == value))) for value in range(10)}
        self._left: dict[int, list[int]] = {value: [] for value in range(10)}
        for value, found in self._clear.items():
            if not found.size:
                raise SourceError(
                    f"scenes: expected clear test images of every digit, found none of {value}: train the run longer"
                )

    @classmethod
    def from_run(cls, run: Path, rng: Random) -> Handwriting:
        """From a run folder's test.npz. Raises what `run_folder.load_test_images` raises."""
        return cls(*run_folder.load_test_images(run), rng)

    def deal(self, value: int) -> Picture:
        """One image of `value`, uint8 (28, 28), in one piece and with strokes of common width where there is one."""
        left = self._left[value]
        for _ in range(len(self._clear[value])):
            if not left:
                left.extend(int(i) for i in self.rng.permutation(self._clear[value]))
            image: Picture = self._images[left.pop()]
            if STROKE[0] <= glyph.stroke_width(image) <= STROKE[1] and _in_one_piece(image):
                return image
        return image


def _in_one_piece(image: Picture) -> bool:
    """Whether the drawn stroke hangs together: a pen that skips is another lesson."""
    solid = (digit_ink(image, 4 * glyph.BOX) >= 0.8).astype(np.uint8)
    return cv2.connectedComponents(solid)[0] == 2  # paper and ink


def _most_typical(images: Picture, which: NDArray[np.int64]) -> NDArray[np.int64]:
    """The quarter of images[which] that is nearest to their mean picture."""
    chosen = images[which].reshape(len(which), -1).astype(np.float32)
    if len(which) < 2:
        return which
    distance = np.linalg.norm(chosen - chosen.mean(axis=0), axis=1)
    typical: NDArray[np.int64] = which[distance <= np.quantile(distance, 0.25)]
    return typical


def draw_page(scene: Scene, hand: Handwriting) -> Page:
    """The page of `scene` with every number written on it."""
    rng = hand.rng
    width, height = (side * PAGE_SCALE for side in scene.size)
    margin = width // 4  # of paper around what the camera sees when it looks straight
    page = blank_paper(scene.paper, (height + 2 * margin, width + 2 * margin), scene.digit * PAGE_SCALE, rng)
    ink = np.zeros(page.shape[:2], np.float32)
    digits: list[Digit] = []
    for number, row in enumerate(scene.rows):
        baseline = margin + height * scene.top + scene.digit * PAGE_SCALE * (1 + number * scene.pitch)
        digits += _write_row(ink, row, (margin + width * scene.left, baseline), scene.digit * PAGE_SCALE, hand)
    # A pen gives now more, now less: slow changes along the stroke, and the paper's grain.
    ink *= 1 - 0.16 * clouds(ink.shape, 40, rng) - 0.10 * clouds(ink.shape, 3, rng)
    transmitted = np.asarray(PENS[scene.pen], np.float32)
    page *= 1 - ink[..., None] * (1 - transmitted)
    return Page(page, tuple(digits), tuple(number for row in scene.rows for number in row.split()))


def _write_row(ink: Floats, row: str, start: tuple[float, float], size: float, hand: Handwriting) -> list[Digit]:
    """Write `row` into the ink layer (H, W) from `start` (left, baseline), digits `size` high; page pixels."""
    rng = hand.rng
    x, baseline = start
    x += rng.uniform(-0.1, 0.1) * size
    climb = rng.uniform(-0.012, 0.004)  # people write slightly uphill
    written: list[Digit] = []
    for character in row:
        if character == " ":
            x += size * rng.uniform(0.85, 1.05)
            continue
        stroke = digit_ink(hand.deal(int(character)), size * rng.uniform(0.93, 1.05))
        rows, columns = stroke.shape
        left = round(x)
        top = round(baseline + climb * (x - start[0]) + rng.normal(0, 0.02) * size - rows)
        patch = ink[top : top + rows, left : left + columns]
        np.maximum(patch, stroke, out=patch)
        y, x_ink = np.nonzero(stroke >= INK_VISIBLE)
        hull = cv2.convexHull(np.stack([x_ink + left, y + top], axis=1).astype(np.float32))
        written.append(Digit(int(character), hull.reshape(-1, 2).astype(np.float32)))
        x += columns + size * rng.uniform(0.14, 0.24)
    return written


def digit_ink(image: Picture, height: float) -> Floats:
    """A 28×28 image as a sharp pen stroke in its bounding box, float32 (h, w) in 0..1.

    The 20 pixels of MNIST's box become `height` pixels. Scaled up, smoothed and cut at a little above half ink, the
    staircase of the small picture becomes a round outline, slightly thinner than the scanner's.
    """
    scale = height / glyph.BOX
    big = cv2.resize(image.astype(np.float32) / 255, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    big = cv2.GaussianBlur(big, (0, 0), 0.40 * scale)
    stroke = np.clip((big - 0.46) / 0.12, 0, 1).astype(np.float32)
    rows, columns = np.flatnonzero(stroke.any(axis=1)), np.flatnonzero(stroke.any(axis=0))
    trimmed: Floats = stroke[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return trimmed


def blank_paper(kind: Paper, shape: tuple[int, int], digit: int, rng: Random) -> Floats:
    """Paper without writing, float32 (H, W, 3) BGR 0..1; lines are `digit`-sized squares of 5 mm or rules."""
    height, width = shape
    page = np.empty((height, width, 3), np.float32)
    page[:] = (0.915, 0.935, 0.94)
    page *= (1 - 0.020 * clouds(shape, 60, rng) - 0.015 * clouds(shape, 4, rng))[..., None]
    lines = np.zeros(shape, np.float32)
    pitch = digit * 0.65 if kind == "squared" else digit * 1.3
    if kind != "plain":
        for y in np.arange(rng.uniform(0, pitch), height, pitch):
            _rule(lines, round(y), axis=0)
    if kind == "squared":
        for x in np.arange(rng.uniform(0, pitch), width, pitch):
            _rule(lines, round(x), axis=1)
    lines *= 0.8 + 0.2 * clouds(shape, 20, rng)
    page *= 1 - lines[..., None] * np.asarray((0.10, 0.17, 0.24), np.float32)
    return page


def _rule(lines: Floats, at: int, *, axis: int) -> None:
    """A printed line two page pixels wide (one in the picture)."""
    band = lines[at : at + 2] if axis == 0 else lines[:, at : at + 2]
    band[:] = 1


def homography(scene: Scene, camera: Camera, page_shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The 3×3 matrix from page pixels to picture pixels."""
    width, height = scene.size
    centre = np.array([[1, 0, -page_shape[1] / 2], [0, 1, -page_shape[0] / 2], [0, 0, 1]])
    angle, scale = np.deg2rad(camera.turn), camera.zoom / PAGE_SCALE
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, 1, 0], [0, -camera.tilt / height, 1]])
    shift = np.array([[1, 0, width / 2 + camera.shift[0]], [0, 1, height / 2 + camera.shift[1]], [0, 0, 1]])
    matrix: NDArray[np.float64] = shift @ tilt @ turn @ centre
    return matrix


def photograph(page: Page, scene: Scene, camera: Camera, rng: Random) -> Picture:
    """The page as the camera sees it: uint8 BGR (height, width, 3)."""
    matrix = homography(scene, camera, page.image.shape)
    # One octave of averaging first: a camera's pixel is an area, and a warp alone would take points.
    soft = cv2.GaussianBlur(page.image, (0, 0), 0.9)
    seen = cv2.warpPerspective(soft, matrix, scene.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    light = np.float32(camera.exposure) * _light(scene.size, camera)
    warmth = np.asarray((0.93, 0.99, 1.03), np.float32)  # a lamp is not daylight
    seen = cv2.GaussianBlur(np.asarray(seen * light[..., None] * warmth, np.float32), (0, 0), 0.7)
    grain = np.float32(0.010) * rng.standard_normal(seen.shape[:2], np.float32)
    chroma: Floats = np.float32(0.020) * rng.standard_normal((*seen.shape[:2], 3), np.float32)
    noisy = seen + cv2.GaussianBlur(grain, (0, 0), 0.6)[..., None] + cv2.GaussianBlur(chroma, (0, 0), 1.5)
    return np.asarray(np.clip(noisy, 0, 1) * 255 + 0.5, np.uint8)


def _light(size: tuple[int, int], camera: Camera) -> Floats:
    """Relative light per pixel (height, width): a lamp on one side, a lens that darkens towards the corners, and the soft
    shadow of the person who holds the camera."""
    width, height = size
    x = (np.arange(width, dtype=np.float32) / width - 0.5)[None]
    y = (np.arange(height, dtype=np.float32) / height - 0.5)[:, None]
    angle = np.deg2rad(camera.lamp)
    slope = camera.falloff * (np.cos(angle) * x + np.sin(angle) * y)
    vignette = 1 - 0.28 * (x**2 + y**2)
    shadow = 1 - SHADOW / (1 + np.exp(-(x + 0.6 * y - 0.42) / 0.05))
    return np.asarray((1 + slope) * vignette * shadow, np.float32)


def film_path(frames: int) -> list[Camera]:
    """A hand-held camera that sways over the page and comes closer; brightness drifts. All writing stays in view."""
    path = []
    for time in np.linspace(0, 1, frames):
        turn = 2.2 * np.sin(2 * np.pi * time)
        shift = (26 * np.sin(2 * np.pi * time + 0.7), 18 * np.sin(4 * np.pi * time))
        exposure = 0.84 + 0.12 * np.sin(2 * np.pi * time + 2)
        path.append(
            Camera(turn=float(turn), zoom=float(0.97 + 0.10 * time), tilt=float(0.05 * np.sin(np.pi * time)),
                   shift=(float(shift[0]), float(shift[1])), exposure=float(exposure), lamp=160.0)
        )  # fmt: skip
    return path


def label_boxes(page: Page, scene: Scene, camera: Camera) -> list[dict[str, Any]]:
    """[{"digit", "bbox": [x, y, w, h]}] in reading order; integers, picture pixels."""
    matrix = homography(scene, camera, page.image.shape)
    return [{"digit": digit.value, "bbox": _seen_box(digit, matrix)} for digit in page.digits]


def _seen_box(digit: Digit, matrix: NDArray[np.float64]) -> list[int]:
    seen = cv2.perspectiveTransform(digit.outline[None], matrix)[0]
    x0, y0 = np.floor(seen.min(axis=0)).astype(int).tolist()
    x1, y1 = np.ceil(seen.max(axis=0)).astype(int).tolist()
    return [x0, y0, x1 - x0, y1 - y0]


def write_film(path: Path, frames: Iterator[Picture], scene: Scene) -> None:
    """MPEG-4 part 2 in .mp4, which every OpenCV build can read without a system codec. Raises SourceError."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        writer = cv2.VideoWriter(str(draft), cv2.VideoWriter.fourcc(*"mp4v"), FILM_FPS, scene.size)
        if not writer.isOpened():
            raise SourceError(f"{path}: this OpenCV cannot write mp4v: install opencv-python or opencv-python-headless")
        for frame in frames:
            writer.write(frame)
        writer.release()
        files.write_atomic(path, draft.read_bytes())
