"""Thousands of malformed models, each as the model of a bundle that is loaded and opened as a user would, in this one process.

    python tests/runtime/probed/malformed.py BUNDLE ARTIFACT BACKEND FIRST COUNT

Children are forked from this process, which has the runtimes loaded, instead of started anew: else it would take hours. What
they do is what they always do. Prints how each ended, one line of JSON; the number of the one in work goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[3])]

from edgeproof.backends import BACKENDS  # noqa: E402
from edgeproof.bundle import load_bundle  # noqa: E402
from edgeproof.classifier import open_classifier  # noqa: E402
from edgeproof.errors import EdgeproofError  # noqa: E402
from edgeproof.probed import process  # noqa: E402
from edgeproof.probed.child import serve  # noqa: E402
from tests.runtime.probed.hostile import with_model  # noqa: E402
from tests.runtime.probed.mutants import damaged  # noqa: E402


class Forked:
    """As much of a Popen as is asked for."""

    def __init__(self, *_: Any, **__: Any) -> None:
        theirs, ours = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 1)
            os.dup2(null, 2)
            os.close(theirs[1])
            serve(os.fdopen(theirs[0], "rb"), os.fdopen(ours[1], "wb"))
            os._exit(0)
        os.close(theirs[0])
        os.close(ours[1])
        self.stdin, self.stdout = os.fdopen(theirs[1], "wb"), os.fdopen(ours[0], "rb")
        self.returncode: int | None = None

    def wait(self, _timeout: float | None = None) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, 9)


def main(source: str, artifact: str, backend: str, first: str, count: str) -> None:
    process.subprocess.Popen = Forked  # type: ignore[assignment, misc]
    importlib.import_module(BACKENDS[backend].module)
    row = load_bundle(source).manifest.artifact(artifact)
    good = (Path(source) / str(row.file)).read_bytes()
    ends: Counter[str] = Counter()
    slowest, start = 0.0, time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = os.devnull  # thousands of verdicts that nobody asks for again
        for seed in range(int(first), int(first) + int(count)):
            print(seed, file=sys.stderr, flush=True)
            folder = with_model(Path(source), Path(scratch) / "bundle", artifact, damaged(good, row.format, seed))
            began = time.monotonic()
            ends[_end(folder, artifact, backend)] += 1
            slowest = max(slowest, time.monotonic() - began)
    print(json.dumps({"ends": ends, "slowest_s": round(slowest, 2), "seconds": round(time.monotonic() - start)}))


def _end(folder: Path, artifact: str, backend: str) -> str:
    """How one ends, and who said so, in a few words."""
    try:
        bundle = load_bundle(folder)
    except EdgeproofError as error:
        return f"refused before any runtime, {error.exit_code}"
    try:
        open_classifier(bundle, artifact, backend, threads=1).close()
    except EdgeproofError as error:
        told = str(error)
        for part in ("died of ", "took more than", "wants more than", "golden: "):
            if part in told:
                return f"{part}{told.partition(part)[2].split()[0] if part == 'died of ' else '…'}, {error.exit_code}"
        return f"refused by the runtime, {error.exit_code}"
    return "answers as before"


if __name__ == "__main__":
    main(*sys.argv[1:])
