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
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def native_output() -> Iterator[Callable[[], str]]:
    """Within the block, whatever is written to descriptors 1 and 2 is kept; the yielded function returns it so far.

    For the few calls that create a session: no other thread should be printing meanwhile.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        saved = [os.dup(1), os.dup(2)]

        def text() -> str:
            # pread leaves the shared offset alone, which the writers use.
            return os.pread(kept.fileno(), 1 << 16, 0).decode(errors="replace")

        try:
            os.dup2(kept.fileno(), 1)
            os.dup2(kept.fileno(), 2)
            yield text
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for target, original in zip((1, 2), saved, strict=True):
                os.dup2(original, target)
                os.close(original)


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
