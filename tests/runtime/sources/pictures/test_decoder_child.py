"""The child that decodes: bounded, replaced when it ends, gone when its parent is."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edgeproof.errors import SourceError
from edgeproof.sources.pictures import decoder_child
from edgeproof.sources.pictures.picture import decode

cv2 = pytest.importorskip("cv2")

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


def bmp(height: int = 4, width: int = 6, level: int = 200) -> bytes:
    return bytes(cv2.imencode(".bmp", np.full((height, width, 3), level, np.uint8))[1].tobytes())


def python(code: str, *words: str | Path, cwd: Path | None = None) -> str:
    """What a fresh interpreter says that runs `code`."""
    command = [sys.executable, "-P", "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=cwd).stdout.strip()


def claims(width: int, height: int, samples: int = 3, bits: int = 8) -> bytes:
    """A TIFF of some bytes that claims so many pixels."""
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, 2), (273, 8), (277, samples), (278, height),
            (279, 9), (338, 2), (339, 3 if bits == 32 else 1)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(64)


@pytest.fixture
def fresh():
    """No child before, none after."""
    decoder_child._shared.end()
    yield decoder_child._shared
    decoder_child._shared.end()


def test_one_child_decodes_one_picture_after_another(fresh):
    assert decode(bmp(), "a").shape == (4, 6, 3)
    first = fresh.child
    assert decode(bmp(300, 7), "b").shape == (300, 7, 3)
    with pytest.raises(SourceError, match="c: expected a picture"):
        decode(b"BM nothing", "c")
    assert decode(bmp(), "d").shape == (4, 6, 3)
    assert fresh.child is first


def test_ordinary_pictures_need_no_child(fresh):
    image = np.full((40, 60, 3), 200, np.uint8)
    for suffix in (".jpg", ".png"):
        decode(cv2.imencode(suffix, image)[1].tobytes(), suffix)
    decode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes(), "progressive")
    decode(cv2.imencode(".png", np.dstack([image, image[..., :1]]))[1].tobytes(), "alpha")
    assert fresh.child is None


@pytest.mark.usefixtures("fresh")
def test_threads_take_turns():
    sizes = [(3 + i, 5 + 2 * i) for i in range(12)]
    seen: dict[tuple[int, int], tuple[int, ...]] = {}
    threads = [
        threading.Thread(target=lambda size=size: seen.update({size: decode(bmp(*size), "t").shape})) for size in sizes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {size: (*size, 3) for size in sizes}


#: Children that greet and then fail; what is said of each.
BROKEN = {
    "hangs": ("import time; time.sleep(60)", "found nothing after 0 s"),
    "ends": ("import os; os._exit(3)", r"ends its decoder \(3\)"),
    "is killed, as by a kernel without memory": ("import os; os.kill(os.getpid(), 9)", "found too little memory"),
    "answers half": ("import os; os.write(1, b'abc'); os._exit(0)", r"ends its decoder \(0\)"),
    "promises more than it sends": (
        "import os, struct; os.write(1, struct.pack('<IIQ', 50, 50, 7500)); os._exit(0)", r"ends its decoder \(0\)"
    ),
}  # fmt: skip


@posix
@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.usefixtures("fresh")
@pytest.mark.target("T15")
def test_a_child_that_fails_costs_one_picture(kind, monkeypatch):
    program, says = BROKEN[kind]
    with monkeypatch.context() as patch:
        patch.setattr(decoder_child, "_PROGRAM", f"import os; os.write(1, b'x'); os.read(0, 8); {program}")
        patch.setattr(decoder_child, "DECODE_SECONDS", 0.3)
        with pytest.raises(SourceError, match=says) as caught:
            decode(bmp(), "odd.bmp")
    assert str(caught.value).startswith("odd.bmp: expected a picture that decodes, found ")
    assert decode(bmp(), "next.bmp").shape == (4, 6, 3)


@posix
def test_a_child_that_ended_between_two_pictures_costs_none(fresh):
    decode(bmp(), "a")
    os.kill(fresh.child._process.pid, signal.SIGKILL)
    fresh.child._process.wait()
    assert decode(bmp(), "b").shape == (4, 6, 3)


@posix
@pytest.mark.usefixtures("fresh")
def test_a_child_that_does_not_start_is_said(monkeypatch):
    monkeypatch.setattr(decoder_child, "_PROGRAM", "raise SystemExit(1)")
    with pytest.raises(SourceError, match="expected the decoder to start, found"):
        decode(bmp(), "a.bmp")
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(SourceError, match="expected a process of its own to decode it, found No such file"):
        decode(bmp(), "a.bmp")


@posix
@pytest.mark.usefixtures("fresh")
def test_an_interrupt_in_the_middle_leaves_no_half_answer_behind(monkeypatch):
    decode(bmp(), "a")
    with monkeypatch.context() as patch:
        patch.setattr(decoder_child._Child, "_receive", lambda *_: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            decode(bmp(9, 9), "b")
    assert decode(bmp(5, 5), "c").shape == (5, 5, 3)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited where the kernel counts it")
@pytest.mark.timed  # and an emulated CPU limits no memory
@pytest.mark.usefixtures("fresh")
def test_too_little_memory_is_called_so():
    with pytest.raises(SourceError, match="expected enough memory to decode it"):
        decode(claims(9_990, 9_990, samples=4, bits=32), "wide.tiff")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel of Linux can be told")
@pytest.mark.target("T4")
def test_where_memory_is_short_the_decoder_goes_first_and_not_the_reader(fresh):
    decode(bmp(), "a.bmp")
    own, child = (
        int(Path("/proc", str(pid), "oom_score_adj").read_text()) for pid in ("self", fresh.child._process.pid)
    )
    assert own < child == 1000


@pytest.mark.parametrize("first", ["", "import cv2"])
@pytest.mark.parametrize("kind", ["tiff", "png", "bmp"])
@pytest.mark.target("T4")
def test_a_picture_beyond_the_cap_is_refused_whoever_loads_opencv_first(first, kind, tmp_path):
    """A TIFF, PNG or BMP of a few bytes that claims 900 megapixels."""
    square = 30_000
    content = {
        "tiff": claims(square, square),
        "png": b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + struct.pack(">IIBBBBBI", square, square, 8, 2, 0, 0, 0, 0),
        "bmp": b"BM" + struct.pack("<IHHIIiiHH24x", 54, 0, 0, 54, 40, square, square, 1, 24),
    }[kind]
    (tmp_path / "bomb").write_bytes(content)
    said = python(
        f"{first}\nimport pathlib, sys\nfrom edgeproof.errors import SourceError\n"
        "from edgeproof.sources.pictures.picture import decode\n"
        "try: decode(pathlib.Path(sys.argv[1]).read_bytes(), 'bomb')\n"
        "except SourceError as error: print(error)",
        tmp_path / "bomb",
    )
    assert said == "bomb: expected at most 100 megapixels, found more: reduce the picture"


def test_nothing_is_imported_from_the_folder_of_the_pictures(tmp_path):
    (tmp_path / "a.bmp").write_bytes(bmp())
    for name in ("cv2.py", "numpy.py", "edgeproof.py"):
        (tmp_path / name).write_text("raise SystemExit('this is not a library')")
    said = python(
        "import pathlib; from edgeproof.sources.pictures.picture import decode\n"
        "print(decode(pathlib.Path('a.bmp').read_bytes(), 'a').shape)",
        cwd=tmp_path,
    )
    assert said == "(4, 6, 3)"


PARENT = (
    "import sys; from edgeproof.sources.pictures import decoder_child; from edgeproof.sources.pictures.picture import decode\n"
    "decode(bytes.fromhex(sys.argv[1]), 'a'); print(decoder_child._shared.child._process.pid, flush=True)\n"
)


def gone(pid: int) -> bool:
    """Whether a process ends within some seconds. (One whose parent is gone may wait for init as a zombie.)"""
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@posix
def test_the_child_ends_with_a_parent_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT + "sys.stdin.read()", bmp().hex()], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone(pid)


@posix
def test_a_forked_parent_has_a_child_of_its_own():
    said = python(
        PARENT + "import os\n"
        "other = os.fork()\n"
        "decode(bytes.fromhex(sys.argv[1]), 'a'); print(decoder_child._shared.child._process.pid, flush=True)\n"
        "if other: os.waitpid(other, 0)",
        bmp().hex(),
    )
    first, *both = said.split()
    assert len(set(both)) == 2
    assert first in both
