"""Which cameras are there: asked of the kernel (V4L2) through four ioctls, and of a Raspberry Pi's camera library where it is.

The numbers and layouts are those of linux/videodev2.h; they are the same on x86, ARM and RISC-V.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeproof.errors import SourceError, UnavailableError

Ioctl = Callable[[int, int, bytearray], Any]  # descriptor, request, argument, which it changes; OSError when refused

PI_TIMEOUT_S = 20
_MOST = 256  # answers to one question; a driver that never says "no more" must not hang the list

QUERYCAP, CAPABILITY = (
    0x80685600,
    struct.Struct("=16s32s32s3I12x"),
)  # driver, card, bus, version, capabilities, of the node
ENUM_FMT, FORMAT = 0xC0405602, struct.Struct("=3I32s4s16x")  # index, type, flags, description, pixel format
ENUM_FRAMESIZES, SIZE = 0xC02C564A, struct.Struct("=I4sI6I8x")  # index, pixel format, type, sizes by type
ENUM_FRAMEINTERVALS, INTERVAL = 0xC034564B, struct.Struct("=I4s3I6I8x")  # index, pixel format, size, type, fractions

_CAPTURE, _CAPTURE_PLANES, _NEEDS_SETUP, _OF_NODE = 0x1, 0x1000, 0x20000000, 0x80000000  # flags of capabilities
_DISCRETE = 1  # the type of sizes and intervals that are listed one by one; else they are a range
_NO_CAMERAS = ("bcm2835-isp",)  # a Raspberry Pi's image processor: captures what a program puts in

_ASK_PI = """
import json
from picamera2 import Picamera2
print(json.dumps([[info["Num"], info["Model"], info["Id"]] for info in Picamera2.global_camera_info()]))
"""


@dataclass(frozen=True)
class Mode:
    """What a camera can deliver. pixel_format: FourCC. width, height: pixels. fps: frames per second, the most first; empty
    where the driver does not tell. Of a range of sizes or rates, the ends."""

    pixel_format: str
    width: int
    height: int
    fps: tuple[float, ...]


@dataclass(frozen=True)
class Camera:
    """device: "/dev/video0", or "picamera:0". name: as its maker wrote it, anything. driver, bus: who serves it, and where it
    is plugged in. by_id: path that is the same after plugging it in again; None where udev made none. problem: why it could
    not be asked; empty when it could."""

    device: str
    name: str
    driver: str
    bus: str
    by_id: str | None = None
    modes: tuple[Mode, ...] = ()
    problem: str = ""


def cameras(dev: Path = Path("/dev"), sys_class: Path = Path("/sys/class"), ioctl: Ioctl | None = None) -> list[Camera]:
    """Every node that captures, in the order of their numbers. `ioctl`: the kernel's, unless given.

    Raises UnavailableError where only Linux could tell.
    """
    if not sys.platform.startswith("linux"):
        raise UnavailableError("only Linux tells which cameras are there: try their numbers here, 0, 1, 2, …")
    import fcntl

    nodes = [path for path in dev.glob("video*") if re.fullmatch(r"video\d+", path.name, re.ASCII)]
    nodes.sort(key=lambda path: int(path.name[5:]))
    links = {link.resolve(): str(link) for link in sorted(dev.glob("v4l/by-id/*"), reverse=True)}
    found = (_camera(node, links.get(node.resolve()), sys_class, ioctl or fcntl.ioctl) for node in nodes)
    return [camera for camera in found if camera]


def find(name: str, dev: Path = Path("/dev"), sys_class: Path = Path("/sys/class"), ioctl: Ioctl | None = None) -> str:
    """The path of the one camera whose name holds `name`, capitals or not: the one by its identity, where there is one.

    Raises SourceError when there is none or more than one, UnavailableError as `cameras` does.
    """
    there = cameras(dev, sys_class, ioctl)
    fitting = [camera for camera in there if name.casefold() in camera.name.casefold()]
    if not fitting:
        raise SourceError(
            f"camera:{name}: expected a camera of that name, found {_listed(there)}: see edgeproof cameras"
        )
    if len({camera.bus or camera.device for camera in fitting}) > 1:  # one camera may have several nodes
        raise SourceError(
            f"camera:{name}: expected one camera, found {_listed(fitting)}: give more of the name, or the path"
        )
    return fitting[0].by_id or fitting[0].device


def pi_cameras() -> list[Camera]:
    """Those of a Raspberry Pi's own connector, which only its camera library can read; none where it is not installed.

    Raises UnavailableError when the library, in a process of its own, crashes or hangs.
    """
    if importlib.util.find_spec("picamera2") is None:
        return []
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _ASK_PI], capture_output=True, text=True, timeout=PI_TIMEOUT_S, check=True
        )
        listed = json.loads(child.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, ValueError, IndexError) as error:
        raise UnavailableError(
            f"picamera2 could not list the Raspberry Pi's cameras ({type(error).__name__}): try rpicam-hello --list-cameras"
        ) from None
    # USB cameras are known to it too, and to the kernel.
    return [
        Camera(f"picamera:{number}", model, "picamera2", where) for number, model, where in listed if "usb" not in where
    ]


def _listed(found: list[Camera]) -> str:
    return ", ".join(f"{camera.device} ({camera.name})" for camera in found) or "none at all"


def _camera(node: Path, by_id: str | None, sys_class: Path, ioctl: Ioctl) -> Camera | None:
    """None for what is no camera: metadata nodes, codecs, sensors that a program has to set up first."""
    try:
        descriptor = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        return _unopened(node, by_id, sys_class / "video4linux" / node.name, error)
    try:

        def ask(request: int, layout: struct.Struct, *values: int | bytes) -> tuple[Any, ...] | None:
            """The answer, or None when the driver has none."""
            argument = bytearray(layout.pack(*values, *[0] * (_fields(layout) - len(values))))
            try:
                ioctl(descriptor, request, argument)
            except OSError:
                return None
            return layout.unpack(argument)

        answer = ask(QUERYCAP, CAPABILITY, b"", b"", b"")
        if answer is None:
            return None
        driver, card, bus = (part.split(b"\0")[0].decode(errors="replace") for part in answer[:3])
        able = answer[5] if answer[4] & _OF_NODE else answer[4]
        if not able & (_CAPTURE | _CAPTURE_PLANES) or able & _NEEDS_SETUP or driver in _NO_CAMERAS:
            return None
        kind = 1 if able & _CAPTURE else 9  # of buffers: a picture in one piece, or in planes
        return Camera(str(node), card, driver, bus, by_id, tuple(_modes(ask, kind)))
    finally:
        os.close(descriptor)


def _unopened(node: Path, by_id: str | None, facts: Path, error: OSError) -> Camera | None:
    """What /sys tells to everybody. The first node of a device is the one that captures."""
    with suppress(OSError):
        if (facts / "index").read_text().strip() == "0":
            reason = "join the group 'video'" if isinstance(error, PermissionError) else "connect it again"
            name = (facts / "name").read_text(errors="replace").strip()
            return Camera(str(node), name, "", "", by_id, problem=f"{error.strerror}: {reason}")
    return None


def _fields(layout: struct.Struct) -> int:
    return len(layout.unpack(bytes(layout.size)))


def _modes(ask: Callable[..., tuple[Any, ...] | None], kind: int) -> Iterator[Mode]:
    for i in range(_MOST):
        answer = ask(ENUM_FMT, FORMAT, i, kind, 0, b"", b"")
        if answer is None:
            return
        code = answer[4]
        for width, height in _sizes(ask, code):
            yield Mode(code.decode(errors="replace").strip(), width, height, _rates(ask, code, width, height))


def _sizes(ask: Callable[..., tuple[Any, ...] | None], code: bytes) -> Iterator[tuple[int, int]]:
    for i in range(_MOST):
        answer = ask(ENUM_FRAMESIZES, SIZE, i, code)
        if answer is None:
            return
        if answer[2] != _DISCRETE:
            least_wide, most_wide, _, least_high, most_high, _ = answer[3:9]
            yield from dict.fromkeys([(least_wide, least_high), (most_wide, most_high)])
            return  # a range is one answer
        yield answer[3], answer[4]


def _rates(ask: Callable[..., tuple[Any, ...] | None], code: bytes, width: int, height: int) -> tuple[float, ...]:
    found: set[float] = set()
    for i in range(_MOST):
        answer = ask(ENUM_FRAMEINTERVALS, INTERVAL, i, code, width, height)
        if answer is None:
            break
        ends = answer[5:7] if answer[4] == _DISCRETE else answer[5:9]  # seconds per frame, as fractions
        fractions = zip(ends[::2], ends[1::2], strict=True)
        found |= {round(denominator / numerator, 2) for numerator, denominator in fractions if numerator}
        if answer[4] != _DISCRETE:
            break
    return tuple(sorted(found, reverse=True))
