"""Pictures of road signs as a camera at a car sees them, drawn here: a colour set that needs no download.

Small, dirty, faded, in shade, behind twigs, through a cheap lens. They are drawings: what a model reaches on them says
that the road from colour pictures to a device works, and nothing about real signs.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.synthetic.sign_faces import FACE, SIGNS, faces

SIZE = 32
_FINE = FACE  # side of the scene, before it is averaged down
_ROUGH = 24  # and of its background, which is never sharp

CLASSES = tuple(SIGNS)

Random = np.random.Generator
Images = NDArray[np.uint8]
Scene = NDArray[np.float32]
"""float32 (64, 64, 3), RGB, 0 to 255."""


def draw_signs(count: int, seed: int) -> tuple[Images, NDArray[np.int64]]:
    """`count` pictures, uint8 (count, 32, 32, 3) RGB, and their labels, int64, indices into CLASSES.

    Each class is drawn as often as the others, give or take one; in random order. Deterministic in `seed`
    (another release of OpenCV may draw a little differently: run.json has the fingerprint of what was learned from).
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % len(CLASSES)).astype(np.int64)
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:] = draw_sign(random, CLASSES[label])
    return images, labels


def draw_sign(random: Random, name: str) -> Images:
    """One picture of the sign `name`: uint8 (32, 32, 3) RGB. Two signs with equal states of `random` stand equally."""
    scene = _background(random)
    _put_up(random, scene, name)
    _shadow(random, scene)
    _twigs(random, scene)
    return _taken(random, np.asarray(cv2.resize(scene, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.float32))


# --- what stands there ------------------------------------------------------------------------------------------------

_SURROUNDINGS = np.array(  # sky, cloud, leaves, hedge, asphalt, brick, wood, dusk, snow
    [
        (120, 165, 215), (205, 210, 215), (70, 100, 45), (45, 70, 40), (105, 105, 108), (140, 80, 60), (120, 95, 70),
        (60, 62, 85), (230, 232, 236),
    ],
    np.float32,
)  # fmt: skip


def _background(random: Random) -> Scene:
    """Soft patches of two or three surroundings, with coarse and fine texture, at times with straight edges."""
    cells = int(random.integers(2, 7))
    palette = _SURROUNDINGS[random.integers(0, len(_SURROUNDINGS), 3)]
    patches = palette[random.integers(0, 3, (cells, cells))] + random.normal(0, 12, (cells, cells, 3))
    how = cv2.INTER_NEAREST if random.random() < 0.15 else cv2.INTER_LINEAR
    rough = _enlarged(patches, _ROUGH, how)
    for grain, strength in ((12, 14), (_ROUGH, 20)):
        texture = random.normal(0, random.uniform(0, strength), (grain, grain, 1))
        rough += _enlarged(np.repeat(texture, 3, axis=2), _ROUGH)
    scene = _enlarged(rough)
    for _ in range(int(random.integers(0, 3))):
        start, end = ([int(at) for at in point] for point in random.integers(-8, _FINE + 8, (2, 2)))
        cv2.line(scene, start, end, _any_colour(random), int(random.integers(2, 11)))
    return scene


def _enlarged(coarse: NDArray[np.floating], side: int = _FINE, how: int = cv2.INTER_LINEAR) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(coarse.astype(np.float32), (side, side), interpolation=how), np.float32)


def _any_colour(random: Random) -> list[float]:
    found: list[float] = _SURROUNDINGS[random.integers(len(_SURROUNDINGS))].tolist()
    return found


def _put_up(random: Random, scene: Scene, name: str) -> None:
    """The sign on its post, seen from aside, turned a little, faded and dirty."""
    variants = faces(name)
    face = _weathered(random, variants[random.integers(len(variants))])
    corners = _corners(random)
    middle = corners.mean(axis=0)
    if random.random() < 0.7:
        foot = (round(middle[0] + random.normal(0, 3)), _FINE + 16)
        cv2.line(scene, (round(middle[0]), round(middle[1])), foot, _grey(random, 60, 170), int(random.integers(2, 6)))
    flat = np.array([(0, 0), (FACE, 0), (FACE, FACE), (0, FACE)], np.float32)
    way = cv2.getPerspectiveTransform(flat, corners)
    placed = np.asarray(cv2.warpPerspective(face, way, (_FINE, _FINE), flags=cv2.INTER_LINEAR), np.float32)
    scene *= 1 - placed[..., 3:]
    scene += placed[..., :3]


def _corners(random: Random) -> NDArray[np.float32]:
    """Where the corners of the face come to lie in the scene: float32 (4, 2)."""
    half = random.uniform(0.27, 0.46) * _FINE
    turn = random.normal(0, 0.09)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    corners *= (random.uniform(0.72, 1.0), random.uniform(0.92, 1.0))
    corners[:, 1] *= 1 + np.sign(corners[:, 0]) * random.normal(0, 0.07)  # the nearer side is taller
    rotation = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    room = max(0.0, _FINE / 2 - half) + 1
    middle = _FINE / 2 + random.uniform(-room, room, 2)
    return np.asarray(corners @ rotation + middle + random.normal(0, 0.8, (4, 2)), np.float32)


