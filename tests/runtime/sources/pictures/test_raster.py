"""Pixels on white: what it costs, what it says, and what is no picture. (That they are right: test_same_page.)"""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from edgeproof.errors import SourceError
from edgeproof.sources.pictures.header import Header
from edgeproof.sources.pictures.picture import decode
from edgeproof.sources.pictures.raster import on_white
from edgeproof.support.native_output import _Process

cv2 = pytest.importorskip("cv2")

NOISE = np.random.default_rng(1).integers(0, 256, (60, 80, 4)).astype(np.uint8)


def written(suffix: str, *flags: int) -> bytes:
    image = NOISE[..., :3] if suffix in (".jpg", ".ppm") else NOISE
    return bytes(cv2.imencode(suffix, image, flags)[1].tobytes())


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_alpha_costs_no_more_memory_than_its_result(kind):
    """3 bytes per pixel, and a few rows beside; in real numbers of the whole picture it was 40."""
    raw = np.zeros((2500, 2000, 4), kind)
    tracemalloc.start()
    page = on_white(raw, Header("png"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert page.nbytes == 2500 * 2000 * 3
    assert peak < 1.5 * page.nbytes


def test_what_is_no_number_is_paper():
    raw = np.array([[0.0, 1.0, np.nan, np.inf, -np.inf, -3.0]], np.float32)
    assert on_white(raw, Header("tiff"))[0, :, 0].tolist() == [0, 255, 255, 255, 0, 0]


def test_an_empty_range_of_real_numbers_is_black():
    assert on_white(np.zeros((2, 3), np.float64), Header("tiff")).max() == 0


def broken_jpeg() -> bytes:
    """libjpeg prints that it found garbage."""
    data = bytearray(written(".jpg"))
    data[-600:-500] = b"\xff\xd3" * 50
    return bytes(data)


def png_with_too_much() -> bytes:
    """libpng prints "Too much image data"."""
    head = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, part in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(4000))), (b"IEND", b"")):
        content += struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
    return content


NOISY = {
    "jpeg": broken_jpeg(),
    "png": png_with_too_much(),
    "tiff": written(".tiff")[:-3000],
    "webp": written(".webp")[:-500],
    "jp2": written(".jp2")[:-1000],
}


@pytest.mark.parametrize("kind", NOISY)
def test_what_the_libraries_print_reaches_no_terminal(kind, capfd, monkeypatch):
    monkeypatch.setattr(_Process, "quiet", True)  # as in a command of ours
    try:
        decode(NOISY[kind], kind)
    except SourceError as error:
        assert str(error).startswith(f"{kind}: expected a picture")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".bmp", ".jp2", ".ppm"])
def test_any_flipped_bytes_give_a_picture_or_one_line(suffix):
    data = written(suffix)
    random = np.random.default_rng(3)
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(3):
            broken[int(random.integers(min(len(data), 300)))] = int(random.integers(256))
        try:
            image = decode(bytes(broken), "odd")
        except SourceError as error:
            assert str(error).startswith("odd: expected ")
            assert "\n" not in str(error)
        else:
            assert image.dtype == np.uint8
            assert image.shape[2:] == (3,)
