"""What happens to ink between the pen and the model, and to a picture before the lens and behind it: each at one strength,
always the same.

They are harder than what a device should meet: near 100 % two artifacts cannot be told apart, and quantization shows itself
first where a model is unsure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.input_contract import InputContract, at_once

SEED = 20_26
COVERED, MIDDLE = 0.22, (0.22, 0.61)  # shares of the side: how large a covered square is, and where it begins
IMAGES = 2_000  # of the test set, always the same ones
PICTURES = 500  # of pictures: there are more kinds, and each image takes longer; 500 show 5 points well enough
VALUES = 2**25  # of the pixels of them all: every kind of them is held; 10 images of 1024×1024×3
AT_ONCE = 2**22  # values that are worked on at a time, as float64

Images = NDArray[np.uint8]
Random = np.random.Generator
Change = Callable[[Images, Random], NDArray[Any]]


def sample(count: int, contract: InputContract) -> NDArray[np.int64]:
    """Indices of the test images that are corrupted: IMAGES, or PICTURES, of `count`, fewer of large ones, in order, int64
    (m,)."""
    most = at_once(contract.shape, IMAGES if contract.ink else PICTURES, VALUES)
    chosen = np.random.default_rng(SEED).permutation(count)[:most]
    return np.sort(chosen).astype(np.int64)


def corrupt(images: Images, contract: InputContract) -> dict[str, Images]:
    """Each kind of corruption of images of `contract`, uint8 (n, H, W), or RGB (n, H, W, 3).

    The same images give the same pixels.
    """
    kinds = INK_KINDS if contract.ink else PICTURE_KINDS if contract.channels == 1 else PICTURE_KINDS | COLOUR_KINDS
    return {name: _changed(images, change) for name, change in kinds.items()}


def _changed(images: Images, change: Change) -> Images:
    """`change` of all images, of a part at a time; each part is of an even number, since some kinds go by turns."""
    random, made = np.random.default_rng(SEED), np.empty_like(images)
    size = 2 * at_once(images.shape[1:], len(images), AT_ONCE // 2)
    for start in range(0, len(images), size):
        made[start : start + size] = _bytes(change(images[start : start + size], random))
    return made


def _blur(images: Images, _: Random) -> NDArray[Any]:
    import cv2

    return _each(images, lambda image: cv2.GaussianBlur(image, (0, 0), 1.2))


def _noise(images: Images, random: Random) -> NDArray[Any]:
    return images + random.normal(0, 30, images.shape)


def _shear(images: Images, _: Random) -> NDArray[Any]:
    """To the right and to the left by turns, 0.4 pixels a row."""
    return _warped(images, lambda i: ((1, 0.4 if i % 2 else -0.4), (0, 1)))


def _scale(images: Images, _: Random) -> NDArray[Any]:
    """Smaller and larger by turns: the box of 20 pixels becomes 14 or 26."""
    return _warped(images, lambda i: ((1.4, 0), (0, 1.4)) if i % 2 else ((0.77, 0), (0, 0.77)))


def _contrast(images: Images, _: Random) -> NDArray[Any]:
    return images * 0.35


def _stripes(images: Images, _: Random) -> NDArray[Any]:
    """A ruled line through every seventh row."""
    striped = images.astype(np.int64)
    striped[:, 3::7] = np.maximum(striped[:, 3::7], 80)
    return striped


def _occlusion(images: Images, random: Random, level: int = 0) -> NDArray[Any]:
    """A square of a fifth of the height, without ink, somewhere in the middle part."""
    covered, side = images.copy(), round(COVERED * images.shape[1])
    places = random.integers(
        [round(MIDDLE[0] * length) for length in images.shape[1:3]],
        [round(MIDDLE[1] * length) for length in images.shape[1:3]],
        (len(images), 2),
    )
    for image, (top, left) in zip(covered, places, strict=True):
        image[top : top + side, left : left + side] = level
    return covered


def _thin(images: Images, _: Random) -> NDArray[Any]:
    """Most of the way to the erosion by a pixel: the whole way leaves nothing of a fine pen."""
    import cv2

    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return images + 0.85 * (_each(images, lambda image: cv2.erode(image, cross)) - images.astype(np.float64))


def _thick(images: Images, _: Random) -> NDArray[Any]:
    import cv2

    return _each(images, lambda image: cv2.dilate(image, np.ones((3, 3), np.uint8)))


# ---- of pictures -----------------------------------------------------------------------------------------------------


def _soft(images: Images, _: Random) -> NDArray[Any]:
    """Out of focus: a Gaussian of a thirtieth of the height."""
    import cv2

    return _each(images, lambda image: cv2.GaussianBlur(image, (0, 0), images.shape[1] / 30))


def _grain(images: Images, random: Random) -> NDArray[Any]:
    return images + random.normal(0, 20, images.shape)


def _turned(images: Images, _: Random) -> NDArray[Any]:
    """To the right and to the left by turns, 12°."""
    cos, sin = np.cos(np.deg2rad(12)), np.sin(np.deg2rad(12))
    return _warped(images, lambda i: ((cos, sin if i % 2 else -sin), (-sin if i % 2 else sin, cos)), edges=True)


def _distance(images: Images, _: Random) -> NDArray[Any]:
    """Further away and nearer by turns."""
    return _warped(images, lambda i: ((1.25, 0), (0, 1.25)) if i % 2 else ((0.8, 0), (0, 0.8)), edges=True)


def _flat(images: Images, _: Random) -> NDArray[Any]:
    """Half the contrast, about the picture's own mean."""
    mean: NDArray[Any] = images.mean(axis=tuple(range(1, images.ndim)), keepdims=True)
    flatter: NDArray[Any] = mean + 0.5 * (images - mean)
    return flatter


