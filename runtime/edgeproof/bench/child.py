"""What is measured in a process of its own: the parent's side, `ask`, and the child's, `answer`.

A child is `python -m MODULE WORD…`. It prints one line of JSON, the last on its stdout, for libraries may print before it; or it
prints its error on stderr and ends with that error's exit code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgeproof.errors import BenchmarkError, EdgeproofError, IntegrityError, UnavailableError, first_line

#: Errors that stay what they are in the parent: they say something of the bundle or the machine, not of the measuring.
_KEPT = {kind.exit_code: kind for kind in (UnavailableError, IntegrityError)}


def ask(module: str, words: Sequence[str], doing: str, limit_s: float, given: bytes = b"") -> Any:
    """What a child prints that runs `module` of this very program with `words`, and with `given` on its stdin.

    doing: what it is for, as a subject in the messages. limit_s: a model that hangs must not hold the parent for ever. Raises
    IntegrityError and UnavailableError as the child does, BenchmarkError for any other failure.
    """
    import subprocess

    package_root = str(Path(__file__).parents[2])  # the child imports the edgeproof that this process runs
    search = os.pathsep.join(dict.fromkeys([package_root, *filter(None, sys.path)]))
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", module, *words],
            env={**os.environ, "PYTHONPATH": search}, input=given, capture_output=True, check=False, timeout=limit_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{doing}: its child process took more than {limit_s:.0f} s") from None
    told, complaint = (text.decode(errors="replace").strip() for text in (child.stdout, child.stderr))
    last = complaint.splitlines()[-1] if complaint else "nothing said"
    if child.returncode in _KEPT:
        raise _KEPT[child.returncode](last)
    if child.returncode:
        raise BenchmarkError(f"{doing} failed in its child process, which ended with {child.returncode}: {last}")
    try:
        return json.loads(told.splitlines()[-1])
    except (IndexError, ValueError):
        raise BenchmarkError(
            f"{doing}: expected JSON from its child process, found {first_line(told[-200:])!r}"
        ) from None


def answer(work: Callable[[], Any]) -> None:
    """Of the child: do the work and print what it gives, a table or list for JSON. Ends the process where it fails."""
    try:
        print(json.dumps(work()), flush=True)
    except EdgeproofError as error:
        print(first_line(error), file=sys.stderr)
        sys.exit(error.exit_code)
