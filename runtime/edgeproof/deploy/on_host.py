"""The far side of a deployment: a program of its own, which ssh hands to the host's Python as text. Python's library alone.

A request is one line of JSON on standard input, an answer one on standard output. The next request comes after the answer, so
whatever can be read during a command is the end of the connection: the command is ended, and nothing follows. All of it is done
under a lock that ends with the process. What is there:

    .edgeproof-deploy        marks the folder as ours, and is the lock
    wheels/                  of the current release: what is there is not copied again
    releases/ID/venv/        the program
    releases/ID/bundle/      the bundle, where one was given
    releases/ID/trusted/     the keys of --trust, where any was given
    releases/ID/release.json written last: without it the release is swept
    current, previous        links to releases, replaced in one step
"""

import contextlib
import ensurepip
import errno
import fcntl
import hashlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

IDLE_S = 120  # without a byte from the other side: it is gone, and the lock must not stay
LONGEST_S = 1800  # of a command: on a slow card installing takes minutes, and a hang must not keep the lock
MOST = 4 * 2**20  # bytes of what a command says
TIMED_OUT = 124  # as timeout(1) has it
MARK, DONE = ".edgeproof-deploy", "release.json"
_RELEASE = re.compile(r"[\w.+!-]+-[0-9a-f]{12}", re.ASCII)
# As ensurepip does it.
_RUN_PIP = (
    "import runpy,sys;sys.path.insert(0,sys.argv.pop(1));runpy.run_module('pip',run_name='__main__',alter_sys=True)"
)
Words = dict[str, Any]


class Refusal(Exception):  # noqa: N818 (said to the other side, no failure of this program)
    """One line: what was expected, what was found, what to do."""


