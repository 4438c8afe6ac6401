"""Whole or absent: atomic files and published folders, also when the writer is killed or the disk is full."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from edgeproof.errors import UsageError
from edgeproof.support.files import check_target, own_temporaries, published_directory, sha256, write_atomic


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def publish(target: Path, content: bytes, *, overwrite: bool = False) -> None:
    with published_directory(target, overwrite=overwrite) as folder:
        (folder / "file").write_bytes(content)


def test_sha256_of_bytes_and_file_agree(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", b"abc")
    assert (
        sha256(tmp_path / "a") == sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_published_folder_replaces_and_sweeps(tmp_path: Path) -> None:
    target = tmp_path / "name"
    neighbour = tmp_path / "name-quick"
    publish(neighbour, b"other")
    publish(target, b"old")
    (tmp_path / ".writing~name~abcd1234").mkdir()  # what a killed writer leaves
    with pytest.raises(UsageError, match="already exists"):
        publish(target, b"new")
    publish(target, b"new", overwrite=True)
    assert (target / "file").read_bytes() == b"new"
    assert (neighbour / "file").read_bytes() == b"other"
    assert len(hidden(tmp_path)) == 2  # one content folder per name, nothing else


def test_a_name_that_goes_on_like_our_own_marks_is_another_folder(tmp_path: Path) -> None:
    """`name-writing` and the like are names too: neither swept nor taken for a writer."""
    others = [tmp_path / f"name{end}" for end in ("-writing", "-writing-1", "-link", "~abcd1234", "-0123456789abcdef")]
    for other in others:
        publish(other, other.name.encode())
    with published_directory(tmp_path / "name-writing", overwrite=True) as folder:
        publish(tmp_path / "name", b"first")
        publish(tmp_path / "name", b"second", overwrite=True)
        (folder / "file").write_bytes(b"name-writing")
    assert [(other / "file").read_bytes().decode() for other in others] == [other.name for other in others]


def test_same_content_again_is_fine(tmp_path: Path) -> None:
    publish(tmp_path / "name", b"x")
    publish(tmp_path / "name", b"x", overwrite=True)
    assert (tmp_path / "name" / "file").read_bytes() == b"x"


def test_failure_inside_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "name"
    publish(target, b"old")
    before = hidden(tmp_path)
    with pytest.raises(RuntimeError), published_directory(target, overwrite=True) as folder:
        (folder / "file").write_bytes(b"half")
        raise RuntimeError
    assert (target / "file").read_bytes() == b"old"
    assert hidden(tmp_path) == before


def test_plain_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()
    with pytest.raises(UsageError, match="plain folder"):
        publish(tmp_path / "name", b"x", overwrite=True)


def test_plain_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "name").write_bytes(b"notes")
    with pytest.raises(UsageError, match="plain file"):
        publish(tmp_path / "name", b"x", overwrite=True)
    assert (tmp_path / "name").read_bytes() == b"notes"


def test_a_target_can_be_checked_without_being_written(tmp_path: Path) -> None:
    check_target(tmp_path / "deep" / "name", overwrite=False)
    assert not (tmp_path / "deep").exists()
    publish(tmp_path / "name", b"old")
    before = hidden(tmp_path)
    check_target(tmp_path / "name", overwrite=True)
    with pytest.raises(UsageError, match="already exists"):
        check_target(tmp_path / "name", overwrite=False)
    assert (tmp_path / "name" / "file").read_bytes() == b"old"
    assert hidden(tmp_path) == before


def test_disk_full_leaves_the_old_content(tmp_path: Path) -> None:
    """A file size limit stands in for the full disk: the write fails half-way with an OSError, in a real process."""
    target = tmp_path / "name"
    publish(target, b"old")
    code = (
        "import sys; from pathlib import Path; from edgeproof.support.files import published_directory\n"
        "with published_directory(Path(sys.argv[1]), overwrite=True) as folder:\n"
        "    (folder / 'file').write_bytes(b'x' * 2_000_000)\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    result = subprocess.run(
        [sys.executable, "-B", "-c", code, target], preexec_fn=limit, check=False, capture_output=True
    )
    assert b"OSError" in result.stderr
    assert (target / "file").read_bytes() == b"old"
    assert len(hidden(tmp_path)) == 1


def test_kill_at_any_moment_leaves_old_or_new(tmp_path: Path) -> None:
    """kill -9 while a child publishes in a loop: what is visible is always one whole content."""
    target = tmp_path / "name"
    size = 300_000
    publish(target, b"0" * size)
    code = (
        "import itertools, sys; from pathlib import Path; from edgeproof.support.files import published_directory\n"
        "for i in itertools.count():\n"
        "    with published_directory(Path(sys.argv[1]), overwrite=True) as folder:\n"
        f"        (folder / 'file').write_bytes(str(i % 10).encode() * {size})\n"
    )
    for attempt in range(5):
        child = subprocess.Popen([sys.executable, "-c", code, target])
        time.sleep(0.25 + 0.037 * attempt)
        child.kill()
        child.wait()
        content = (target / "file").read_bytes()
        assert len(content) == size
        assert len(set(content)) == 1
    publish(target, b"end", overwrite=True)
    assert len(hidden(tmp_path)) == 1, "the next writer sweeps what killed ones left"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_an_os_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        publish(tmp_path / "name", b"x")


WRITER = """
import sys
from pathlib import Path
from edgeproof.errors import UsageError
from edgeproof.support.files import published_directory
target, who = Path(sys.argv[1]), sys.argv[2]
for number in map(int, sys.stdin):
    try:
        with published_directory(target, overwrite=True) as folder:
            (folder / "file").write_text(f"{who} {number}")
        print("ok", flush=True)
    except UsageError:
        print("refused", flush=True)
