"""The child as its parent sees it: started, given its job, watched, and what is concluded from how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeproof.backends import CPU
from edgeproof.errors import UsageError
from edgeproof.probed.child import HEAD, Job, Reply
from edgeproof.probed.verdicts import Outcome
from edgeproof.support import tables

START_S = 60  # for Python, numpy and a runtime to load, also from a slow SD card
END_S = 10  # in which a process that has closed its pipe is gone
_MAX_LINE = 2**16
#: What others send, the kernel among them when the memory of the machine is used up.
_FROM_OUTSIDE = {
    getattr(signal, name, None) for name in ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGALRM")
}


def outcome_of(job: Job, content: bytes, images: Any) -> Outcome:
    """What becomes of a child that does `job` with a model file's `content` and an array of images."""
    if not sys.executable:
        return _untried("expected a Python that tries the model in a process of its own, found a program without")
    environment = {
        "OPENBLAS_NUM_THREADS": "1",  # each thread of it would take from the limit of memory
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([str(Path(__file__).parents[2]), *filter(None, sys.path)])),
    }
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edgeproof.probed.child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | environment,
        )  # fmt: skip
    except OSError as error:
        return _untried(f"expected a process of its own to try the model in, found {error.strerror}")
    described = json.dumps(tables.to_table(job)).encode()
    return _followed(process, job, [HEAD.pack(len(described)), described, content, images.tobytes()])


def _followed(process: subprocess.Popen[bytes], job: Job, request: Sequence[bytes]) -> Outcome:
    """Ends the process, whatever happens."""
    clock, last = _Clock(process), None
    try:
        clock.restart(START_S)
        _send(process, request)
        while (reply := _received(process)) and reply.doing:
            last = reply
            clock.restart(job.wall_s(min(last.images, job.sizes[-1])))
        clock.stop()
        if reply:
            return _told(reply, job)
        _wait(process)
        if last is None:
            return _unloaded(process.returncode, late=clock.late)
        return _late(last, job) if clock.late else _ended(process.returncode, last, job)
    finally:
        clock.stop()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


class _Clock:
    """Kills a process that is too long about one thing."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._timer, self.late = process, threading.Timer(0, lambda: None), False

    def restart(self, seconds: float) -> None:
        self.stop()
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        self.late = True
        self._process.kill()


def _send(process: subprocess.Popen[bytes], request: Sequence[bytes]) -> None:
    assert process.stdin is not None
    try:
        for part in request:
            process.stdin.write(part)
        process.stdin.close()
    except OSError:  # it is gone: how it ended says more
        process.stdin = None


def _received(process: subprocess.Popen[bytes]) -> Reply | None:
    """The next reply; None when there is none to come."""
    assert process.stdout is not None
    line = process.stdout.readline(_MAX_LINE)
    try:
        return tables.from_table(Reply, json.loads(line), "reply") if line else None
    except (ValueError, RecursionError, UsageError):
        return None


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---- conclusions -----------------------------------------------------------------------------------------------------


def _told(reply: Reply, job: Job) -> Outcome:
    if reply.refused == "unavailable":
        return _untried(reply.reason)
    if reply.refused == "memory":  # the machine may have less than the limit
        most = f"more than {job.memory_bytes // 2**20} MB of" if job.memory_bytes else "too much"
        return Outcome("harmful", f"wants {most} memory ({reply.reason})", lasting=False)
    if reply.refused:
        return Outcome("refused", reply.reason, lasting=False)  # a runtime says much the same for want of memory
    return Outcome("harmless")


def _unloaded(code: int, *, late: bool) -> Outcome:
    how = f"was not loaded within {START_S} s" if late else f"did not load: it ended with {_name_of(code)}"
    return _untried(f"the runtime {how}, in a process of its own that was to try the model: try again")


def _late(last: Reply, job: Job) -> Outcome:
    """Where CPU time is counted that limit comes first, unless the machine is busy."""
    what = f"took more than {job.wall_s(last.images)} s while {last.doing}"
    if job.counts_cpu:
        return _untried(f"tried in a process of its own, the model {what}, most of them not computing: try again")
    return Outcome("harmful", what, lasting=False)


def _ended(code: int, last: Reply, job: Job) -> Outcome:
    name = _name_of(code)
    if code < 0 and -code in _FROM_OUTSIDE:
        return _untried(
            f"the process that tried the model was ended from outside ({name}) while {last.doing}, perhaps for want of memory: "
            "try again"
        )
    if name == "SIGXCPU":
        return Outcome("harmful", f"took more than {job.seconds(last.images)} s of CPU time while {last.doing}")
    lasting = job.device == CPU  # another driver may do better
    return Outcome("harmful", f"died of {name} while {last.doing}", lasting=lasting)


def _name_of(code: int) -> str:
    """How a process ended, by its exit code: the name of a signal, or on Windows of an exception by its number."""
    if code < 0:
        return signal.Signals(-code).name if -code in [*signal.Signals] else f"signal {-code}"
    return f"exit code {code:#x}" if code > 255 else f"exit code {code}"


def _untried(reason: str) -> Outcome:
    return Outcome("untried", reason, lasting=False)
