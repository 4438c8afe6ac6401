"""What a picture file says of itself before anything is decoded: its size, how it lies, and whether decoding it is bounded.

Only JPEG and PNG are looked at closely, because only they are decoded in this process; of the others only what OpenCV does
not tell is read: the orientation of WebP, the tags of TIFF. Nothing here fails: what is not understood is not bounded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# A progressive JPEG goes over all pixels once per scan, and a file of 9 megabytes can hold thousands of scans. Cameras
# and editors write about ten, so a photo of 40 megapixels stays below.
MAX_SCANNED_PIXELS = 400_000_000
MAX_PARTS = 100_000  # of a file, walked in 50 ms; a PNG of 100 megapixels in chunks of 8 kilobytes has some 20,000
DEFLATE_RATIO = 1032  # a byte makes at most so many: a match of 258 takes two bits (zlib's technical details)
MAX_PACKED_CHUNKS = 8  # compressed texts and profiles of a PNG; libpng unpacks 8 megabytes of each

_PNG = b"\x89PNG\r\n\x1a\n"
_ORIENTATION, _PHOTOMETRIC, _SAMPLES, _EXTRA_SAMPLES = 274, 262, 277, 338  # tags of TIFF, which EXIF is too


@dataclass(frozen=True)
class Header:
    """What is known of a picture before it is decoded.

    format: by signature. width, height: pixels as stored, 0 where not looked for. bounded: its cost follows from its size.
    hollow: the file is too short to hold so many pixels, however well they are packed. transparent: it has, or may have,
    transparent parts. orientation: 1..8 as in EXIF, where OpenCV leaves turning to us. clear_grey: the grey level of a PNG that
    means transparent, as OpenCV delivers that level. premultiplied: 16 bits and more of a TIFF are stored multiplied by alpha.
    inverted: 16 bits and more of a TIFF count from white to black. grey_alpha: a TIFF holds grey with alpha.
    """

    format: Literal["jpeg", "png", "webp", "tiff", "other"]
    width: int = 0
    height: int = 0
    bounded: bool = False
    hollow: bool = False
    transparent: bool = True
    orientation: int = 1
    clear_grey: int | None = None
    premultiplied: bool = False
    inverted: bool = False
    grey_alpha: bool = False


def look(data: bytes) -> Header:
    """The header of a picture file's content."""
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(_PNG):
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(data)
    return Header("other")


def _jpeg(data: bytes) -> Header:
    """Its markers up to the first scan. OpenCV turns a JPEG itself."""
    unknown = Header("jpeg", transparent=False)
    width = height = components = 0
    progressive = False
    at = 2
    for _ in range(MAX_PARTS):
        if at + 9 >= len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # padding in front of a marker
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in (0xC0, 0xC1, 0xC2):
            depth, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
            progressive = marker == 0xC2
            if depth != 8 or not width or not height or components not in (1, 3, 4):
                return unknown
        elif marker == 0xDA:
            several = progressive or data[at + 4] < components
            scans = data.count(b"\xff\xda", at) if several else 1
            bounded = 0 < width * height * scans <= MAX_SCANNED_PIXELS
            return Header("jpeg", width, height, bounded, transparent=False)
        elif length < 2 or (0xC3 <= marker <= 0xCF and marker != 0xC4):  # lossless, arithmetic, …
            return unknown
        at += 2 + length
    return unknown


def _png(data: bytes) -> Header:
    if len(data) < 33 or data[8:16] != b"\0\0\0\x0dIHDR":
        return Header("png")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    if depth not in {1, 2, 4, 8, 16}:
        return Header("png")
    samples = {2: 3, 4: 2, 6: 4}.get(colour, 1)  # per pixel: of RGB, grey with alpha, RGBA; grey and palettes have one
    hollow = height * (width * samples * depth // 8) > DEFLATE_RATIO * len(data)
    transparency: bytes | None = None
    packed, orientation, bounded = 0, 1, False
    for number, (kind, start, length) in enumerate(_png_chunks(data)):
        packed += kind in (b"iCCP", b"iTXt", b"zTXt")
        if start + length > len(data) or number == MAX_PARTS or packed > MAX_PACKED_CHUNKS or kind == b"acTL":
            break
        if kind == b"tRNS":
            transparency = data[start : start + length]
        elif kind == b"eXIf":
            orientation = _orientation(data[start : start + length])
        elif kind == b"IEND":
            bounded = True
            break
    transparent = colour in (4, 6) or transparency is not None
    bounded = bounded and not (transparent and depth == 16)  # 8 bytes per pixel, beside the 3 of the result
    clear_grey = None
    if colour == 0 and transparency is not None and len(transparency) == 2:
        # OpenCV spreads 1, 2 and 4 bits over 0..255 and delivers no alpha for grey.
        clear_grey = int.from_bytes(transparency, "big") * (255 // (2**depth - 1) if depth < 8 else 1)
    return Header("png", width, height, bounded, hollow, transparent, orientation, clear_grey)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and claimed length of the content of every chunk."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, length
        at += 12 + length


def _webp(data: bytes) -> Header:
    at = 12
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            content = data[at + 8 : at + 8 + length]
            return Header("webp", orientation=_orientation(content.removeprefix(b"Exif\0\0")))
        at += 8 + length + length % 2
    return Header("webp")


def _tiff(data: bytes) -> Header:
    """OpenCV turns a TIFF itself, whatever its depth."""
    tags = _short_tags(data)
    return Header(
        "tiff",
        premultiplied=tags.get(_EXTRA_SAMPLES) != 2,  # 2: "unassociated alpha"; unspecified counts as associated
        inverted=tags.get(_PHOTOMETRIC) == 0,  # "white is zero"
        grey_alpha=tags.get(_SAMPLES) == 2,
    )


def _orientation(exif: bytes) -> int:
    found = _short_tags(exif).get(_ORIENTATION, 1)
    return found if 1 <= found <= 8 else 1


def _short_tags(tiff: bytes) -> dict[int, int]:
    """The tags of the first directory of a TIFF structure that hold one 16-bit number."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return {}
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return {}
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    tags: dict[int, int] = {}
    for at in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if (kind, values) == (3, 1):
            tags[tag] = value
    return tags
