"""The file of `--json`: nothing in it is lost, one writer at a time, every line a whole record."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from edgeproof.errors import UsageError
from edgeproof.output.files.json_file import open_json
from edgeproof.output.records import error_record, line

RECORD = line(error_record("a.png", "a.png: damaged", 5))


def records(path: Path) -> list[Any]:
    return [json.loads(text) for text in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def test_a_new_file_in_a_new_folder(path: Path) -> None:
    file = open_json(path.parent / "deep" / "out.jsonl", append=False, overwrite=False)
    file.append(RECORD)
    assert len(records(path.parent / "deep" / "out.jsonl")) == 1  # before close: a line is there at once
    file.close()


def test_records_of_an_earlier_run_stay(path: Path) -> None:
    path.write_bytes(RECORD)
    with pytest.raises(UsageError, match=r"give --append, --overwrite or another name"):
        open_json(path, append=False, overwrite=False)
    assert path.read_bytes() == RECORD
    for flags in ({"append": True, "overwrite": False}, {"append": False, "overwrite": True}):
        open_json(path, **flags).close()
        assert path.read_bytes() == RECORD


def test_an_empty_file_is_a_new_one(path: Path) -> None:
    path.touch()
    open_json(path, append=False, overwrite=False).close()


@pytest.mark.parametrize("cut", [1, 20, len(RECORD) - 2, len(RECORD) - 1])
@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.target("T7")
def test_a_record_that_a_kill_tore_is_closed_off(path: Path, before: int, cut: int) -> None:
    path.write_bytes(before * RECORD + RECORD[:cut])
    file = open_json(path, append=True, overwrite=False)
    file.append(RECORD)
    file.close()
    found = records(path)
    assert len(found) == before + 2
    assert found[:before] + found[-1:] == [json.loads(RECORD)] * (before + 1)
    torn = found[before]
    assert torn["type"] == "error"
    if cut == len(RECORD) - 1:  # only its line end was missing
        assert torn == json.loads(RECORD)
    else:
        assert torn["error"].endswith(RECORD[:cut].decode()), "nothing of it is lost"


@pytest.mark.parametrize(
    "content", [b"notes", b"notes\n", b'{"a": 1}\n', b'"schema"\n', b"[" * 100_000, b"\xff\xd8\xff\x00"]
)
def test_nothing_is_appended_to_another_kind_of_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(UsageError, match="expected records of edgeproof"):
        open_json(path, append=True, overwrite=False)
    assert path.read_bytes() == content


@pytest.mark.parametrize("flags", [(False, False), (True, False), (False, True)])
def test_a_second_writer_is_refused_until_the_first_has_ended(path: Path, flags: tuple[bool, bool]) -> None:
    first = open_json(path, append=False, overwrite=False)
    with pytest.raises(UsageError, match="another process is writing to it"):
        open_json(path, append=flags[0], overwrite=flags[1])
    first.append(RECORD)
    first.close()
    open_json(path, append=True, overwrite=False).close()
    assert list(path.parent.iterdir()) == [path], "no lock file is left"


def test_a_pipe_and_the_null_device_take_records(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    seen: list[bytes] = []
    reader = threading.Thread(target=lambda: seen.append(pipe.read_bytes()))
    reader.start()
    for place in (pipe, Path(os.devnull)):
        file = open_json(place, append=False, overwrite=False)
        file.append(RECORD)
        file.close()
    reader.join()
    assert seen == [RECORD]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a file, found the folder"):
        open_json(tmp_path, append=False, overwrite=False)
