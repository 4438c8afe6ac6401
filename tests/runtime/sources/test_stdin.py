"""Pictures one behind the other: cut where they end, whatever stands in them."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest

from edgeproof.errors import SourceError
from edgeproof.sources.source import Source
from edgeproof.sources.stdin import stdin_frames

cv2 = pytest.importorskip("cv2")
SOURCE = Source("stdin", "-", "-")


def picture(level: int, suffix: str, *options: int) -> bytes:
    image = np.random.default_rng(level).integers(level, level + 9, (40, 60, 3), np.uint8)
    return bytes(cv2.imencode(suffix, image, options)[1])


def with_thumbnail(jpeg: bytes) -> bytes:
    """A JPEG with a whole JPEG inside one of its segments, as cameras write them."""
    inner = b"Exif\0\0" + picture(1, ".jpg")
    return jpeg[:2] + b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner + jpeg[2:]


PICTURES = [
    picture(20, ".jpg"),
    picture(60, ".png"),
    picture(90, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    with_thumbnail(picture(120, ".jpg")),
    picture(150, ".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
]


class Dripping(io.RawIOBase):
    """A stream that gives `step` bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self.data, self.step = data, step

    def read1(self, _most: int) -> bytes:
        piece, self.data = self.data[: self.step], self.data[self.step :]
        return piece


@pytest.mark.parametrize("step", [1, 7, 1000, 10**6])
def test_every_picture_is_read_whole(step):
    frames = list(stdin_frames(SOURCE, Dripping(b"".join(PICTURES), step)))  # type: ignore[arg-type]
    assert [round(frame.image.mean()) // 30 * 30 for frame in frames] == [0, 60, 90, 120, 150]
    assert [frame.index for frame in frames] == list(range(5))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "found nothing"),
        (b"GIF89a and more of it", "found something else"),
        (PICTURES[0] + b"rubbish that is no picture", "found something else"),
        (PICTURES[0][:-9], "found the end of standard input in it"),
        (PICTURES[1][:-9], "found the end of standard input in it"),
        (b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT", "at most 256 MB"),
    ],
)
def test_what_is_no_picture_is_one_line(data, says):
    with pytest.raises(SourceError, match=says):
        list(stdin_frames(SOURCE, Dripping(data, 100)))  # type: ignore[arg-type]


def test_the_command_reads_them(samples):
    jpeg = (samples / "numbers.jpg").read_bytes()
    words = [sys.executable, "-m", "edgeproof", "read", "-", "--no-show", "--json", "-"]
    done = subprocess.run(words, input=jpeg + jpeg, capture_output=True, check=True, timeout=60)
    assert len(done.stdout.splitlines()) == 2
