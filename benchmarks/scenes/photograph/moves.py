"""The camera elsewhere: each way gives the homography (3, 3) from old to new pixels and the new size (width, height).

`moved` carries a scene's picture and its labels through one. What was never photographed becomes paper like the nearest.
`quarter_turned` is exact: no pixel changes its value.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.scenes.photograph.texture import grain
from benchmarks.scenes.scene import Matrix, Picture, Scene

Random = np.random.Generator
Size = tuple[int, int]
Move = Callable[[Size, float, Random], tuple[Matrix, Size]]

AREA_BELOW = 0.8  # scales under which pixels are averaged and not sampled


def turned(size: Size, degrees: float, rng: Random) -> tuple[Matrix, Size]:
    """Clockwise about the middle; the picture grows so that nothing is lost."""
    del rng
    width, height = size
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    grown = (round(width * abs(cosine) + height * abs(sine)), round(height * abs(cosine) + width * abs(sine)))
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    return _about((grown[0] / 2, grown[1] / 2)) @ turn @ _about((-width / 2, -height / 2)), grown


def scaled(size: Size, factor: float, rng: Random) -> tuple[Matrix, Size]:
    del rng
    new = round(size[0] * factor), round(size[1] * factor)
    x, y = new[0] / size[0], new[1] / size[1]
    # Pixel centres lie at halves: the first new centre is not the first old one.
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]]), new


def tilted(size: Size, strength: float, rng: Random) -> tuple[Matrix, Size]:
    """Seen from one side: the far edge is seen `strength` (a share) smaller than the near one, from any direction."""
    width, height = size
    angle = rng.uniform(0, 2 * np.pi)
    across, down = strength * np.cos(angle) / width, strength * np.sin(angle) / height
    tilt = np.array([[1, 0, 0], [0, 1, 0], [across, down, 1]])
    matrix = tilt @ _about((-width / 2, -height / 2))
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    seen = cv2.perspectiveTransform(corners, matrix)[0]
    x0, y0 = seen.min(axis=0)
    x1, y1 = seen.max(axis=0)
    return _about((-x0, -y0)) @ matrix, (round(x1 - x0), round(y1 - y0))


def _about(shift: tuple[float, float]) -> Matrix:
    return np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]], np.float64)


def moved(scene: Scene, move: Move, strength: float, rng: Random) -> tuple[Scene, Matrix]:
    """`scene` seen from where `move` puts the camera, and the homography from its old pixels to the new."""
    height, width = scene.picture.shape[:2]
    matrix, size = move((width, height), strength, rng)
    return scene.moved(_warped(scene.picture, matrix, size, rng), matrix), matrix


def quarter_turned(scene: Scene, turns: int) -> tuple[Scene, Matrix]:
    """`scene` on its side: so many quarter turns clockwise (below 0 counter-clockwise), and the homography of its points."""
    height, width = scene.picture.shape[:2]
    # Points count from the corner of the first pixel, as outlines and boxes do: x and y change places without a half.
    quarter = {
        0: (1, 0, 0, 0, 1, 0),
        1: (0, -1, height, 1, 0, 0),
        2: (-1, 0, width, 0, -1, height),
        3: (0, 1, 0, -1, 0, width),
    }
    matrix = np.asarray([*quarter[turns % 4], 0, 0, 1], np.float64).reshape(3, 3)
    return scene.moved(np.ascontiguousarray(np.rot90(scene.picture, -turns)), matrix), matrix


def _warped(picture: Picture, matrix: Matrix, size: Size, rng: Random) -> Picture:
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if scale < AREA_BELOW and np.allclose(matrix, np.diag(np.diag(matrix)), atol=1):
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    seen = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpPerspective(np.full(picture.shape[:2], 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
    if inside.min() == 255:
        return np.asarray(seen, np.uint8)
    # Beyond the edge: the paper near it, without its writing (a median), as grainy as the rest.
    small = cv2.resize(picture, (48, 36), interpolation=cv2.INTER_AREA)
    back = np.diag([48 / picture.shape[1], 36 / picture.shape[0], 1]) @ np.linalg.inv(matrix)
    paper = cv2.warpPerspective(cv2.medianBlur(small, 15), np.linalg.inv(back), size, borderMode=cv2.BORDER_REPLICATE)
    filled = cv2.GaussianBlur(paper, (0, 0), 12) + 2.0 * grain((size[1], size[0]), 0.8, rng)[..., None]
    cover = cv2.erode(inside, np.ones((3, 3), np.uint8))[..., None].astype(np.float32) / 255
    return np.asarray(np.clip(seen * cover + filled * (1 - cover) + 0.5, 0, 255), np.uint8)
