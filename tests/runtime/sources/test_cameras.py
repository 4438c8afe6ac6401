"""Cameras as the kernel tells of them, by answers packed at the offsets of its header; and a machine that has none."""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgeproof.errors import SourceError, UnavailableError
from edgeproof.sources import cameras as listing
from edgeproof.sources.cameras import Camera, Mode, cameras, find, pi_cameras

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="V4L2 is Linux's")

CAPTURE, PLANES, METADATA, M2M, STREAMING, SETUP, OF_NODE = (
    0x1,
    0x1000,
    0x800000,
    0x8000,
    0x4000000,
    0x20000000,
    0x80000000,
)
Sizes = list[tuple[int, int, list[tuple[int, int]]]]  # width, height, seconds per frame as fractions


@dataclass
class Node:
    """A camera node as a driver would describe it. formats: sizes by FourCC. ranges: sizes and rates as a range instead."""

    card: str = "HD Pro Webcam C920"
    driver: str = "uvcvideo"
    bus: str = "usb-0000:00:14.0-1"
    device: int = 0  # capabilities of all its nodes together
    node: int = CAPTURE | STREAMING
    formats: dict[str, Sizes] = field(default_factory=dict)
    ranges: bool = False

    def answer(self, request: int, argument: bytearray) -> bool:
        """What the kernel does with the argument; offsets as a C compiler gives them for linux/videodev2.h."""
        (index,) = struct.unpack_from("=I", argument)
        if request == 0x80685600:  # VIDIOC_QUERYCAP, struct v4l2_capability
            assert len(argument) == 104
            for offset, room, text in ((0, 16, self.driver), (16, 32, self.card), (48, 32, self.bus)):
                struct.pack_into(f"={room}s", argument, offset, text.encode())
            struct.pack_into("=3I", argument, 80, 0x060100, self.device | self.node | OF_NODE, self.node)
            return True
        if request == 0xC0405602:  # VIDIOC_ENUM_FMT, struct v4l2_fmtdesc
            assert len(argument) == 64
            (kind,) = struct.unpack_from("=I", argument, 4)
            if kind != (9 if self.node & PLANES else 1) or index >= len(self.formats):
                return False
            struct.pack_into("=32s4s", argument, 12, b"Motion-JPEG", list(self.formats)[index].encode())
            return True
        if request == 0xC02C564A:  # VIDIOC_ENUM_FRAMESIZES, struct v4l2_frmsizeenum
            assert len(argument) == 44
            sizes = self.formats[argument[4:8].decode()]
            if self.ranges and index == 0:
                (low, high, _), (wide, tall, _) = sizes
                struct.pack_into("=7I", argument, 8, 3, low, wide, 2, high, tall, 2)
                return True
            if self.ranges or index >= len(sizes):
                return False
            struct.pack_into("=3I", argument, 8, 1, *sizes[index][:2])
            return True
        assert (request, len(argument)) == (0xC034564B, 52)  # VIDIOC_ENUM_FRAMEINTERVALS, struct v4l2_frmivalenum
        wanted = struct.unpack_from("=2I", argument, 8)
        rates = next(rates for *size, rates in self.formats[argument[4:8].decode()] if tuple(size) == wanted)
        if self.ranges and index == 0:
            struct.pack_into("=7I", argument, 16, 2, *rates[0], *rates[1], 1, 1)
            return True
        if self.ranges or index >= len(rates):
            return False
        struct.pack_into("=3I", argument, 16, 1, *rates[index])
        return True


class Machine:
    """Folders that look like /dev and /sys/class, and the one function that answers for the kernel."""

    def __init__(self, root: Path) -> None:
        self.dev, self.sys_class = root / "dev", root / "class"
        self.dev.mkdir()
        self.nodes: dict[str, Node] = {}

    def plug(self, number: int, node: Node, by_id: str = "") -> None:
        device = self.dev / f"video{number}"
        device.touch()
        self.nodes[str(device)] = node
        if by_id:
            (self.dev / "v4l/by-id").mkdir(parents=True, exist_ok=True)
            (self.dev / "v4l/by-id" / by_id).symlink_to(f"../../video{number}")

    def ioctl(self, descriptor: int, request: int, argument: bytearray) -> None:
        if not self.nodes[str(Path(f"/proc/self/fd/{descriptor}").readlink())].answer(request, argument):
            raise OSError(errno.EINVAL, "no more")

    def cameras(self) -> list[Camera]:
        return cameras(self.dev, self.sys_class, self.ioctl)

    def find(self, name: str) -> str:
        return find(name, self.dev, self.sys_class, self.ioctl)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


