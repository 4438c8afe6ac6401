"""Where files go: never onto what is read, never onto what is there, whole or absent."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from edgeproof.bundle import default_bundle
from edgeproof.errors import UsageError
from edgeproof.output.files import places
from edgeproof.output.files.places import Folder, Inputs, inputs_of, safe_stem
from edgeproof.sources.source import Source

NOTHING = Inputs({})


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(b"precious")
    return path


def new(path: Path, inputs: Inputs = NOTHING, *, overwrite: bool = False) -> Folder:
    """As the next run has it."""
    return Folder(path, inputs, overwrite=overwrite)


@pytest.mark.parametrize("link", ["itself", "symbolic link", "hard link", "through a linked folder"])
def test_a_source_is_refused_by_whatever_name(photo: Path, link: str, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    if link == "itself":
        other = tmp_path / "." / "photo.png"
    elif link == "symbolic link":
        other.symlink_to(photo)
    elif link == "hard link":
        other.hardlink_to(photo)
    else:
        (tmp_path / "folder").symlink_to(tmp_path, target_is_directory=True)
        other = tmp_path / "folder" / "photo.png"
    inputs = inputs_of([Source("picture", str(photo), "photo.png")], None)
    with pytest.raises(UsageError, match=r"--json: .* is the source photo\.png: choose another"):
        inputs.refuse(other, "--json")
    inputs.refuse(tmp_path / "new.png", "--json")


def test_the_bundle_and_what_lies_in_it_is_refused() -> None:
    inputs = inputs_of([], None)
    for place in (default_bundle(), default_bundle() / "manifest.json", default_bundle() / "new" / "out.jsonl"):
        with pytest.raises(UsageError, match="the bundle digits"):
            inputs.refuse(place, "--save")


def test_cameras_and_streams_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0").touch()
    monkeypatch.chdir(tmp_path)
    inputs_of([Source("camera", "0", "0"), Source("stream", "rtsp://h", "rtsp://h")], None).refuse(Path("0"), "--json")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("photo", "photo"),
        ("my photo", "my photo"),
        ("übung-१", "übung-१"),
        ("a/b\\c:d", "a_b_c_d"),
        ("a\x1b[2J\n\u202eb", "a_[2J__b"),
        ("caf\udce9", "caf_"),
        ("", "unnamed"),
        ("x" * 250, "x" * 200),
        ("é" * 125, "é" * 100),
        ("x" + "é" * 125, "x" + "é" * 99),  # never half a character
    ],
)
def test_names_are_safe_and_short(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


def test_equal_names_of_one_run_get_numbers(tmp_path: Path) -> None:
    folder = new(tmp_path)
    names = [folder.write("n", ".png", b"x").name for _ in range(3)] + [folder.create("n", ".png")[1].name]
    assert names == ["n.png", "n-2.png", "n-3.png", "n-4.png"]
    assert folder.write("n", ".mkv", b"x").name == "n.mkv"
    folder = new(tmp_path / "over", overwrite=True)
    names = [folder.write(name, ".png", b"x").name for name in "nN"]
    assert names == ["n.png", "N-2.png"], "a memory card takes n.png and N.png for one"


@pytest.mark.parametrize("how", ["write", "create"])
def test_what_an_earlier_run_wrote_stays(tmp_path: Path, photo: Path, how: str) -> None:
    for number in (2, 3):
        folder = new(tmp_path)
        path = folder.write("photo", ".png", b"x") if how == "write" else folder.create("photo", ".png")[1]
        assert path.name == f"photo-{number}.png"
    assert photo.read_bytes() == b"precious"


@pytest.mark.parametrize("how", ["write", "create"])
def test_overwrite_replaces_what_is_there_but_nothing_of_this_run_nor_what_is_read(tmp_path: Path, how: str) -> None:
    for name in ("n.png", "n-2.png", "n-3.png"):
        (tmp_path / name).write_bytes(b"old")
    inputs = inputs_of([Source("picture", str(tmp_path / "n-2.png"), "n-2.png")], None)
    folder = new(tmp_path, inputs, overwrite=True)
    for _ in range(2):
        if how == "write":
            folder.write("n", ".png", b"new")
        else:
            os.close(folder.create("n", ".png")[0])
    assert (tmp_path / "n.png").read_bytes() != b"old"
    assert (tmp_path / "n-2.png").read_bytes() == b"old"
    assert (tmp_path / "n-3.png").read_bytes() != b"old"


@pytest.mark.parametrize("how", ["write", "create"])
def test_overwrite_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path, photo: Path, how: str) -> None:
    out = tmp_path / "out"
    folder = new(out, overwrite=True)
    (out / "n.png").symlink_to(photo)
    (out / "n.mkv").hardlink_to(photo)
    for suffix in (".png", ".mkv"):
        folder.write("n", suffix, b"new") if how == "write" else os.close(folder.create("n", suffix)[0])
    assert photo.read_bytes() == b"precious"


def test_files_of_one_set_share_a_number(tmp_path: Path) -> None:
    folder = new(tmp_path)
    assert [folder.stem("n"), folder.stem("n"), folder.stem("m")] == ["n", "n-2", "m"]
    folder.write("n-00000-000-7", ".png", b"x")
    folder.write("n-2-00000-000-7", ".png", b"x")
    assert [new(tmp_path).stem("n"), new(tmp_path).stem("m")] == ["n-3", "m"]
    assert new(tmp_path, overwrite=True).stem("n") == "n"


def test_without_hard_links_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a FAT memory card."""

    def refuse(*_paths: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(places.os, "link", refuse)
    for number in range(2):
        new(tmp_path).write("n", ".png", f"{number}".encode())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"n.png": b"0", "n-2.png": b"1"}


@pytest.mark.target("T8")
def test_a_full_disk_leaves_nothing_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(places.os, "fsync", full)
    with pytest.raises(OSError, match=r"n\.png"):
        new(tmp_path).write("n", ".png", b"x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.target("T7")
def test_what_a_killed_run_left_is_swept_and_what_another_is_writing_is_not(tmp_path: Path) -> None:
    """Nor is a file of somebody else's whose name begins like ours."""
    killed, running = "0123456789abcdef", "fedcba9876543210"
    for name, age_s in ((killed, 7200), (running, 1), ("novel.txt", 7200)):
        path = tmp_path / f"{places.TEMPORARY}{name}"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_s, time.time() - age_s))
    new(tmp_path).write("n", ".png", b"x")
    assert {path.name for path in tmp_path.iterdir()} == {f".writing-{running}", ".writing-novel.txt", "n.png"}


def test_writers_at_once_never_take_one_name(tmp_path: Path) -> None:
    """Each with a folder of its own, as processes have."""
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        folder = new(tmp_path)
        barrier.wait()
        for index in range(10):
            folder.write("n", ".png", f"{number} {index}".encode())
            os.close(folder.create("n", ".mkv")[0])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.read_bytes() for path in tmp_path.glob("*.png")} == {
        f"{number} {index}".encode() for number in range(8) for index in range(10)
    }
    assert len(list(tmp_path.glob("*.mkv"))) == 80
    assert len(list(tmp_path.iterdir())) == 160


def test_long_names_stay_apart(tmp_path: Path) -> None:
    folder = new(tmp_path)
    written = [folder.write(safe_stem("é" * 123 + end), ".png", b"x").name for end in "ab"]
    written += [folder.write(f"{folder.stem(safe_stem('x' * 251))}-00000-000-{'é' * 8}", ".png", b"x").name]
    assert len(set(written)) == 3
    assert max(len(name.encode()) for name in written) <= 255
