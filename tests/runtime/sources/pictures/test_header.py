"""What is known of a picture before it is decoded, and that nothing which a file claims can upset it."""

from __future__ import annotations

import struct
import time
import zlib

import numpy as np
import pytest

from edgeproof.sources.pictures.header import MAX_PACKED_CHUNKS, MAX_PARTS, MAX_SCANNED_PIXELS, Header, look

cv2 = pytest.importorskip("cv2")

IMAGE = np.random.default_rng(1).integers(0, 256, (30, 50, 3)).astype(np.uint8)


def written(suffix: str, *flags: int) -> bytes:
    return bytes(cv2.imencode(suffix, IMAGE, flags)[1].tobytes())


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunks(*chunks: bytes) -> bytes:
    """The PNG, with more between its head and its pixels."""
    plain = written(".png")
    return plain[:33] + b"".join(chunks) + plain[33:]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (written(".jpg"), "jpeg"),
        (written(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1), "jpeg"),
        (written(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 2), "jpeg"),
        (written(".png"), "png"),
        (with_chunks(*[chunk(b"iTXt", b"text")] * MAX_PACKED_CHUNKS), "png"),
    ],
    ids=["jpeg", "progressive", "restart markers", "png", "png with texts"],
)
def test_an_ordinary_picture_is_bounded_by_its_size(data, kind):
    header = look(data)
    assert (header.format, header.width, header.height) == (kind, 50, 30)
    assert header.bounded
    assert not header.transparent


@pytest.mark.parametrize(
    "data",
    [
        written(".png")[:-30],
        with_chunks(struct.pack(">I4s", 0x7FFFFFFF, b"tEXt")),
        with_chunks(chunk(b"acTL", bytes(8))),
        with_chunks(*[chunk(b"zTXt", b"a bomb, perhaps")] * (MAX_PACKED_CHUNKS + 1)),
        with_chunks(chunk(b"tEXt", b"") * MAX_PARTS),
        written(".jpg")[:100],
        written(".jpg").replace(b"\xff\xc0", b"\xff\xc9"),
        written(".jpg").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"),
        written(".webp"),
        written(".tiff"),
        written(".bmp"),
        b"",
        b"\xff\xd8\xff",
    ],
    ids=["png cut off", "png chunk of 2 GB", "png animated", "png texts", "png chunks", "jpeg cut off",
         "jpeg arithmetic", "jpeg 12 bits", "webp", "tiff", "bmp", "nothing", "three bytes"],
)  # fmt: skip
def test_what_is_odd_or_another_format_is_not_bounded(data):
    assert not look(data).bounded


def test_the_scans_of_a_progressive_jpeg_count_for_its_cost():
    data = bytearray(written(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
    scan = data[data.rindex(b"\xff\xda") : -2]
    scans = data.count(b"\xff\xda")
    allowed = MAX_SCANNED_PIXELS // (50 * 30)
    assert look(bytes(data[:-2]) + bytes(scan) * (allowed - scans) + b"\xff\xd9").bounded
    assert not look(bytes(data[:-2]) + bytes(scan) * (allowed - scans + 1) + b"\xff\xd9").bounded


def test_sixteen_bits_with_alpha_are_too_wide_for_this_process():
    deep = np.full((5, 6, 4), 40000, np.uint16)
    assert not look(cv2.imencode(".png", deep)[1].tobytes()).bounded
    assert look(cv2.imencode(".png", deep[..., :3])[1].tobytes()).bounded


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_any_part_of_a_file_and_any_flipped_byte_gives_a_header(suffix):
    data = written(suffix)
    random = np.random.default_rng(2)
    for length in range(min(len(data), 400)):
        assert isinstance(look(data[:length]), Header)
    for _ in range(400):
        broken = bytearray(data)
        broken[int(random.integers(min(len(data), 200)))] = int(random.integers(256))
        assert isinstance(look(bytes(broken)), Header)


@pytest.mark.timed
def test_the_look_is_quick_whatever_the_file_holds():
    """256 MB may be handed in. Generous: 2 s where 0.1 s was seen."""
    start = time.perf_counter()
    look(with_chunks(chunk(b"tEXt", b"") * (2 * MAX_PARTS)))
    look(b"\xff\xd8" + b"\xff\xe1\x00\x02" * 10**7)
    look(b"\xff\xd8" + b"\xff" * 10**7)
    look(b"RIFF\0\0\0\0WEBP" + b"ABCD\0\0\0\0" * 10**7)
    assert time.perf_counter() - start < 2


def test_a_png_that_is_packed_as_well_as_can_be_is_not_hollow_and_one_cut_to_its_head_is():
    """All paper, of one bit, grey, RGB and 16 bits: nothing compresses better."""
    blank = np.full((4000, 4000, 3), 255, np.uint8)
    pictures = [
        (blank[..., 0], (cv2.IMWRITE_PNG_BILEVEL, 1)),
        (blank[..., 0], ()),
        (blank, ()),
        (blank.astype(np.uint16), ()),
    ]
    for picture, how in pictures:
        data = cv2.imencode(".png", picture, (cv2.IMWRITE_PNG_COMPRESSION, 9, *how))[1].tobytes()
        assert not look(data).hollow
        assert look(data[:105]).hollow