class Deployment:
    """The folder of one deployment, locked; each method is a request."""

    def __init__(self, place: str, wait_s: float) -> None:
        self.root = Path.home() / place
        self.root.mkdir(parents=True, exist_ok=True)
        mark = self.root / MARK
        if not mark.exists() and any(self.root.iterdir()):
            raise Refusal(
                f"{self.root}: expected an empty folder, or that of a deployment, found other files: name another"
            )
        self.lock = os.open(mark, os.O_RDWR | os.O_CREAT, 0o644)
        if not self._locked(wait_s):
            raise Refusal(f"{self.root}: expected to be alone, found another deployment at work: wait for its end")
        self.releases, self.wheels = self.root / "releases", self.root / "wheels"
        self.releases.mkdir(exist_ok=True)
        self.wheels.mkdir(exist_ok=True)

    def look(self) -> Words:
        """Sweeps what was left unfinished; says which releases are there, which is current, and the wheels by sha256."""
        for name in ("current", "previous"):
            link = self.root / name
            if link.exists() and not link.is_symlink():
                raise Refusal(f"{link}: expected a link, found something else: move it away")
        self._sweep()
        return {
            "root": str(self.root),
            "current": self._target("current"),
            "releases": [path.name for path in self.releases.iterdir() if (path / DONE).is_file()],
            "wheels": {path.name: _sha256(path) for path in self.wheels.iterdir() if path.suffix == ".whl"},
        }

    def put(self, path: str, size: int, sha256: str) -> Words:
        """Takes `size` bytes from standard input into a file below the root: whole and as stated, or not at all."""
        target = self.root / path
        part = target.with_name(f"{target.name}.part")
        left = size
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                while left:
                    chunk = _read(min(left, 2**16))
                    left -= len(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            while left:  # what follows must not be taken for a request
                left -= len(_read(min(left, 2**16)))
            full = ": free some disk there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
            raise Refusal(f"{target}: expected to write {size} bytes, found: {error.strerror}{full}") from None
        if _sha256(part) != sha256:
            part.unlink()
            raise Refusal(f"{path}: expected what was sent, found other bytes: deploy again")
        part.replace(target)
        return {}

    def install(self, release: str, wheels: list[str]) -> Words:
        """An environment of its own with exactly these wheels; nothing is fetched."""
        environment = self.releases / release / "venv"
        pip = _pip()
        made = self._command(
            [sys.executable, "-I", "-m", "venv", *(["--without-pip"] if pip else []), str(environment)]
        )
        if made["code"]:
            return made
        python = [str(environment / "bin" / "python"), "-I"]
        start = ["-c", _RUN_PIP, str(pip)] if pip else ["-m", "pip"]
        options = ["--isolated", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-cache-dir"]
        files = [str(self.wheels / name) for name in wheels]
        return self._command([*python, *start, *options, "--only-binary", ":all:", *files])

    def run(self, release: str, words: list[str]) -> Words:
        """`edgeproof WORDS` of that release, or of "current"."""
        folder = self.root / "current" if release == "current" else self.releases / release
        return self._command([str(folder / "venv" / "bin" / "python"), "-I", "-m", "edgeproof", *words])

    def system(self, words: list[str]) -> Words:
        """Another program of the host."""
        return self._command(words)

    def switch(self, release: str, record: Words) -> Words:
        """Makes a release that was proven the current one, in one step; the one before stays, older ones go."""
        done = self.releases / release / DONE
        _write(done, json.dumps(record, indent=1).encode())
        os.sync()  # all that was installed, before a link leads there
        before = self._target("current")
        if before not in (None, release):
            self._link("previous", before)
        self._link("current", release)
        self._sweep()
        for path in self.wheels.iterdir():
            if path.name not in record["wheels"]:
                path.unlink()
        return {"previous": self._target("previous")}

    def back(self) -> Words:
        """Makes the previous release the current one again; then there is no previous one."""
        before = self._target("previous")
        if before is None:
            raise Refusal(f"{self.root}: expected a previous release to go back to, found none")
        self._link("current", before)
        (self.root / "previous").unlink()
        _sync(self.root)
        return {}

    def sweep(self) -> Words:
        """Removes what failed."""
        self._sweep()
        return {}

    def _locked(self, wait_s: float) -> bool:
        """Waits for one that was cut off, and is about to end."""
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    return False
                time.sleep(0.1)
            else:
                return True

    def _target(self, name: str) -> str | None:
        """The release that a link leads to, if that is whole."""
        try:
            release = (self.root / name).readlink().name
        except OSError:
            return None
        return release if (self.releases / release / DONE).is_file() else None

    def _link(self, name: str, release: str | None) -> None:
        new = self.root / f".{name}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(f"releases/{release}", target_is_directory=True)
        new.replace(self.root / name)
        _sync(self.root)

    def _sweep(self) -> None:
        """Removes every release but the current, the previous and any that still runs: older, or never finished."""
        kept = {self._target("current"), self._target("previous")}
        old = [path for path in self.releases.iterdir() if path.name not in kept and _RELEASE.fullmatch(path.name)]
        for path in set(old) - _in_use(old):
            (path / DONE).unlink(missing_ok=True)  # first: half a release must not look whole
            shutil.rmtree(path)

    def _command(self, words: list[str]) -> Words:
        """What a command said, and its exit code. Ends with it when the connection does."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "VIRTUAL_ENV"))}
        environment["PYTHONIOENCODING"] = "utf-8"
        runtime = f"/run/user/{os.getuid()}"
        if Path(runtime).is_dir():
            environment.setdefault("XDG_RUNTIME_DIR", runtime)  # systemctl --user asks there
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                child = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.root, env=environment,
                    start_new_session=True, pass_fds=(self.lock,),
                )  # fmt: skip
            except OSError as error:
                return {"code": 127, "out": "", "err": f"{words[0]}: {error.strerror}"}
            if not _wait(child):
                return {"code": TIMED_OUT, "out": _said(out), "err": f"{_said(err)}\nno end within {LONGEST_S} s"}
            return {"code": child.returncode, "out": _said(out), "err": _said(err)}


def _wait(child: "subprocess.Popen[bytes]") -> bool:
    """Whether it ended by itself in time; else it is killed, with all that it started. So it is when the connection has
    ended, and then this program ends too."""
    until = time.monotonic() + LONGEST_S
    while child.poll() is None:
        gone = bool(select.select([0], [], [], 0.1)[0])
        if gone or time.monotonic() >= until:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if gone:
                sys.exit(1)
            return False
    return True


def _in_use(folders: "list[Path]") -> "set[Path]":
    """Those that a process was started from, or has a library of open. A process that cannot be read is passed over."""
    found: set[Path] = set()
    for process in Path("/proc").glob("[0-9]*") if folders else ():
        said = b""
        # Who was started by way of a link names the link, but what it loaded is mapped from where that led then.
        with contextlib.suppress(OSError):
            said += os.fsencode((process / "exe").readlink()) + b"\n"
        for name in ("cmdline", "maps"):
            with contextlib.suppress(OSError):
                said += (process / name).read_bytes()
        found |= {path for path in folders if any(os.fsencode(f"{name}/") in said for name in (path, path.resolve()))}
    return found


def _pip() -> "Path | None":
    """The wheel of pip that Python puts into environments. It runs from there, so that none is installed: that takes long."""
    brought = sysconfig.get_config_var("WHEEL_PKG_DIR")
    folders = [Path(brought)] if brought else []
    folders += [Path(ensurepip.__file__).parent / "_bundled"]
    return next((wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))), None)


def _said(file: Any) -> str:
    file.seek(0)
    content: bytes = file.read(MOST)
    return content.decode("utf-8", "replace")


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(most: int) -> bytes:
    """At least one byte. Ends the program with the connection."""
    signal.alarm(IDLE_S)  # nobody handles it: it ends the program
    found: bytes = sys.stdin.buffer.read(most)
    signal.alarm(0)
    if not found:
        sys.exit(1)
    return found


def _request() -> Words:
    signal.alarm(IDLE_S)
    line = sys.stdin.buffer.readline()
    signal.alarm(0)
    if not line.endswith(b"\n"):  # half a request is none
        sys.exit(1)
    words: Words = json.loads(line)
    return words


def _answer(words: Words) -> None:
    sys.stdout.buffer.write(json.dumps(words).encode() + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    """Answers requests until the connection ends."""
    _answer({"edgeproof": 1})
    deployment: Deployment | None = None
    while True:
        request = _request()
        do = request.pop("do")
        try:
            if do == "open":
                deployment = Deployment(**request)
                _answer(deployment.look())
            elif do in ("put", "install", "run", "system", "switch", "back", "sweep"):
                _answer(getattr(deployment, do)(**request))
            else:
                raise Refusal(f"expected a request, found {do!r}")
        except (Refusal, OSError) as error:
            _answer({"refused": str(error)})


if __name__ == "__main__":
    main()