WEBCAM = {
    "YUYV": [(640, 480, [(1, 30), (1, 15)])],
    "MJPG": [(1920, 1080, [(1, 30)]), (640, 480, [(1001, 30000), (1, 60)])],
}


def test_layouts_are_those_of_the_header() -> None:
    """Sizes and numbers as a C program prints them that includes linux/videodev2.h (x86-64, kernel headers 6.1)."""
    layouts = [listing.CAPABILITY, listing.FORMAT, listing.SIZE, listing.INTERVAL]
    assert [layout.size for layout in layouts] == [104, 64, 44, 52]
    numbers = [listing.QUERYCAP, listing.ENUM_FMT, listing.ENUM_FRAMESIZES, listing.ENUM_FRAMEINTERVALS]
    assert numbers == [0x80685600, 0xC0405602, 0xC02C564A, 0xC034564B]


def test_a_webcam_with_its_name_its_modes_and_the_path_that_stays(machine: Machine) -> None:
    machine.plug(0, Node(formats=WEBCAM, device=METADATA), "usb-046d_HD_Pro_Webcam_C920_1-video-index0")
    machine.plug(1, Node(node=METADATA | STREAMING, device=CAPTURE), "usb-046d_HD_Pro_Webcam_C920_1-video-index1")
    (camera,) = machine.cameras()
    assert camera == Camera(
        str(machine.dev / "video0"), "HD Pro Webcam C920", "uvcvideo", "usb-0000:00:14.0-1",
        str(machine.dev / "v4l/by-id/usb-046d_HD_Pro_Webcam_C920_1-video-index0"),
        (Mode("YUYV", 640, 480, (30.0, 15.0)), Mode("MJPG", 1920, 1080, (30.0,)), Mode("MJPG", 640, 480, (60.0, 29.97))),
    )  # fmt: skip


def test_numbers_are_counted_and_what_is_no_camera_is_left_out(machine: Machine) -> None:
    machine.plug(10, Node(card="ten"))
    machine.plug(2, Node(card="two", node=PLANES | STREAMING, formats={"NM12": [(64, 48, [])]}))
    machine.plug(3, Node(card="codec", node=M2M | STREAMING))
    machine.plug(4, Node(card="sensor", node=CAPTURE | SETUP))
    machine.plug(5, Node(card="isp", driver="bcm2835-isp"))
    (machine.dev / "video-dec0").touch()
    two, ten = machine.cameras()
    assert (two.name, two.modes, two.by_id) == ("two", (Mode("NM12", 64, 48, ()),), None)
    assert (ten.name, ten.modes) == ("ten", ())


def test_of_a_range_the_ends_are_told(machine: Machine) -> None:
    rates = [(1, 60), (1, 5)]
    machine.plug(0, Node(formats={"RGB3": [(32, 16, rates), (4096, 2160, rates)]}, ranges=True))
    (camera,) = machine.cameras()
    assert camera.modes == (Mode("RGB3", 32, 16, (60.0, 5.0)), Mode("RGB3", 4096, 2160, (60.0, 5.0)))


