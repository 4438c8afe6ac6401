"""The child: opens one model file, runs it in every batch size that will be used, and tells what it is about to do.

    python -m edgeproof.probed.child

A request on stdin: the length of the job, which is JSON, the job, the model file, the images. Replies on stdout, a line of JSON
each; the last one said what was being done when the process died. What libraries print goes nowhere.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import signal
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from edgeproof.backends import BACKENDS, CPU, open_backend
from edgeproof.errors import MAX_REASON, IntegrityError, UnavailableError, first_line
from edgeproof.manifest import Artifact
from edgeproof.support import tables

HEAD = struct.Struct("<Q")  # bytes of the job, which follow
LONGER_S = 5  # than its parent waits, the child waits for itself: the parent may be gone
#: What the runtimes call it, in errors of every class.
_OUT_OF_MEMORY = re.compile(r"bad.?alloc|(insufficient|out of|cannot allocate) memory|fail(ed|ure)? to allocate", re.I)

Refused = Literal["", "integrity", "unavailable", "memory"]


@dataclass(frozen=True)
class Job:
    """One model file on one backend and device.

    sizes: batch sizes to run, images each. dtype, shape: of the images that follow, as the model takes them.
    content_bytes: of the model file. patience_s: for opening it, and for each run beside a second per image, seconds.
    memory_bytes: of data memory; 0: unlimited.
    """

    artifact: Artifact
    backend: str
    device: str
    sizes: tuple[int, ...]
    dtype: str
    shape: tuple[int, ...]
    content_bytes: int
    patience_s: int
    memory_bytes: int

    @property
    def counts_cpu(self) -> bool:
        """Whether its seconds are of CPU time; else, on a GPU, by the clock on the wall."""
        return self.device == CPU and sys.platform != "win32"

    def seconds(self, images: int) -> int:
        """That a step may take: opening and closing (0 images), or running so many."""
        return self.patience_s + images

    def wall_s(self, images: int) -> int:
        """The same by the clock on the wall, on a machine that is busy with something else too."""
        return 20 + 2 * self.seconds(images) if self.counts_cpu else self.seconds(images)


@dataclass(frozen=True)
class Reply:
    """doing: what comes next, in words, with so many images. done: whether all is done.
    refused, reason: an error that was raised, by its kind."""

    doing: str
    images: int = 0
    done: bool = False
    refused: Refused = ""
    reason: str = ""


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not be taken for a reply; the parent throws 2 away
    serve(requests, replies)


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Do the one job in `requests`."""
    (length,) = HEAD.unpack(requests.read(HEAD.size))
    job = tables.from_table(Job, json.loads(requests.read(length)), "job")
    content = requests.read(job.content_bytes)
    images = np.frombuffer(requests.read(), job.dtype).reshape(job.shape)

    def tell(reply: Reply) -> None:
        replies.write(json.dumps(tables.to_table(reply)).encode() + b"\n")
        replies.flush()

    with contextlib.suppress(ImportError):  # which opening it tells
        importlib.import_module(BACKENDS[job.backend].module)
    _limit_memory(job)

    def begin(doing: str, images: int = 0) -> None:
        _begin_step(job, images)
        tell(Reply(doing, images))

    tell(_examined(job, content, images, begin))


def _examined(job: Job, content: bytes, images: NDArray[np.generic], begin: Callable[..., None]) -> Reply:
    """The last reply. `begin` is told of each step."""
    opened = False
    try:
        begin("opening it")
        model = open_backend(job.backend, content, job.artifact, job.device, threads=1)
        opened = True
        for size in job.sizes:
            begin(f"running it on {size} image{'s' if size > 1 else ''}", size)
            for _ in range(2 if size == 1 else 1):  # the second call may take another way: memory is bound by then
                _check_shape(model.run(images[:size]), size, job)
        begin("closing it")
        model.close()
    except Exception as error:  # the exceptions of a runtime share no base class
        if opened and job.device != CPU and not isinstance(error, IntegrityError):
            return Reply("", done=True)  # a GPU's memory may be full now: whoever uses it goes on without
        return _refusal(error, job)
    return Reply("", done=True)


def _refusal(error: Exception, job: Job) -> Reply:
    reason = first_line(error)[:MAX_REASON]
    if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
        return Reply("", refused="memory", reason=reason)
    if isinstance(error, UnavailableError):
        return Reply("", refused="unavailable", reason=reason)
    if not isinstance(error, IntegrityError):
        reason = f"{job.artifact.name}: {BACKENDS[job.backend].title} fails: {reason}"
    return Reply("", refused="integrity", reason=reason)


def _check_shape(output: NDArray[np.generic], size: int, job: Job) -> None:
    assert job.artifact.output is not None
    expected = (size, *job.artifact.output.shape[1:])
    if output.shape != expected:
        raise IntegrityError(f"{job.artifact.name}: expected an answer of shape {expected}, found {output.shape}")


# ---- limits ----------------------------------------------------------------------------------------------------------


def _begin_step(job: Job, images: int) -> None:
    """From now on count anew. Windows has neither of these: there the parent's clock is all."""
    if sys.platform == "win32":
        return
    signal.alarm(job.wall_s(images) + LONGER_S)
    if job.counts_cpu:
        import resource

        _limit(resource.RLIMIT_CPU, int(time.process_time()) + 1 + job.seconds(images))


def _limit_memory(job: Job) -> None:
    """Data memory, and first choice of the kernel where the machine has too little. macOS does not count what is mapped."""
    if sys.platform == "win32":
        return
    import resource

    _limit(resource.RLIMIT_CORE, 0)
    if job.memory_bytes:
        _limit(resource.RLIMIT_DATA, job.memory_bytes)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit(what: int, most: int) -> None:
    import resource

    _, hard = resource.getrlimit(what)
    with contextlib.suppress(OSError):  # a sandbox may forbid it: then the clock on the wall is what is left
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main()
