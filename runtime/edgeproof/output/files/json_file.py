"""The file of `--json`: one writer at a time, nothing lost that is in it, every line a whole record."""

from __future__ import annotations

import errno
import json
import mmap
import os
from pathlib import Path

from edgeproof.errors import UsageError
from edgeproof.output.files.append_file import AppendFile
from edgeproof.output.records import SCHEMA, error_record, line

LARGEST_RECORD = 2**24  # bytes; what is longer without a line end was never written by edgeproof

_BEGIN = b'{"schema"'


def open_json(path: Path, *, append: bool, overwrite: bool) -> AppendFile:
    """Open `path` for records. What overwrites has to `clear` it, when it has a first record.

    Raises UsageError when another process writes to it, when records of an earlier run are in it and neither `append` nor
    `overwrite` is given, and when `append` meets something other than records.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise UsageError(f"--json: expected a file, found the folder {path}: name a file in it")
    if path.exists() and not path.is_file():  # a pipe, a terminal, /dev/null
        return AppendFile(os.open(path, os.O_WRONLY), str(path))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        _lock(descriptor, path)
        file = AppendFile(descriptor, str(path))
        if os.fstat(descriptor).st_size:
            if append:
                _close_off(descriptor, file, path)
            elif not overwrite:
                raise UsageError(
                    f"--json: expected a new file, found {path} with records in it: give --append, --overwrite or another name"
                )
    except BaseException:
        os.close(descriptor)
        raise
    return file


def _lock(descriptor: int, path: Path) -> None:
    """Held until the descriptor is closed, by the kernel itself after a kill."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            raise UsageError(
                f"--json: {path}: another process is writing to it: wait for it, or name another file"
            ) from None
        # This file system knows no locks.


def _close_off(descriptor: int, file: AppendFile, path: Path) -> None:
    """Make the end of the file the end of a line. A record that a killed run left torn becomes part of an error record."""
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        whole = content.rfind(b"\n") + 1
        before = content.rfind(b"\n", 0, max(0, whole - 1)) + 1
        last, torn = content[before : min(whole, before + LARGEST_RECORD)], content[whole : whole + LARGEST_RECORD]
        length = len(content)
    ours = _is_record(last) if whole else torn[: len(_BEGIN)] == _BEGIN[: len(torn)]
    if not ours or length - whole >= LARGEST_RECORD:
        raise UsageError(f"--append: expected records of edgeproof in {path}, found something else: name another file")
    if _is_record(torn):
        file.append(b"\n")
    elif torn:
        os.ftruncate(descriptor, whole)
        message = (
            f"expected a whole record, found one that an earlier run did not finish: {torn.decode(errors='replace')}"
        )
        file.append(line(error_record(str(path), message, 1)))


def _is_record(text: bytes) -> bool:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.get("schema") == SCHEMA
