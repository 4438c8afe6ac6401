"""A host to deploy to: a real sshd on loopback with keys of its own, whose home is a folder of the test.

    with far_side(folder) as host: ...

`HOME` there is `folder/home`, `PATH` what the test says; it runs as the user of the test.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
#: An interpreter that can make environments, whatever runs the test.
PYTHON = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
_SERVER = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
SetEnv HOME={folder}/home PATH={path}
"""
_CLIENT = """
Host *
Port {port}
User {user}
IdentityFile {folder}/key
IdentitiesOnly yes
UserKnownHostsFile {folder}/known_hosts
GlobalKnownHostsFile /dev/null
LogLevel ERROR
"""


@dataclass(frozen=True)
class Host:
    """folder: of the test. config: for `ssh -F`. home: of the user there. port: of the server, on loopback."""

    folder: Path
    config: Path
    home: Path
    port: int


@contextlib.contextmanager
def far_side(
    folder: Path, *, path: str | None = None, known: bool = True, through: Path | None = None
) -> Iterator[Host]:
    """A running server.

    path: `PATH` there (default: one with Python in it, and without systemd). known: whether its key is among the
    known hosts. through: a program that runs in place of what is asked for, which is in SSH_ORIGINAL_COMMAND.
    """
    assert SSHD is not None
    (folder / "home").mkdir(parents=True)
    for name in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if path is None:
        tools = folder / "tools"
        tools.mkdir()
        (tools / "python3").symlink_to(PYTHON)
        for name in ("systemctl", "loginctl"):  # no test is to reach this machine's own
            (tools / name).write_text("#!/bin/sh\nexit 1\n")
            (tools / name).chmod(0o755)
        path = f"{tools}:/usr/bin:/bin"
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it asks for an empty folder to lock itself up in
    key = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}" if known else "")
    forced = f"ForceCommand {through}\n" if through else ""
    (folder / "sshd_config").write_text(_SERVER.format(folder=folder, port=port, path=path) + forced)
    config = folder / "ssh_config"
    config.write_text(_CLIENT.format(folder=folder, port=port, user=getpass.getuser()))
    server = subprocess.Popen([SSHD, "-D", "-f", folder / "sshd_config", "-E", folder / "sshd.log"])
    try:
        _wait_for(port, server, folder / "sshd.log")
        yield Host(folder, config, folder / "home", port)
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert server.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


#: A program with the verbs that a deployment calls: what it prints says which version ran, and how it was called.
_PROGRAM = """
import json, sys
words = sys.argv[1:]
print(json.dumps(["{version}", *words]))
print({says}.get(words[0] if words else "", ""), end="")
sys.exit({fails}.get(words[0] if words else "", 0))
"""


def wheel(
    folder: Path,
    version: str,
    fails: dict[str, int] | None = None,
    *,
    needs: str = "",
    bundle: Path | None = None,
    says: dict[str, str] | None = None,
) -> Path:
    """A wheel named edgeproof, of a program that does nothing. fails: exit codes by verb. needs: a package that it asks for.
    bundle: a folder that it carries. says: what else it prints, by verb."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("edgeproof-*"):
        old.unlink()
    path = folder / f"edgeproof-{version}-py3-none-any.whl"
    info = f"edgeproof-{version}.dist-info"
    asks = f"Requires-Dist: {needs}\n" if needs else ""
    content: dict[str, str | bytes] = {
        "edgeproof/__init__.py": "",
        "edgeproof/__main__.py": _PROGRAM.format(version=version, fails=fails or {}, says=says or {}),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: edgeproof\nVersion: {version}\n{asks}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    carried = sorted(bundle.iterdir()) if bundle else []
    content |= {f"edgeproof/bundles/digits/{file.name}": file.read_bytes() for file in carried}
    return _zipped(path, content, info)


def signatures(folder: Path) -> Path:
    """A wheel named cryptography, with nothing in it."""
    info = "cryptography-1.dist-info"
    content: dict[str, str | bytes] = {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: cryptography\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    return _zipped(folder / "cryptography-1-py3-none-any.whl", content, info)


def _zipped(path: Path, content: dict[str, str | bytes], info: str) -> Path:
    content[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*content, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in content.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return path