def _dark(images: Images, _: Random) -> NDArray[Any]:
    return images * 0.5


def _bright(images: Images, _: Random) -> NDArray[Any]:
    return 255 - 0.5 * (255.0 - images)


def _compressed(images: Images, _: Random) -> NDArray[Any]:
    """JPEG of quality 30, as a cheap camera sends it."""
    import cv2

    flag = cv2.IMREAD_GRAYSCALE if images.ndim == 3 else cv2.IMREAD_COLOR

    def sent(image: Images) -> Any:  # taken for blue, green, red, which costs red and blue alike
        return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], flag)

    return _each(images, sent)


def _hidden(images: Images, random: Random) -> NDArray[Any]:
    """A grey square of a fifth of the height, somewhere in the middle part."""
    return _occlusion(images, random, level=128)


def _pale(images: Images, _: Random) -> NDArray[Any]:
    """Half the saturation."""
    grey: NDArray[Any] = images.mean(axis=-1, keepdims=True)
    paler: NDArray[Any] = grey + 0.5 * (images - grey)
    return paler


def _warm(images: Images, _: Random) -> NDArray[Any]:
    """The light of a bulb and of the sky by turns."""
    tints = np.array([(1.15, 1.0, 0.75), (0.8, 0.95, 1.2)])
    tinted: NDArray[Any] = images * tints[np.arange(len(images)) % 2, np.newaxis, np.newaxis]
    return tinted


INK_KINDS: dict[str, Change] = {
    "blur": _blur,
    "noise": _noise,
    "shear": _shear,
    "scale": _scale,
    "contrast": _contrast,
    "stripes": _stripes,
    "occlusion": _occlusion,
    "thin": _thin,
    "thick": _thick,
}
PICTURE_KINDS: dict[str, Change] = {
    "blur": _soft,
    "noise": _grain,
    "turn": _turned,
    "scale": _distance,
    "contrast": _flat,
    "dark": _dark,
    "bright": _bright,
    "jpeg": _compressed,
    "occlusion": _hidden,
}
COLOUR_KINDS: dict[str, Change] = {"saturation": _pale, "tint": _warm}


def _warped(
    images: Images, matrix: Callable[[int], tuple[tuple[float, float], tuple[float, float]]], *, edges: bool = False
) -> NDArray[Any]:
    """Each image sampled at matrix(its index) · (column, row) from the centre; outside paper, or the pixels of its `edges`."""
    import cv2

    height, width = images.shape[1:3]
    border = cv2.BORDER_REPLICATE if edges else cv2.BORDER_CONSTANT
    centre = np.array([(width - 1) / 2, (height - 1) / 2])

    def one(i: int, image: Images) -> Any:
        linear = np.array(matrix(i), np.float64)
        affine = np.column_stack([linear, centre - linear @ centre])
        return cv2.warpAffine(
            image, affine, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border
        )

    return np.stack([one(i, image) for i, image in enumerate(images)])


def _each(images: Images, change: Callable[[Images], Any]) -> NDArray[Any]:
    return np.stack([change(image) for image in images])


def _bytes(images: NDArray[Any]) -> Images:
    rounded: Images = np.clip(np.rint(images), 0, 255).astype(np.uint8)
    return rounded
