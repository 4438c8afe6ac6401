"""One drawn page in every container, depth, palette, orientation and kind of alpha: the same pixels, the same numbers.

    python -m pytest tests/runtime/sources/test_same_page.py -v        # prints the table

What OpenCV cannot write is written here, as plainly as its format allows.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeproof.errors import SourceError
from edgeproof.page.reader import open_reader
from edgeproof.sources.pictures.picture import decode

cv2 = pytest.importorskip("cv2")

ROWS = ["2026", "31 415"]
NUMBERS = ["2026", "31", "415"]
Grey = NDArray[Any]


@pytest.fixture(scope="session")
def reader():
    with open_reader() as opened:
        yield opened


@pytest.fixture(scope="session")
def page(draw_scene) -> Grey:
    """Dark ink on white paper, uint8 (H, W), in 16 levels that 4 bits hold too; odd sizes, so that rows get padding."""
    frame = draw_scene(ROWS, size=(235, 373), height=50, ink=(0, 0, 0), paper=(255, 255, 255)).frame[..., 0]
    return (frame.astype(np.float32) / 17 + 0.5).astype(np.uint8) * 17


def bgr(grey: Grey) -> Grey:
    return np.repeat(grey[..., None], 3, axis=2)


def ink(grey: Grey) -> Grey:
    """Black all over; the page is in the alpha."""
    return np.dstack([np.zeros((*grey.shape, 3), np.uint8), 255 - grey])


def deep(image: Grey) -> Grey:
    return image.astype(np.uint16) * 257


def two(grey: Grey) -> Grey:
    """The page in black and white."""
    return np.where(grey < 128, 0, 255).astype(np.uint8)


def stored(image: Grey, orientation: int) -> Grey:
    """As it lies in a file that says `orientation`: by the words of the EXIF standard, not by our own turning."""
    across, down = image[:, ::-1], image[::-1]
    return {1: image, 2: across, 3: across[::-1], 4: down, 5: image.swapaxes(0, 1), 6: across.swapaxes(0, 1),
            7: across[::-1].swapaxes(0, 1), 8: down.swapaxes(0, 1)}[orientation]  # fmt: skip


def exif(orientation: int) -> bytes:
    head = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"
    return head + struct.pack(">HH", orientation, 0) + bytes(4)


def packed(levels: Grey, bits: int) -> Grey:
    """Rows of 1 or 4 bits per pixel."""
    if bits == 1:
        return np.packbits(levels, axis=1)
    even = np.pad(levels, ((0, 0), (0, levels.shape[1] % 2)))
    return even[:, ::2] << 4 | even[:, 1::2]


# -- PNG


def png(rows: Grey, size: tuple[int, ...], depth: int, colour: int, *chunks: tuple[bytes, bytes]) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", size[1], size[0], depth, colour, 0, 0, 0)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    rest = [*chunks, (b"IDAT", zlib.compress(raw, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunk(*each) for each in rest)


def png_colour(image: Grey, *chunks: tuple[bytes, bytes]) -> bytes:
    """BGR, BGRA or grey with alpha, 8 or 16 bits."""
    colour = {2: 4, 3: 2, 4: 6}[image.shape[2]]
    rgb = image if colour == 4 else image[..., [2, 1, 0, 3][: image.shape[2]]]
    return png(rgb.astype(rgb.dtype.newbyteorder(">")), image.shape, 8 * image.itemsize, colour, *chunks)


def png_clear(grey: Grey, depth: int, *, colour: bool = False) -> bytes:
    """Opaque but for one level in the middle, which stands where the paper is."""
    top = 2**depth - 1
    levels = (grey // 17).astype(np.uint32) * (top // 15)
    key = top // 2  # no level of the page
    levels[grey == 255] = key
    count = 3 if colour else 1
    kind = np.dtype(">u2") if depth == 16 else np.dtype(np.uint8)
    rows = packed(levels.astype(np.uint8), 4) if depth == 4 else np.repeat(levels.astype(kind), count, axis=1)
    return png(rows, grey.shape, depth, 2 if colour else 0, (b"tRNS", struct.pack(">H", key) * count))


def png_palette(grey: Grey, bits: int, *, clear: bool = False, between: int = 0) -> bytes:
    """A palette of greys, or of blacks that differ in their alpha alone; `between`: bytes of text before the alpha."""
    levels = 2**bits
    table = bytes(level * 255 // (levels - 1) for level in range(levels))
    indices = (grey.astype(np.uint32) * (levels - 1) // 255).astype(np.uint8)
    rows = indices if bits == 8 else packed(indices, bits)
    chunks = [(b"PLTE", bytes(3 * levels) if clear else bytes(level for level in table for _ in range(3)))]
    if between:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"x" * between))
    if clear:
        chunks.append((b"tRNS", bytes(255 - level for level in table)))
    return png(rows, grey.shape, bits, 3, *chunks)


def png_turned(make: Callable[[Grey], Grey], orientation: int, grey: Grey) -> bytes:
    return png_colour(stored(make(grey), orientation), (b"eXIf", exif(orientation)))


# -- JPEG, WebP, what OpenCV writes


def written(suffix: str, image: Grey, *flags: int) -> bytes:
    done, content = cv2.imencode(suffix, np.ascontiguousarray(image), flags)
    assert done
    return bytes(content.tobytes())


def jpeg_turned(orientation: int, grey: Grey) -> bytes:
    plain = written(".jpg", stored(bgr(grey), orientation))
    content = b"Exif\x00\x00" + exif(orientation)
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content + plain[2:]


def webp(image: Grey) -> bytes:
    return written(".webp", image, cv2.IMWRITE_WEBP_QUALITY, 101)  # lossless


def webp_turned(make: Callable[[Grey], Grey], orientation: int, grey: Grey) -> bytes:
    image = stored(make(grey), orientation)
    plain = webp(image)
    body = plain[12:]
    if body.startswith(b"VP8X"):
        body = body[18:]
    flags = 0x08 | (0x10 if image.shape[2] == 4 else 0)  # EXIF, alpha
    height, width = image.shape[:2]
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    said = exif(orientation)
    inner = b"WEBPVP8X" + struct.pack("<IB3x", 10, flags) + size + body + b"EXIF" + struct.pack("<I", len(said)) + said
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def animated(suffix: str, grey: Grey) -> bytes:
    """The page, then an empty one."""
    if not hasattr(cv2, "imencodeanimation"):
        pytest.skip("this OpenCV writes no animations")
    animation = cv2.Animation()
    animation.frames = [np.dstack([bgr(each), np.full_like(each, 255)]) for each in (grey, np.full_like(grey, 255))]
    animation.durations = [100, 100]
    done, content = cv2.imencodeanimation(suffix, animation, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert done
    return bytes(content.tobytes())


# -- TIFF


def tiff(
    samples: Grey, size: tuple[int, ...], bits: int, *, photometric: int = 1, alpha: int | None = None,
    orientation: int = 1, real: bool = False, palette: list[int] | None = None,
) -> bytes:  # fmt: skip
    """One strip, not compressed. `samples`: little-endian, as they lie in the file; the colours as RGB."""
    count = size[2] if len(size) == 3 else 1
    content = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    tags: dict[int, tuple[int, list[int]]] = {
        256: (4, [size[1]]), 257: (4, [size[0]]), 258: (3, [bits] * count), 259: (3, [1]), 262: (3, [photometric]),
        273: (4, [0]), 274: (3, [orientation]), 277: (3, [count]), 278: (4, [size[0]]), 279: (4, [len(content)]),
        284: (3, [1]), 339: (3, [3 if real else 1] * count),
    }  # fmt: skip
    if alpha is not None:
        tags[338] = (3, [alpha])
    if palette is not None:
        tags[320] = (3, palette)
    room = 8 + 2 + 12 * len(tags) + 4
    outside = b""
    long = {tag: values for tag, (_, values) in tags.items() if len(values) > 2}
    places = {}
    for tag, values in long.items():
        places[tag] = room + len(outside)
        outside += struct.pack(f"<{len(values)}H", *values)
    tags[273] = (4, [room + len(outside)])
    entries = b""
    for tag, (kind, values) in sorted(tags.items()):
        inline = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values).ljust(4, b"\0")
        place = struct.pack("<I", places[tag]) if tag in places else inline
        entries += struct.pack("<HHI", tag, kind, len(values)) + place
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + outside + content


def tiff_of(image: Grey, **how: Any) -> bytes:
    colours = 2 if image.ndim == 3 else 1
    rgb = image if image.ndim == 2 or image.shape[2] == 2 else image[..., [2, 1, 0, 3][: image.shape[2]]]
    return tiff(np.ascontiguousarray(rgb), image.shape, 8 * image.itemsize, **{"photometric": colours, **how})


def tiff_turned(make: Callable[[Grey], Grey], orientation: int, grey: Grey) -> bytes:
    image = stored(make(grey), orientation)
    return tiff_of(image, orientation=orientation, **({"alpha": 2} if image.ndim == 3 and image.shape[2] == 4 else {}))


def cmyk(grey: Grey) -> Grey:
    """In black alone, which is the planes of `ink` under other names."""
    return ink(grey)


def half(grey: Grey) -> Grey:
    """Ink of level 100 and its alpha, such that semi-transparent pixels tell straight from multiplied colours."""
    return np.dstack([np.full((*grey.shape, 3), 100, np.uint8), 255 - grey])


def multiplied(image: Grey) -> Grey:
    full = np.iinfo(image.dtype).max
    colours = (image[..., :3].astype(np.uint64) * image[..., 3:] + full // 2) // full
    return np.dstack([colours.astype(image.dtype), image[..., 3]])


# -- BMP, GIF


def bmp(image: Grey, head_bytes: int) -> bytes:
    """32 bits with alpha by the masks of a V4 (108) or V5 (124) head; 40: the fourth byte is padding, and zero."""
    masked = head_bytes > 40
    content = (image if masked else np.dstack([image[..., :3], np.zeros_like(image[..., 0])]))[::-1].tobytes()
    height, width = image.shape[:2]
    head = struct.pack("<IiiHHIIiiII", head_bytes, width, height, 1, 32, 3 if masked else 0, len(content), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs"
    head = (head + (masks if masked else b"")).ljust(head_bytes, b"\0")
    place = 14 + head_bytes
    return b"BM" + struct.pack("<IHHI", place + len(content), 0, 0, place) + head + content


def bmp_bits(grey: Grey) -> bytes:
    """1 bit, black and white; rows are padded to 4 bytes."""
    bits = np.packbits(grey > 127, axis=1)
    content = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 4)))[::-1].tobytes()
    head = struct.pack("<IiiHHIIiiII", 40, grey.shape[1], grey.shape[0], 1, 1, 0, len(content), 0, 0, 2, 0)
    return b"BM" + struct.pack("<IHHI", 62 + len(content), 0, 0, 62) + head + bytes(4) + b"\xff\xff\xff\0" + content


def gif(*pages: Grey, clear: bool = False) -> bytes:
    """16 greys, never compressed; `clear`: the paper is transparent, and black below."""
    table = [17 * level for level in range(15)] + [0 if clear else 255]
    colours = bytes(level for level in table for _ in range(3)) + bytes(3 * 112)
    size = struct.pack("<HH", *pages[0].shape[::-1])
    out = b"GIF89a" + size + b"\xf6\0\0" + colours
    for page in pages:
        out += b"\x21\xf9\x04" + bytes([1 if clear else 0, 10, 0, 15]) + b"\0," + bytes(4) + size + b"\0\x07"
        codes = bytearray()
        for start in range(0, page.size, 100):  # the table of codes starts anew before codes need a ninth bit
            codes += b"\x80" + (page // 17).reshape(-1)[start : start + 100].tobytes()
        codes += b"\x81"
        out += b"".join(bytes([len(c)]) + c for c in (codes[i : i + 255] for i in range(0, len(codes), 255))) + b"\0"
    return out + b";"


# -- the table

TURNS = range(2, 9)
#: Where pixels are equal to the page's own.
EXACT: dict[str, Callable[[Grey], bytes]] = {
    "png grey": lambda p: written(".png", p),
    "png grey 4 bits": lambda p: png(packed(p // 17, 4), p.shape, 4, 0),
    "png grey, a level is clear": lambda p: png_clear(p, 8),
    "png grey 16 bits, a level is clear": lambda p: png_clear(p, 16),
    "png rgb": lambda p: png_colour(bgr(p)),
    "png rgb, a colour is clear": lambda p: png_clear(p, 8, colour=True),
    "png rgb 16 bits, a colour is clear": lambda p: png_clear(p, 16, colour=True),
    "png grey 16 bits": lambda p: written(".png", deep(p)),
    "png rgb 16 bits": lambda p: png_colour(deep(bgr(p))),
    "png palette": lambda p: png_palette(p, 8),
    "png palette 4 bits": lambda p: png_palette(p, 4),
    "png palette with alpha": lambda p: png_palette(p, 8, clear=True),
    "png palette with alpha 4 bits": lambda p: png_palette(p, 4, clear=True),
    "png palette with alpha behind XMP": lambda p: png_palette(p, 8, clear=True, between=9000),
    "png grey with alpha": lambda p: png_colour(ink(p)[..., 2:]),
    "png grey with alpha 16 bits": lambda p: png_colour(deep(ink(p)[..., 2:])),
    "png rgba": lambda p: png_colour(ink(p)),
    "png rgba 16 bits": lambda p: png_colour(deep(ink(p))),
    "png animated": partial(animated, ".png"),
    **{f"png rgb turned {turn}": partial(png_turned, bgr, turn) for turn in TURNS},
    **{f"png rgba turned {turn}": partial(png_turned, ink, turn) for turn in TURNS},
    "webp rgb": lambda p: webp(bgr(p)),
    "webp rgba": lambda p: webp(ink(p)),
    "webp animated": partial(animated, ".webp"),
    **{f"webp rgb turned {turn}": partial(webp_turned, bgr, turn) for turn in TURNS},
    **{f"webp rgba turned {turn}": partial(webp_turned, ink, turn) for turn in TURNS},
    "tiff grey": tiff_of,
    "tiff grey 16 bits": lambda p: tiff_of(deep(p)),
    "tiff grey, white is zero": lambda p: tiff_of(255 - p, photometric=0),
    "tiff grey 16 bits, white is zero": lambda p: tiff_of(65535 - deep(p), photometric=0),
    "tiff grey, real 0..1": lambda p: tiff_of((p / 255).astype(np.float32), real=True),
    "tiff grey, real 0..255": lambda p: tiff_of(p.astype(np.float32), real=True),
    "tiff grey, double": lambda p: tiff_of(p / 255, real=True),
    "tiff rgb, real": lambda p: tiff_of((bgr(p) / 255).astype(np.float32), real=True),
    "tiff rgba, real": lambda p: tiff_of((ink(p) / 255).astype(np.float32), real=True, alpha=2),
    "tiff palette": lambda p: tiff(p, p.shape, 8, photometric=3, palette=[257 * level for level in range(256)] * 3),
    "tiff rgb": lambda p: tiff_of(bgr(p)),
    "tiff rgb 16 bits": lambda p: tiff_of(deep(bgr(p))),
    "tiff rgb, lzw": lambda p: written(".tiff", bgr(p), cv2.IMWRITE_TIFF_COMPRESSION, 5),
    "tiff cmyk": lambda p: tiff(cmyk(p), (*p.shape, 4), 8, photometric=5),
    "tiff rgba": lambda p: tiff_of(ink(p), alpha=2),
    "tiff rgba 16 bits": lambda p: tiff_of(deep(ink(p)), alpha=2),
    **{f"tiff grey turned {turn}": partial(tiff_turned, np.asarray, turn) for turn in TURNS},
    **{f"tiff rgba turned {turn}": partial(tiff_turned, ink, turn) for turn in TURNS},
    **{f"tiff rgb 16 bits turned {turn}": partial(tiff_turned, lambda p: deep(bgr(p)), turn) for turn in TURNS},
    "bmp palette": lambda p: written(".bmp", p),
    "bmp rgb": lambda p: written(".bmp", bgr(p)),
    "bmp 32 bits, padding": lambda p: bmp(bgr(p), 40),
    "bmp rgba, v4": lambda p: bmp(ink(p), 108),
    "bmp rgba, v5": lambda p: bmp(ink(p), 124),
    "jp2 grey": lambda p: written(".jp2", p, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000),
    "jp2 rgb": lambda p: written(".jp2", bgr(p), cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000),
    "jp2 rgba": lambda p: written(".jp2", ink(p), cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000),
    "jp2 rgb 16 bits": lambda p: written(".jp2", deep(bgr(p)), cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000),
    "gif": gif,
    "gif animated": lambda p: gif(p, np.full_like(p, 255)),
    "gif, the paper is clear": lambda p: gif(p, clear=True),
    "pgm": lambda p: written(".pgm", p),
    "pgm 16 bits": lambda p: written(".pgm", deep(p)),
    "ppm": lambda p: written(".ppm", bgr(p)),
    "ppm in words": lambda p: written(".ppm", bgr(p), cv2.IMWRITE_PXM_BINARY, 0),
}
#: Where they are equal to the page in black and white.
TWO_LEVELS: dict[str, Callable[[Grey], bytes]] = {
    "png grey 1 bit": lambda p: png(packed(p // 255, 1), p.shape, 1, 0),
    "png grey 4 bits, a level is clear": lambda p: png_clear(p, 4),
    "png palette 1 bit": lambda p: png_palette(p, 1),
    "png palette with alpha 1 bit": lambda p: png_palette(p, 1, clear=True),
    "tiff 1 bit": lambda p: tiff(packed(p // 255, 1), p.shape, 1),
    "tiff 1 bit, white is zero": lambda p: tiff(packed(1 - p // 255, 1), p.shape, 1, photometric=0),
    "bmp 1 bit": bmp_bits,
    "pbm": lambda p: b"P4\n%d %d\n" % p.shape[::-1] + packed(1 - p // 255, 1).tobytes(),
}
#: Where they are near the page: how far off the farthest and the mean may be, in levels.
LOSSY: dict[str, tuple[Callable[[Grey], bytes], float, float]] = {
    "jpeg grey": (lambda p: written(".jpg", p), 40, 2),
    "jpeg": (lambda p: written(".jpg", bgr(p)), 40, 2),
    "jpeg progressive": (lambda p: written(".jpg", bgr(p), cv2.IMWRITE_JPEG_PROGRESSIVE, 1), 40, 2),
    "webp lossy": (lambda p: written(".webp", bgr(p), cv2.IMWRITE_WEBP_QUALITY, 80), 60, 3),
    **{f"jpeg turned {turn}": (partial(jpeg_turned, turn), 40, 2) for turn in TURNS},
}


def numbers(image: Grey, reader: Any) -> list[str]:
    return [number.text for number in reader.read(image).numbers]


@pytest.mark.parametrize("kind", EXACT)
def test_the_page_has_the_same_pixels_and_numbers(kind, page, reader):
    if kind.startswith("gif") and not hasattr(cv2, "imencodeanimation"):
        pytest.skip("this OpenCV reads no GIF")
    image = decode(EXACT[kind](page), kind)
    np.testing.assert_array_equal(image, bgr(page))
    assert numbers(image, reader) == NUMBERS


@pytest.mark.parametrize("kind", TWO_LEVELS)
def test_the_page_in_black_and_white(kind, page, reader):
    image = decode(TWO_LEVELS[kind](two(page)), kind)
    np.testing.assert_array_equal(image, bgr(two(page)))
    assert numbers(image, reader) == NUMBERS


@pytest.mark.parametrize("kind", LOSSY)
def test_the_page_with_losses(kind, page, reader):
    make, farthest, mean = LOSSY[kind]
    image = decode(make(page), kind)
    off = np.abs(image.astype(int) - bgr(page))
    assert (off.max() <= farthest, off.mean() <= mean) == (True, True), (off.max(), off.mean())
    assert numbers(image, reader) == NUMBERS


@pytest.mark.parametrize(
    ("kind", "make"),
    {
        "png": png_colour,
        "png 16 bits": lambda i: png_colour(deep(i)),
        "png turned 6": lambda i: png_colour(stored(i, 6), (b"eXIf", exif(6))),
        "webp": webp,
        "jp2": lambda i: written(".jp2", i, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000),
        "tiff": lambda i: tiff_of(i, alpha=2),
        "tiff 16 bits": lambda i: tiff_of(deep(i), alpha=2),
        "tiff multiplied": lambda i: tiff_of(multiplied(i), alpha=1),
        "tiff multiplied 16 bits": lambda i: tiff_of(multiplied(deep(i)), alpha=1),
        "tiff real": lambda i: tiff_of((i / 255).astype(np.float32), alpha=2, real=True),
    }.items(),
)
def test_grey_ink_with_soft_edges_lies_on_white(kind, make, page):
    """Soft edges tell colours that are stored as they are from those that are multiplied; both round once or twice."""
    alpha = (255 - page.astype(np.float64)) / 255
    expected = bgr(100 * alpha + 255 * (1 - alpha))
    assert np.abs(decode(make(half(page)), kind) - expected).max() <= 1


def test_grey_with_alpha_in_a_tiff_is_refused_not_read_as_all_ink(page):
    with pytest.raises(SourceError, match="grey with alpha: save it as PNG"):
        decode(tiff_of(ink(page)[..., 2:], photometric=1, alpha=2), "page.tiff")