def test_a_driver_that_never_ends_its_list_does_not_hang_ours(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST", 5)
    machine.plug(0, Node())
    asked = []

    def endless(_descriptor: int, request: int, argument: bytearray) -> None:
        asked.append(request)
        if len(argument) == 104:
            struct.pack_into("=I", argument, 84, CAPTURE)
        elif len(argument) == 64:
            struct.pack_into("=4s", argument, 44, b"GREY")
        elif len(argument) == 44:
            struct.pack_into("=3I", argument, 8, 1, 64, 48)
        elif len(argument) == 52:
            struct.pack_into("=3I", argument, 16, 1, 1, 30)

    (camera,) = cameras(machine.dev, machine.sys_class, endless)
    assert camera.modes == (Mode("GREY", 64, 48, (30.0,)),) * 25
    assert len(asked) == 1 + 5 * (1 + 5 * (1 + 5))


def test_a_name_is_not_always_what_it_should_be(machine: Machine) -> None:
    machine.plug(0, Node(card="Webcam\x1b[2J\x00rest of an older answer"))
    (camera,) = machine.cameras()
    assert camera.name == "Webcam\x1b[2J"  # escaped where it is shown


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_words: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(listing.os, "open", denied)


def test_who_may_not_ask_is_told_the_name_all_the_same(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (0, 1):
        machine.plug(number, Node())
        facts = machine.sys_class / "video4linux" / f"video{number}"
        facts.mkdir(parents=True)
        (facts / "name").write_text("HD Pro Webcam C920\n")
        (facts / "index").write_text(f"{number}\n")
    refuse(monkeypatch)
    (camera,) = machine.cameras()
    assert (camera.device, camera.name) == (str(machine.dev / "video0"), "HD Pro Webcam C920")
    assert camera.problem == "Permission denied: join the group 'video'"
    assert machine.find("c920") == str(machine.dev / "video0")


class TestFind:
    def test_a_part_of_the_name_is_enough(self, machine: Machine) -> None:
        machine.plug(0, Node())
        machine.plug(2, Node(card="Logitech BRIO", bus="usb-2"), "usb-Logitech_BRIO_7-video-index0")
        assert machine.find("logitech") == str(machine.dev / "v4l/by-id/usb-Logitech_BRIO_7-video-index0")
        assert machine.find("PRO webcam") == str(machine.dev / "video0")

    def test_two_nodes_of_one_camera_are_one_camera(self, machine: Machine) -> None:
        machine.plug(4, Node())
        machine.plug(2, Node())
        assert machine.find("C920") == str(machine.dev / "video2")

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("Brio", "camera:Brio: expected a camera of that name, found {0} (HD Pro Webcam C920), {1} (HD Webcam)"),
            (
                "webcam",
                "camera:webcam: expected one camera, found {0} (HD Pro Webcam C920), {1} (HD Webcam): give more",
            ),
        ],
    )
    def test_none_or_several_is_an_error_that_names_them(self, name: str, says: str, machine: Machine) -> None:
        machine.plug(0, Node())
        machine.plug(2, Node(card="HD Webcam", bus="usb-2"))
        with pytest.raises(SourceError) as caught:
            machine.find(name)
        assert str(caught.value).startswith(says.format(machine.dev / "video0", machine.dev / "video2"))

    def test_a_machine_without_any_says_so(self, machine: Machine) -> None:
        with pytest.raises(SourceError, match="found none at all: see edgeproof cameras"):
            machine.find("x")


@pytest.mark.skipif(bool(list(Path("/dev").glob("video*"))), reason="a machine with cameras")
def test_this_machine_has_none() -> None:
    assert cameras() == []


def test_only_linux_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing.sys, "platform", "darwin")
    with pytest.raises(UnavailableError, match="only Linux tells which cameras are there: try their numbers"):
        cameras()


@pytest.fixture
def picamera2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`picamera2(code)`: a package of that name, whose `global_camera_info` does what the code says, also in children."""

    def write(code: str) -> None:
        (tmp_path / "picamera2.py").write_text(
            "class Picamera2:\n    @staticmethod\n    def global_camera_info():\n        " + code
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))

    return write


def test_cameras_of_a_raspberry_pi(picamera2: Callable[[str], None]) -> None:
    sensor, usb = "/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a", "/base/scb/pcie@7d500000/usb@0,0-1.2:1.0-046d:0825"
    infos = [{"Num": 0, "Model": "imx708", "Id": sensor}, {"Num": 1, "Model": "C270", "Id": usb}]
    picamera2(f"print('libcamera says hello'); return {infos}")
    assert pi_cameras() == [Camera("picamera:0", "imx708", "picamera2", sensor)]


@pytest.mark.parametrize("code", ["import os; os.abort()", "raise OSError('busy')", "import time; time.sleep(60)"])
def test_a_camera_library_that_dies_or_hangs_takes_nobody_along(
    code: str, picamera2: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PI_TIMEOUT_S", 0.5 if "sleep" in code else 20)
    picamera2(code)
    with pytest.raises(UnavailableError, match="picamera2 could not list the Raspberry Pi's cameras"):
        pi_cameras()


def test_elsewhere_the_library_is_not_missed() -> None:
    if listing.importlib.util.find_spec("picamera2") is None:
        assert pi_cameras() == []
