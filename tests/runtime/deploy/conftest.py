"""Fixtures: hosts on loopback, wheelhouses, and a program `ssh` that dies when it is told to."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runtime.deploy.far_side import SSHD, Host, far_side, wheel

#: Passes on what ssh says and hears until it is cut: CUT=bytes:N on the way there, request:K as soon as that is sent,
#: answer:K before that is heard, ask:0 before anything.
_CUT = """#!{python}
import os, subprocess, sys, threading, time
kind, _, number = os.environ.get("CUT", "never:0").partition(":")
if kind == "ask":
    sys.exit(255)
if kind == "never" or sys.argv[-1] == "sh":
    os.execv("{ssh}", ["{ssh}", *sys.argv[1:]])
number, sent, heard = int(number), 0, 0
child = subprocess.Popen(["{ssh}", *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
def cut():
    child.kill()
    os._exit(255)
def there():
    global sent, heard
    while chunk := os.read(0, 2**16):
        if kind == "bytes" and sent + len(chunk) > number:
            child.stdin.write(chunk[: number - sent])
            time.sleep(0.1)
            cut()
        child.stdin.write(chunk)
        sent += len(chunk)
        if kind == "request" and heard == number:
            heard = -99
            time.sleep(0.3)
            cut()
    child.stdin.close()
threading.Thread(target=there, daemon=True).start()
buffered = os.fdopen(child.stdout.fileno(), "rb", closefd=False)
for line in buffered:
    if kind == "answer" and heard + 1 == number:
        cut()
    if heard >= 0:
        heard += 1
        os.write(1, line)
os._exit(child.wait())
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """`start(path=…, known=…)`: a running host, until the test ends. Skips where there is nothing to deploy to."""
    if SSHD is None or sys.platform != "linux":
        pytest.skip("no sshd here: on Debian, apt-get install openssh-server")
    for program in ("ssh", "ssh-keygen"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here: on Debian, apt-get install openssh-client")
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(far_side(tmp_path / "far", **options))


@pytest.fixture
def host(start: Callable[..., Host]) -> Host:
    return start()


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """Of the stand-in for the program, version 1."""
    wheel(tmp_path / "wheelhouse", "1")
    return tmp_path / "wheelhouse"


@pytest.fixture
def cutting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ssh` follows the environment variable CUT."""
    program = tmp_path / "cutting" / "ssh"
    program.parent.mkdir()
    program.write_text(_CUT.format(python=sys.executable, ssh=shutil.which("ssh")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