def _weathered(random: Random, face: NDArray[np.float32]) -> NDArray[np.float32]:
    """The face with its colours faded, of a slightly other hue, and dirty in places."""
    kept, pale = random.uniform(0.5, 1.1), random.uniform(0, 0.25)  # dust takes the colour, the sun bleaches
    mixing = np.zeros((4, 4))  # each row gives one of red, green, blue and cover from all four
    mixing[:3, :3] = (1 - pale) * (kept * np.eye(3) + (1 - kept) / 3)
    mixing[:3, 3] = 165 * pale
    mixing[:3] *= random.normal(1, 0.06, (3, 1))
    mixing[3, 3] = 1
    clean = np.ones((6, 6, 4))
    clean[..., :3] -= random.uniform(0, 0.14) * np.abs(random.normal(0, 1, (6, 6, 1)))
    return np.asarray(cv2.transform(face, mixing), np.float32) * _enlarged(clean)


# --- what comes between -----------------------------------------------------------------------------------------------

_ACROSS = np.linspace(-1, 1, _FINE, dtype=np.float32)


def _shadow(random: Random, scene: Scene) -> None:
    """Light that falls off to one side, and in some pictures the hard edge of a shadow."""
    right, down = random.normal(0, 0.13, 2)
    light = 1 + right * np.array([[-1, 1], [-1, 1]]) + down * np.array([[-1, -1], [1, 1]])
    scene *= _enlarged(np.repeat(light[..., None], 3, axis=2))
    if random.random() < 0.3:
        slope, at = random.normal(0, 1), random.uniform(-0.6, 0.6)
        dark = _ACROSS[:, None] * slope + _ACROSS[None, :] > at
        scene[dark] *= np.float32(random.uniform(0.4, 0.75))


def _twigs(random: Random, scene: Scene) -> None:
    """In some pictures twigs before the sign, or something round."""
    if random.random() < 0.3:
        for _ in range(int(random.integers(1, 4))):
            start, end = ([int(at) for at in point] for point in random.integers(0, _FINE, (2, 2)))
            twig = (random.uniform(0.4, 1.2) * _SURROUNDINGS[3]).tolist()
            cv2.line(scene, start, end, twig, int(random.integers(1, 4)))
    if random.random() < 0.12:
        middle = [int(at) for at in random.integers(8, _FINE - 8, 2)]
        axes = [int(at) for at in random.integers(4, 13, 2)]
        cv2.ellipse(scene, middle, axes, random.uniform(0, 180), 0, 360, _any_colour(random), -1)


# --- what the camera makes of it --------------------------------------------------------------------------------------


def _taken(random: Random, seen: Scene) -> Images:
    """The picture: out of focus or moved, too dark or too pale, of a wrong white, noisy, and saved as JPEG."""
    seen = _blurred(random, seen)
    light = random.uniform(0.4, 0.6) if random.random() < 0.15 else random.uniform(0.6, 1.25)
    white = random.normal(1, 0.07, 3)
    contrast, haze = random.uniform(0.65, 1.0), random.uniform(40, 200)
    camera = np.column_stack([np.diag(light * white * contrast), np.full(3, (1 - contrast) * haze)])
    seen = np.asarray(cv2.transform(seen, camera), np.float32)
    seen += random.standard_normal(seen.shape, np.float32) * np.float32(random.uniform(1, 9))
    image = np.clip(seen, 0, 255).astype(np.uint8)
    if random.random() < 0.6:
        return _jpeg(image, quality=int(random.integers(25, 95)))
    return image


def _blurred(random: Random, seen: Scene) -> Scene:
    blur = random.random()
    if blur < 0.55:
        return np.asarray(cv2.GaussianBlur(seen, (0, 0), random.uniform(0.3, 0.9)), np.float32)
    if blur < 0.8:  # moved along a line
        kernel = np.zeros((5, 5), np.float32)
        angle = random.uniform(0, np.pi)
        reach = random.uniform(0.5, 1.5) * np.array([np.cos(angle), np.sin(angle)])
        start, end = ([round(float(at)) for at in 2 + sign * reach] for sign in (-1, 1))
        cv2.line(kernel, start, end, 1.0, 1)
        return np.asarray(cv2.filter2D(seen, -1, kernel / kernel.sum()), np.float32)
    return seen


def _jpeg(image: Images, quality: int) -> Images:
    """The picture as it comes back from a JPEG file of this quality, 1 to 100."""
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB), np.uint8)


def _grey(random: Random, low: int, high: int) -> tuple[int, int, int]:
    level = int(random.integers(low, high))
    return level, level, level
