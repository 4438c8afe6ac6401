"""From a picture to the image that a model takes."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.input_contract import InputContract, Resize
from edgeproof.resize import make_input, make_inputs

RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)  # as OpenCV has them


def thirds(height: int, width: int) -> np.ndarray:
    """Red, green and blue beside each other."""
    picture = np.zeros((height, width, 3), np.uint8)
    for third, colour in enumerate((RED, GREEN, BLUE)):
        picture[:, third * width // 3 : (third + 1) * width // 3] = colour
    return picture


def made(picture: np.ndarray, resize: Resize, channels: int = 3, size: tuple[int, int] = (32, 32)) -> np.ndarray:
    return make_input(picture, InputContract(size, channels, resize))  # type: ignore[arg-type]


def test_red_comes_first() -> None:
    assert made(thirds(60, 90), "stretch")[16, [3, 16, 28]].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_stretch_fills_the_image() -> None:
    assert made(thirds(30, 300), "stretch").max(axis=2).min() == 255


def test_fit_keeps_the_proportions_and_puts_black_beside() -> None:
    image = made(thirds(60, 120), "fit")
    assert (image[:8] == 0).all()
    assert (image[24:] == 0).all()
    assert (image[8:24].max(axis=2) > 128).all()  # where two colours meet, a pixel is half of each


def test_crop_takes_the_middle() -> None:
    image = made(thirds(30, 300), "crop")
    assert (image == (0, 255, 0)).all()


@pytest.mark.parametrize("resize", ["stretch", "fit", "crop"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (7, 11, 3), (2000, 3, 3)])
@pytest.mark.parametrize(("channels", "size"), [(1, (28, 28)), (3, (1, 40)), (3, (96, 64))])
def test_any_picture_gets_the_shape(
    resize: Resize, shape: tuple[int, ...], channels: int, size: tuple[int, int]
) -> None:
    image = made(np.full(shape, 9, np.uint8), resize, channels, size)
    assert image.shape == (*size, 3)[: 2 + (channels == 3)]
    assert image.dtype == np.uint8
    assert image.max() == 9


def test_grey_of_a_colour_is_its_lightness() -> None:
    assert made(np.full((5, 6, 3), RED, np.uint8), "stretch", 1)[0, 0] == 76  # 0.299 of 255


def test_a_data_set_of_the_right_shape_stays_as_it_is() -> None:
    images = np.zeros((2, 32, 32, 3), np.uint8)
    contract = InputContract((32, 32), 3, "stretch")
    assert make_inputs(images, contract) is images
    images[..., 0] = 255  # red
    assert make_inputs(images, InputContract((8, 8), 3, "stretch"))[0, 0, 0].tolist() == [255, 0, 0]
    assert make_inputs(images[..., 0], contract).shape == (2, 32, 32, 3)
