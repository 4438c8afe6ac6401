"""A file that grows by whole pieces, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgeproof.output.files import append_file
from edgeproof.output.files.append_file import AppendFile


def opened(path: Path) -> AppendFile:
    return AppendFile(os.open(path, os.O_RDWR | os.O_CREAT), str(path))


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_piece_that_does_not_fit_leaves_the_file_as_it_was(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, write = opened(tmp_path / "f"), os.write
    file.append(b"whole\n")

    def partly(descriptor: int, data: memoryview) -> int:
        if len(data) < 3:
            raise failure
        return write(descriptor, data[:2])

    monkeypatch.setattr(append_file.os, "write", partly)
    with pytest.raises(type(failure)) as caught:
        file.append(b"another")
    monkeypatch.undo()
    if isinstance(failure, OSError):
        assert str(tmp_path / "f") in str(caught.value)
    assert (tmp_path / "f").read_bytes() == b"whole\n"
    file.append(b"later\n")
    file.replace(0, b"W")
    file.close()
    assert (tmp_path / "f").read_bytes() == b"Whole\nlater\n"


def test_what_reaches_the_disk_no_more_is_told_when_it_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = opened(tmp_path / "f")

    def lost(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(append_file.os, "fsync", lost)
    with pytest.raises(OSError, match="Input/output error"):
        file.close()


def test_a_pipe_takes_pieces_too() -> None:
    read, write = os.pipe()
    file = AppendFile(write, "pipe")
    file.append(b"one\n")
    file.clear()
    file.close()
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"one\n"
