"""The one connection to a host: the system's own ssh, which asks for nothing and trusts nobody new.

One connection for all: one login, one lock on the host that ends with it, and no second program with rules of its own about
the names of files (scp), which small devices may lack.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from edgeproof.errors import MAX_REASON, EdgeproofError, UnavailableError, UsageError

# ssh follows the first setting of a kind: these stand even beside a user's own.
_ALWAYS = ("BatchMode=yes", "RemoteCommand=none", "ClearAllForwardings=yes")
_ELSE = ("ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=4")
# Every shell takes it as one word. The program comes behind its length, and after it the requests.
_START = "import sys;exec(sys.stdin.buffer.read(int(sys.stdin.buffer.readline())))"
_ASK_S = 120
_CHUNK = 2**16
Words = dict[str, Any]


def command(login: str, remote: str, options: Sequence[str] = (), config: Path | None = None) -> list[str]:
    """What is run here. options: as `-o` takes them. config: a file, as `-F` takes it. Raises UnavailableError without ssh."""
    ssh = shutil.which("ssh")
    if ssh is None:
        raise UnavailableError(
            "expected the system's ssh, found none: install it (on Debian: apt-get install openssh-client)"
        )
    file = ["-F", str(config)] if config else []
    settings = [word for option in (*_ALWAYS, *options, *_ELSE) for word in ("-o", option)]
    return [ssh, "-T", "-a", "-x", *file, *settings, "--", login, remote]


def ask_shell(words: Sequence[str], script: str, host: str) -> str:
    """What a script printed that the host's shell took from its standard input. Raises UnavailableError.

    words: of `command`, with `sh` as the remote command.
    """
    try:
        done = subprocess.run(words, input=script.encode(), capture_output=True, timeout=_ASK_S, check=False)
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{host}: expected an answer within {_ASK_S} s, found none: try ssh {host}") from None
    if done.returncode == 255:
        raise UnavailableError(f"{host}: expected a connection, found: {_last(done.stderr)}: try ssh {host}")
    if done.returncode:  # of a shell, or of what stands in its place
        raise UnavailableError(f"{host}: expected a POSIX shell, found: {_last(done.stderr)}: try ssh {host} sh")
    return done.stdout.decode("utf-8", "replace")


def start_python(python: str) -> str:
    """The remote command that runs the program which is sent. Raises UsageError for a path that no shell can be trusted with."""
    if not re.fullmatch(r"[\w@%+=:,./ -]+", python, re.ASCII):
        raise UsageError(f"--python: expected a path of plain characters, found {python!r}: name another")
    return f"{shlex.quote(python)} -I -c '{_START}'"


class Connection:
    """To the program `on_host` on one host; ends with the block that it is opened for.

    login: of the host, for messages. doing: what is being done there, for the message when the connection is lost. lost: whether
    it is.
    """

    def __init__(self, words: Sequence[str], login: str) -> None:
        self.login = login
        self.doing = "connecting"
        self.lost = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the connection)
        self._ssh = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        program = Path(__file__).with_name("on_host.py").read_bytes()
        self._send(b"%d\n" % len(program) + program)
        while not self._line().startswith(b'{"edgeproof": 1'):
            pass  # a login's greeting

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The program there ends with it, and what it was doing too."""
        if self._ssh.poll() is None:
            self._ssh.terminate()
        for stream in (self._ssh.stdin, self._ssh.stdout):
            assert stream is not None  # as it was opened
            with contextlib.suppress(BrokenPipeError):  # what was still to be sent
                stream.close()
        self._ssh.wait()
        self._errors.close()

    def ask(self, do: str, **words: object) -> Words:
        """The answer to a request of `on_host`. Raises UnavailableError for a lost connection, EdgeproofError for a refusal."""
        self._send(json.dumps({"do": do, **words}).encode() + b"\n")
        return self._answer()

    def put(self, source: Path, target: str, sha256: str) -> None:
        """Copies a file to the path `target` below the deployment's folder."""
        with source.open("rb") as file:
            size = source.stat().st_size
            self._send(json.dumps({"do": "put", "path": target, "size": size, "sha256": sha256}).encode() + b"\n")
            while chunk := file.read(_CHUNK):
                self._send(chunk)
        self._answer()

    def _answer(self) -> Words:
        answer: Words = json.loads(self._line())
        if "refused" in answer:
            raise EdgeproofError(f"{self.login}: {answer['refused']}")
        return answer

    def _send(self, content: bytes) -> None:
        assert self._ssh.stdin is not None  # as it was opened
        try:
            self._ssh.stdin.write(content)
            self._ssh.stdin.flush()
        except BrokenPipeError:
            raise self._lost() from None

    def _line(self) -> bytes:
        assert self._ssh.stdout is not None  # as it was opened
        line = self._ssh.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._lost()
        return line

    def _lost(self) -> UnavailableError:
        self.lost = True
        self._ssh.terminate()
        self._ssh.wait()
        self._errors.seek(0)
        return UnavailableError(
            f"{self.login}: expected the connection to last, found it lost while {self.doing}: {_last(self._errors.read())}: "
            "what is current there still runs; deploy again"
        )


def _last(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:MAX_REASON] if lines else "ssh gave no reason"
