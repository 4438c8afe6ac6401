"""Native libraries that print to the process's own stdout and stderr, caught.

ONNX Runtime prints to stdout on some failures, which would corrupt `--json -`; LiteRT greets on stderr. Python's own
redirection does not reach C++ streams, so the file descriptors themselves are turned aside.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator

#: The descriptors belong to the process: two threads that turn them aside and back would leave them turned aside for good.
_ALONE = threading.RLock()


@contextlib.contextmanager
def native_output() -> Iterator[Callable[[], str]]:
    """Within the block, whatever is written to descriptors 1 and 2 is kept; the yielded function returns it so far.

    Threads take turns in it. For short calls: what another thread prints meanwhile is caught too.
    """
    with _ALONE:
        _flush()
        # Before a new file takes the place of a closed one, and with numbers from 3 on, lest a copy does.
        saved = {number: fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3) for number in (1, 2) if _is_open(number)}
        with tempfile.TemporaryFile() as kept:

            def text() -> str:
                # pread leaves the shared offset alone, which the writers use.
                return os.pread(kept.fileno(), 1 << 16, 0).decode(errors="replace")

            try:
                for number in saved:
                    os.dup2(kept.fileno(), number)
                yield text
            finally:
                _flush()
                for number, original in saved.items():
                    os.dup2(original, number)
                    os.close(original)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as under pythonw, or where the descriptor was closed
            stream.flush()


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def quiet_import(module: str) -> None:
    """Import a library that talks to a terminal while it loads. What it said is repeated if it cannot be imported."""
    said = ""
    try:
        with native_output() as text:
            try:
                importlib.import_module(module)
            except BaseException:
                said = text()
                raise
    finally:
        if said:
            print(said, file=sys.stderr, end="", flush=True)
