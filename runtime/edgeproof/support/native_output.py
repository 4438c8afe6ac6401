"""Native libraries that print to the process's own stdout and stderr, caught.

ONNX Runtime prints to stdout on some failures, which would corrupt `--json -`; LiteRT greets on stderr. Python's own
redirection does not reach C++ streams, so the file descriptors themselves are turned aside.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator


class _Process:
    """What belongs to the process.

    turn: two threads that turn the descriptors aside and back would leave them turned aside for good. quiet: whether it is a
    command of ours, so that nobody else prints in it.
    """

    turn = threading.RLock()
    quiet = False


if hasattr(os, "register_at_fork"):  # a child must not wait for a thread that it has not
    os.register_at_fork(after_in_child=lambda: setattr(_Process, "turn", threading.RLock()))


def keep_quiet() -> None:
    """This process is a command of ours: what native libraries print while they work is for nobody."""
    _Process.quiet = True


@contextlib.contextmanager
def working_quietly() -> Iterator[Callable[[], str]]:
    """`native_output` in a command of ours. In another's program its threads may be printing: there nothing is turned aside."""
    if _Process.quiet:
        with native_output() as text:
            yield text
    else:
        yield str


@contextlib.contextmanager
def native_output() -> Iterator[Callable[[], str]]:
    """Within the block, whatever is written to descriptors 1 and 2 is kept; the yielded function returns it so far.

    Threads take turns in it. For short calls: what another thread prints meanwhile is caught too.
    """
    with _Process.turn:
        _flush()
        saved = {number: _copy(number) for number in (1, 2) if _is_open(number)}
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
        if stream is not None and not stream.closed:  # none: as under pythonw, or where the descriptor was closed
            stream.flush()


def _copy(number: int) -> int:
    """A descriptor's copy, beyond the three standard ones: in the place of a closed one it would be printed to."""
    low = []
    while (copy := os.dup(number)) < 3:
        low.append(copy)
    for each in low:
        os.close(each)
    return copy


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