"""


def race(target: Path, rounds: int) -> tuple[int, int]:
    """Two processes publish at `target` at the same moment, `rounds` times: how many said ok, and how many were refused."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, target, who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for who in "ab"
    ]
    said: list[str] = []
    for number in range(rounds):
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write(f"{number}\n")
            writer.stdin.flush()
        answers = [str(writer.stdout and writer.stdout.readline()).strip() for writer in writers]
        said += answers
        stands = (target / "file").read_text()
        assert stands in [f"{who} {number}" for who, answer in zip("ab", answers, strict=True) if answer == "ok"]
    for writer in writers:
        writer.communicate()
    return said.count("ok"), said.count("refused")


def test_two_writers_of_one_folder_lose_nothing(tmp_path: Path) -> None:
    """Each used to sweep the other's finished folder: both said ok, and the link led nowhere."""
    ok, refused = race(tmp_path / "name", rounds=25)
    assert ok + refused == 50
    assert ok >= 25
    assert len(hidden(tmp_path)) == 1


@pytest.mark.skipif("EDGEPROOF_SOAK" not in os.environ, reason="make soak")
@pytest.mark.soak
@pytest.mark.target("T7")
def test_two_writers_of_one_folder_lose_nothing_soak(tmp_path: Path) -> None:
    ok, refused = race(tmp_path / "name", rounds=500)
    print(f"{ok} published, {refused} refused")
    assert ok + refused == 1000


def test_a_second_writer_is_refused_at_once_and_the_first_goes_on(tmp_path: Path) -> None:
    target = tmp_path / "name"
    with published_directory(target, overwrite=True) as folder:
        (folder / "file").write_bytes(b"first")
        with pytest.raises(UsageError, match="is being written by another process"):
            publish(target, b"second", overwrite=True)
    assert (target / "file").read_bytes() == b"first"
    publish(target, b"third", overwrite=True)
    assert (target / "file").read_bytes() == b"third"


def test_what_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "name"
    with (
        pytest.raises(UsageError, match="written by another process meanwhile"),
        published_directory(target, overwrite=False) as folder,
    ):
        (folder / "file").write_bytes(b"late")
        target.symlink_to("elsewhere")
    assert target.readlink() == Path("elsewhere")
    assert hidden(tmp_path) == []


WORKER = """
import os, sys, tempfile, time
from edgeproof.support.files import own_temporaries

with own_temporaries("worker") as folder:
    tempfile.mkstemp()
    print(folder, flush=True)
    time.sleep(60)
"""


def test_temporary_files_of_a_killed_process_are_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is killed, one lives on; both are old enough to be swept."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-c", WORKER]
    workers = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    folders = []
    for worker in workers:
        assert worker.stdout is not None
        folders.append(Path(worker.stdout.readline().strip()))
    killed, alive = folders
    workers[0].kill()
    workers[0].wait()
    try:
        with own_temporaries("worker") as mine:
            assert killed.exists(), "too young to be sure that nobody is about to lock it"
            assert Path(tempfile.mkdtemp()).parent == mine
            assert os.environ["TMPDIR"] == str(mine)
        for folder in folders:
            os.utime(folder, (0, 0))
        with own_temporaries("worker"):
            assert not killed.exists()
            assert len(list(alive.iterdir())) == 1
        assert sorted(tmp_path.iterdir()) == [alive]
        assert tempfile.tempdir == str(tmp_path)
    finally:
        workers[1].terminate()
        workers[1].wait()
